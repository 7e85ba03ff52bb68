//! How much a jail received and sent, counted by the programs of `kmod/linux/traffic.bpf.c` on its group of cgroup2. They go with
//! the group, and are found by it: nothing is pinned. They only count, so a kernel that does not take them keeps jails all
//! the same, and tells no number.

use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use libbpf_rs::{MapCore, MapFlags, MapHandle, ObjectBuilder};
use nix::errno::Errno;

use crate::kernel::bpf::{self, Aligned};
use crate::kernel::detached::open_directory;

static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/traffic.o")));

const PROGRAMS: [(&str, libbpf_sys::bpf_attach_type); 2] =
    [("jail_received", libbpf_sys::BPF_CGROUP_INET_INGRESS), ("jail_sent", libbpf_sys::BPF_CGROUP_INET_EGRESS)];
/// More programs of others on one jail's group are not looked through.
const MOST: usize = 64;

/// Bytes of IP packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    pub received: u64,
    pub sent: u64,
}

/// Counts from now on. Beside whatever others attach, there and above.
pub fn count(group: &Path) -> Result<(), String> {
    let directory = open_directory(group).map_err(|error| error.to_string())?;
    // it would write to standard error; what failed is in the answer
    libbpf_rs::set_print(None);
    let object = ObjectBuilder::default().open_memory(&OBJECT.0).and_then(libbpf_rs::OpenObject::load);
    let object = object.map_err(|error| format!("{error:#}"))?;
    for (name, way) in PROGRAMS {
        let program = object.progs().find(|program| program.name() == name).expect("the object holds it");
        bpf::attach(program.as_fd(), directory.as_fd(), way, libbpf_sys::BPF_F_ALLOW_MULTI)
            .map_err(|errno| format!("attach {name}: {}", errno.desc()))?;
    }
    Ok(())
}

/// What was counted so far; `None` where nothing counts.
pub fn read(group: &Path) -> Option<Traffic> {
    let directory = open_directory(group).ok()?;
    let table = programs_on(directory.as_fd()).ok()?.into_iter().find_map(table_of)?;
    let total = |way: u32| -> Option<u64> {
        let each = table.lookup_percpu(&way.to_ne_bytes(), MapFlags::ANY).ok()??;
        each.iter().map(|bytes| Some(u64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?))).sum()
    };
    Some(Traffic { received: total(0)?, sent: total(1)? })
}

/// Ids of the programs that see what the group receives.
fn programs_on(group: BorrowedFd<'_>) -> Result<Vec<u32>, Errno> {
    let mut ids = [0_u32; MOST];
    let mut count = MOST as u32;
    let (mut flags, way) = (0, PROGRAMS[0].1);
    // SAFETY: an open descriptor, and room for as many numbers as `count` says, which the kernel sets to how many there are.
    let answer =
        unsafe { libbpf_sys::bpf_prog_query(group.as_raw_fd(), way, 0, &raw mut flags, ids.as_mut_ptr(), &raw mut count) };
    match answer {
        0 => Ok(ids[..(count as usize).min(MOST)].to_vec()),
        answer => Err(Errno::from_raw(-answer)),
    }
}

/// The table of a program, if that is ours.
fn table_of(program: u32) -> Option<MapHandle> {
    // SAFETY: takes a number.
    let raw = unsafe { libbpf_sys::bpf_prog_get_fd_by_id(program) };
    if raw < 0 {
        return None;
    }
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    let program = unsafe { OwnedFd::from_raw_fd(raw) };
    let mut table = 0_u32;
    let mut info = libbpf_sys::bpf_prog_info { nr_map_ids: 1, map_ids: (&raw mut table) as u64, ..Default::default() };
    let mut size = size_of::<libbpf_sys::bpf_prog_info>() as u32;
    // SAFETY: an open descriptor, a structure of the size given, and room for the one number that it asks for.
    let answer = unsafe { libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &raw mut info, &raw mut size) };
    let name = info.name.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0);
    (answer == 0 && name.eq(PROGRAMS[0].0.bytes())).then(|| MapHandle::from_map_id(table).ok())?
}
