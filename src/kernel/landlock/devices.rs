//! The device allow-list of a jail as a program on its control group. It goes with the group.

use std::os::fd::AsFd;
use std::path::Path;

use libbpf_rs::{MapCore, MapFlags, Object};

use super::programs::{self, EXIT, Kind, MOVE, instruction};
use crate::kernel::bpf;
use crate::kernel::detached::open_directory;
use crate::kernel::{KernelError, RightSet};

const PROGRAM: &str = "jail_device";
/// The map that the program reads what was granted from.
const PARTS: &str = "granted_parts";
const KIND: Kind = Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_DEVICE, attach: libbpf_sys::BPF_CGROUP_DEVICE };

/// `return 1;`
const ALLOW: [u64; 2] = [instruction(MOVE, 0, 0, 1), instruction(EXIT, 0, 0, 0)];

/// Does the program load here? Else why not. One that allows everything is loaded and attached to the root group for an
/// instant; the real one calls nothing and needs no more.
pub fn probe() -> Result<(), String> {
    programs::try_out(KIND, &ALLOW)
}

/// From now on members of `group` (a directory of the cgroup2 file system) open only the devices every jail may, and those
/// that `rights` has by name.
pub fn guard(group: &Path, rights: RightSet) -> Result<(), KernelError> {
    let doing = || format!("guard the devices of {}", group.display());
    let directory = open_directory(group).map_err(KernelError::io(doing()))?;
    let object: Object = programs::load(&[PROGRAM], &[PARTS])?;
    let parts = object.maps().find(|map| map.name() == PARTS).expect("the object holds it");
    parts
        .update(&0_u32.to_ne_bytes(), &rights.parts().to_ne_bytes(), MapFlags::ANY)
        .map_err(|error| KernelError::Other { doing: doing(), why: format!("{error:#}") })?;
    let program = object.progs().find(|program| program.name() == PROGRAM).expect("the object holds it");
    // Alone: the group's descendants can add none.
    bpf::attach(program.as_fd(), directory.as_fd(), KIND.attach, 0).map_err(KernelError::system(doing()))
}
