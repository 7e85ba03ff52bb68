//! A module of the kernel's, which modload(8) and modunload(8) handle.

use std::process::Command;

use super::Status;
use crate::kernel::netbsd::{Netbsd, Sysctl};
use crate::kernel::{Description, Kernel, KernelError};

const NAME: &str = "secmodel_jail";
/// Where a member would look for the module: a directory that no jail's root has.
pub const FILES: &str = "/stand";

/// Loads it.
pub fn load() -> Result<(), KernelError> {
    run("/sbin/modload")
}

/// Removes it; refused while a jail exists.
pub fn unload() -> Result<(), KernelError> {
    run("/sbin/modunload")
}

fn run(program: &str) -> Result<(), KernelError> {
    let failed = |why: String| KernelError::Other { doing: format!("{program} {NAME}"), why };
    let output = Command::new(program).arg(NAME).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())) }
}

/// What is loaded; `None`: nothing.
pub fn loaded() -> Result<Option<(Status, Description)>, KernelError> {
    let body = match Netbsd::open(Sysctl) {
        Err(KernelError::NotLoaded) => return Ok(None),
        opened => opened?,
    };
    let (jails, description) = (body.list()?, body.describe());
    let status = Status {
        loaded: true,
        abi: description.abi,
        programs: 1,
        jails: jails.len(),
        members: jails.iter().map(|jail| jail.processes).sum(),
        directory: "security.models.jail".into(),
    };
    Ok(Some((status, description)))
}

/// Only loading it tells.
pub fn refusal() -> Option<KernelError> {
    None
}

/// Never.
pub fn jails_do_without() -> bool {
    false
}
