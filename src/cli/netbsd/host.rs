//! The module of the running kernel, and a jail on the command line.

use std::str::FromStr;

use super::failure::{Exit, Failure};
use crate::jail::JailError;
use crate::kernel::netbsd::{Netbsd, Sysctl};
use crate::kernel::{JailInfo, JailName, Jid, Kernel, KernelError, NameError};
use crate::supervise::SuperviseError;

/// For root alone, and with the module loaded.
pub fn kernel() -> Result<Netbsd<Sysctl>, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err(KernelError::NotPermitted.into());
    }
    Ok(Netbsd::open(Sysctl)?)
}

/// Digits are always a jid; no jail can have such a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Name(JailName),
    Jid(Jid),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Target::Name).map_err(|error: NameError| error.to_string());
        }
        text.parse().ok().and_then(Jid::new).map(Target::Jid).ok_or_else(|| format!("{text} is no jid; 0 is the host"))
    }
}

impl Target {
    pub fn resolve(&self, kernel: &dyn Kernel) -> Result<JailInfo, Failure> {
        let found = match self {
            Target::Jid(jid) => kernel.list()?.into_iter().find(|jail| jail.jid == *jid),
            Target::Name(name) => kernel.find(name)?,
        };
        found.ok_or_else(|| match self {
            Target::Jid(jid) => KernelError::NoSuchJail(*jid).into(),
            Target::Name(name) => Failure::new(Exit::FAILED, format!("no jail {name} in the kernel; see jailctl list")),
        })
    }
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Failure {
        let exit = match &error {
            KernelError::NotPermitted => Exit(77),
            KernelError::NotLoaded => {
                return Failure::new(Exit::UNAVAILABLE, "secmodel_jail is not loaded; run modload secmodel_jail");
            }
            KernelError::Abi { .. } | KernelError::NotEnforceable { .. } | KernelError::RightNotEnforceable { .. } => {
                Exit::UNAVAILABLE
            }
            _ => Exit::FAILED,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<JailError> for Failure {
    fn from(error: JailError) -> Failure {
        let exit = match error {
            JailError::Kernel(error) => return error.into(),
            JailError::NoSuchUser { .. } => Exit::USAGE,
            JailError::NotExecutable { .. } => Exit(126),
            JailError::NotFound { .. } => Exit(127),
            JailError::Path { .. } | JailError::System { .. } => Exit::FAILED,
        };
        Failure::new(exit, error.to_string())
    }
}

impl From<SuperviseError> for Failure {
    fn from(error: SuperviseError) -> Failure {
        match error {
            SuperviseError::Jail(error) => error.into(),
            SuperviseError::Kernel(error) => error.into(),
            error => Failure::new(Exit::FAILED, error.to_string()),
        }
    }
}
