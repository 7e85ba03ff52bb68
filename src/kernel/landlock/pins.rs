//! The programs about ports and destinations attached to the root control group, kept in a bpffs of their own so that they outlive jailsh.
//!
//! The file system is filled while it is mounted nowhere, and mounted when complete: a loader that dies before leaves
//! nothing attached. One that replaces another goes beneath it before the other is removed, so no moment is unguarded.
//! Touches that mount and its directory only.

use std::fs;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use libbpf_rs::MapCore;
use nix::errno::Errno;
use nix::mount::MntFlags;

use super::port_table::{PortKey, PortOwner};
use super::programs;
use crate::kernel::KernelError;
use crate::kernel::bpf::{self, Abi, Table};
use crate::kernel::detached::{attach_mount, detached_bpffs, make_directory};
use crate::kernel::policy::{CONNECT_RULES, RawRule};

/// The programs, by their names in cgroup.bpf.c.
pub const PROGRAMS: [&str; 8] = [
    "jail_bind4",
    "jail_bind6",
    "jail_post_bind4",
    "jail_post_bind6",
    "jail_connect4",
    "jail_connect6",
    "jail_sendmsg4",
    "jail_sendmsg6",
];
const PORTS: &str = "port_owners";
const LIMITS: &str = "group_limits";
const ADDRESSES: &str = "own_addresses";
const TABLES: [&str; 3] = [PORTS, LIMITS, ADDRESSES];

/// `struct group_limits` of cgroup.bpf.c.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct GroupLimits {
    pub rights: u64,
    pub count: u32,
    pub unused: u32,
    pub rules: [RawRule; CONNECT_RULES],
}
// SAFETY: repr(C), integers and structures of them without padding.
unsafe impl Abi for GroupLimits {}
const _: () = assert!(size_of::<GroupLimits>() == 16 + CONNECT_RULES * size_of::<RawRule>());

/// `struct address` of cgroup.bpf.c.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Address(pub [u32; 4]);
// SAFETY: repr(C), integers of one size.
unsafe impl Abi for Address {}

/// What the programs look up.
pub struct Tables {
    /// Which groups own ports.
    pub ports: Table<PortKey, PortOwner>,
    /// Id of a group -> what it may reach.
    pub limits: Table<u64, GroupLimits>,
    pub addresses: Table<Address, u32>,
}

impl Tables {
    fn open(path: impl Fn(&str) -> PathBuf) -> Result<Tables, Errno> {
        Ok(Tables {
            ports: Table::open(&path(PORTS))?,
            limits: Table::open(&path(LIMITS))?,
            addresses: Table::open(&path(ADDRESSES))?,
        })
    }
}

/// The mounts at one place, one upon the other; one is the rule.
pub struct Pins {
    place: PathBuf,
}

impl Pins {
    pub fn at(place: PathBuf) -> Pins {
        Pins { place }
    }

    /// The tables, if their programs are attached, complete and of this build.
    pub fn tables(&self) -> Result<Option<Tables>, KernelError> {
        // A loader died when it had put its own beneath these: it is complete, and the next to be used.
        let mut mounts = self.mounts()?;
        while mounts > 1 {
            self.remove_top()?;
            mounts = self.mounts()?;
        }
        if mounts == 0 {
            return Ok(None);
        }
        let found = |name: &str| self.place.join(pin_name(name));
        for program in PROGRAMS {
            match bpf::open_pin(&found(program)).and_then(|link| is_attached(link.as_fd())) {
                Ok(true) => {}
                Ok(false) | Err(Errno::ENOENT) => return Ok(None),
                Err(errno) => return Err(self.failed("open the pins in")(errno)),
            }
        }
        match Tables::open(found) {
            Ok(tables) => Ok(Some(tables)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.failed("open the pins in")(errno)),
        }
    }

    /// Attaches fresh programs over tables filled by `fill`, then removes what was there.
    pub fn replace(&self, fill: impl FnOnce(&Tables) -> Result<(), Errno>) -> Result<(), KernelError> {
        let root = programs::root_group()?;
        let home = detached_bpffs().map_err(KernelError::system("make a bpf file system"))?;
        let path = |name: &str| PathBuf::from(format!("/proc/self/fd/{}", home.as_raw_fd())).join(pin_name(name));
        let pin = |object: BorrowedFd<'_>, name: &str| {
            bpf::pin(object, &path(name)).map_err(KernelError::system(format!("pin {name}")))
        };
        let object = programs::load(&PROGRAMS, &TABLES)?;
        for map in object.maps() {
            let name = map.name().to_string_lossy();
            if TABLES.contains(&name.as_ref()) {
                pin(map.as_fd(), &name)?;
            }
        }
        let filling = || KernelError::system("reserve ports");
        fill(&Tables::open(path).map_err(filling())?).map_err(filling())?;
        for program in object.progs_mut() {
            let name = program.name().to_string_lossy();
            if PROGRAMS.contains(&name.as_ref()) {
                let attached = program.attach_cgroup(root.as_raw_fd());
                let link = attached.map_err(|error| KernelError::Other {
                    doing: format!("attach {name} to the root control group"),
                    why: format!("{error:#}"),
                })?;
                pin(link.as_fd(), &name)?;
            }
        }
        make_directory(&self.place, 0o700)?;
        let is_first = self.mounts()? == 0;
        attach_mount(home.as_fd(), &self.place, !is_first).map_err(self.failed("attach"))?;
        if is_first { Ok(()) } else { self.remove_top() }
    }

    /// Lets all ports go and removes everything.
    pub fn remove(&self) -> Result<(), KernelError> {
        while self.mounts()? > 0 {
            self.remove_top()?;
        }
        match fs::remove_dir(&self.place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.io("remove")(error)),
            _ => Ok(()),
        }
    }

    /// Detaches and removes the pins of the mount that is seen, then the mount. Pins go first: a copy of the mount may live
    /// on in another mount namespace. The kernel detaches what is only unpinned some time later.
    fn remove_top(&self) -> Result<(), KernelError> {
        for entry in fs::read_dir(&self.place).map_err(self.io("list"))? {
            let path = entry.map_err(self.io("list"))?.path();
            if !is_the_kernels(&path) {
                bpf::open_pin(&path).and_then(|pinned| detach(pinned.as_fd())).map_err(self.failed("detach the pins in"))?;
                fs::remove_file(&path).map_err(self.io("remove the pins in"))?;
            }
        }
        nix::mount::umount2(&self.place, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW).map_err(self.failed("unmount"))
    }

    fn mounts(&self) -> Result<usize, KernelError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(KernelError::io("read /proc/self/mountinfo"))?;
        Ok(mounts.lines().filter(|line| is_mount_at(line, &self.place)).count())
    }

    fn failed(&self, doing: &str) -> impl FnOnce(Errno) -> KernelError + use<> {
        KernelError::system(format!("{doing} {}", self.place.display()))
    }

    fn io(&self, doing: &str) -> impl FnOnce(std::io::Error) -> KernelError + use<> {
        KernelError::io(format!("{doing} {}", self.place.display()))
    }
}

/// `maps.debug` and `progs.debug` are in every bpffs of a kernel with CONFIG_BPF_PRELOAD; no pin has a dot in its name.
fn is_the_kernels(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'.'))
}

/// Another build's programs may decide otherwise, so they are not taken for ours.
fn pin_name(name: &str) -> String {
    format!("{name}_{:016x}", programs::digest())
}

/// Takes a link's program off its group; any other object has none.
fn detach(pinned: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: only takes an open descriptor.
    match unsafe { libbpf_sys::bpf_link_detach(pinned.as_raw_fd()) } {
        0 => Ok(()),
        answer if answer == -libc::EINVAL => Ok(()),
        answer => Err(Errno::from_raw(-answer)),
    }
}

/// Root can take a link's program off its group and leave the link (`bpftool link detach`).
fn is_attached(link: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut info = libbpf_sys::bpf_link_info::default();
    let mut size = size_of::<libbpf_sys::bpf_link_info>() as u32;
    // SAFETY: an open descriptor, and a structure of the size given.
    match unsafe { libbpf_sys::bpf_link_get_info_by_fd(link.as_raw_fd(), &raw mut info, &raw mut size) } {
        // SAFETY: every bit pattern is valid for the integers of this part, and a cgroup link fills it.
        0 => Ok(unsafe { info.__bindgen_anon_1.cgroup.cgroup_id } != 0),
        answer => Err(Errno::from_raw(-answer)),
    }
}

/// Is this line of mountinfo(5) a bpffs at `place`?
fn is_mount_at(line: &str, place: &Path) -> bool {
    let Some((mount, filesystem)) = line.split_once(" - ") else { return false };
    mount.split(' ').nth(4).map(Path::new) == Some(place) && filesystem.split(' ').next() == Some("bpf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bpffs_at_the_very_place_is_ours() {
        let is_ours = |line| is_mount_at(line, Path::new("/run/jailsh/landlock/bpf"));
        assert!(is_ours("31 1 0:40 / /run/jailsh/landlock/bpf rw,nosuid - bpf none rw,mode=700"));
        assert!(is_ours("31 1 0:40 / /run/jailsh/landlock/bpf rw shared:3 - bpf none rw"));
        assert!(!is_ours("31 1 0:40 / /run/jailsh/landlock/bpf rw - tmpfs none rw"));
        assert!(!is_ours("31 1 0:40 / /run/jailsh/landlock/bpf/x rw - bpf none rw"));
        assert!(!is_ours(""));
    }
}
