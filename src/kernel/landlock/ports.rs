//! Reserved ports and destinations: programs on the root control group that let a reserved port be bound by members of its
//! owner's control group alone, whoever asks, and members of a limited group connect and send to where they may alone; and
//! the kernel's list of ports it never picks by itself.
//!
//! A port is noted and listed before it is enforced, and the other way round when it is let go, so that a crash leaves
//! nothing that the next call does not find.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::pins::{Address, GroupLimits, Pins, Tables};
use super::port_table;
use super::programs::{self, CALL, EXIT, JUMP_IF_NOT_EQUAL, Kind, MOVE, instruction};
use crate::kernel::bpf::{Abi, Table};
use crate::kernel::connect;
use crate::kernel::detached::make_directory;
use crate::kernel::policy::RawRule;
use crate::kernel::{ConnectRule, KernelError, Policy, Reservation, RightSet, reserved_ports};

const PINS: &str = "bpf";
/// What we added to the kernel's list.
const NOTE: &str = "reserved_ports";

/// Every kind of program there is in [`super::pins::PROGRAMS`].
const KINDS: [Kind; 8] = [
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_INET4_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_INET6_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK, attach: libbpf_sys::BPF_CGROUP_INET4_POST_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK, attach: libbpf_sys::BPF_CGROUP_INET6_POST_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_INET4_CONNECT },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_INET6_CONNECT },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_UDP4_SENDMSG },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_UDP6_SENDMSG },
];

/// `if (bpf_get_current_ancestor_cgroup_id(1) == -1) bpf_set_retval(-1); return 1;` where no group has that id: the functions
/// that the real programs call, one of them never reached, so that no other program's answer is changed.
const ALLOW: [u64; 7] = [
    instruction(MOVE, 1, 0, 1),
    instruction(CALL, 0, 0, libbpf_sys::BPF_FUNC_get_current_ancestor_cgroup_id as i32),
    instruction(JUMP_IF_NOT_EQUAL, 0, 2, -1),
    instruction(MOVE, 1, 0, -1),
    instruction(CALL, 0, 0, libbpf_sys::BPF_FUNC_set_retval as i32),
    instruction(MOVE, 0, 0, 1),
    instruction(EXIT, 0, 0, 0),
];

/// Do the programs load and attach here? Else why not. Leaves nothing attached.
pub fn probe() -> Result<(), String> {
    KINDS.iter().try_for_each(|kind| programs::try_out(*kind, &ALLOW))
}

/// What the kernel is to enforce. A control group is named by its id, the inode number of its directory.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The owners' groups, and what they reserve. No two overlap.
    pub ports: Vec<(u64, Reservation)>,
    /// The groups of jails that lack a right about destinations.
    pub reaches: BTreeMap<u64, Reach>,
}

/// Where the members of a group may connect and send to.
#[derive(Debug, Clone)]
pub struct Reach {
    pub rights: RightSet,
    pub connect: Vec<ConnectRule>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.reaches.is_empty()
    }

    /// What a jail of this policy takes, whose group has this id.
    pub fn add(&mut self, group: u64, policy: &Policy) {
        self.ports.extend(policy.ports.iter().map(|ports| (group, *ports)));
        self.reaches.extend(Reach::of(policy.rights, &policy.connect).map(|reach| (group, reach)));
    }
}

impl Reach {
    /// `None` for a jail that may reach everything.
    pub fn of(rights: RightSet, connect: &[ConnectRule]) -> Option<Reach> {
        let held = ["connect", "loopback_foreign"].map(|name| rights.holds(name.parse().expect("a right of the table")));
        (held != [true, true]).then(|| Reach { rights, connect: connect.to_vec() })
    }

    fn raw(&self) -> GroupLimits {
        let mut rules = [RawRule::default(); ConnectRule::MAX];
        rules.iter_mut().zip(&self.connect).for_each(|(place, rule)| *place = rule.raw());
        let count = self.connect.len().min(ConnectRule::MAX) as u32;
        GroupLimits { rights: self.rights.mask(), count, unused: 0, rules }
    }
}

/// Makes the kernel enforce exactly this. Idempotent; also repairs what a crash left. With nothing wanted, nothing stays
/// attached. The caller holds the body's lock.
pub fn reconcile(wanted: &Wanted) -> Result<(), KernelError> {
    Reservations::at(Path::new(super::DIRECTORY)).reconcile(wanted)
}

/// The same where all else is as it is to be: from now on `fresh`, and `gone` no more; `reserved` are all ports then. Says
/// whether that could be done: not where nothing is enforced yet.
pub fn adjust(reserved: &BTreeSet<u32>, fresh: &Wanted, gone: &Wanted) -> Result<bool, KernelError> {
    Reservations::at(Path::new(super::DIRECTORY)).adjust(reserved, fresh, gone)
}

/// The reservations kept below one directory.
#[derive(Debug)]
pub struct Reservations {
    directory: PathBuf,
}

impl Reservations {
    pub fn at(directory: &Path) -> Reservations {
        Reservations { directory: directory.to_owned() }
    }

    /// See [`reconcile`].
    pub fn reconcile(&self, wanted: &Wanted) -> Result<(), KernelError> {
        if !wanted.is_empty() {
            let parent = self.directory.parent().unwrap_or(Path::new("/"));
            make_directory(parent, 0o755)?;
            make_directory(&self.directory, 0o700)?;
        }
        let ports = wanted.ports.iter().flat_map(|(_, ports)| ports.numbers()).map(u32::from).collect();
        self.listed(&ports, || self.enforce(wanted))
    }

    /// See [`adjust`].
    pub fn adjust(&self, reserved: &BTreeSet<u32>, fresh: &Wanted, gone: &Wanted) -> Result<bool, KernelError> {
        let pins = Pins::at(self.directory.join(PINS));
        let Some(tables) = pins.tables()? else { return Ok(false) };
        self.listed(reserved, || {
            let is_empty = change(&tables, fresh, gone).map_err(KernelError::system("reserve ports"))?;
            if is_empty { pins.remove() } else { Ok(()) }
        })?;
        Ok(true)
    }

    /// Has these ports on the kernel's list, those that are new before `enforce` and no others after it.
    fn listed(&self, ports: &BTreeSet<u32>, enforce: impl FnOnce() -> Result<(), KernelError>) -> Result<(), KernelError> {
        let noted = self.noted()?;
        let listed = reserved_ports::read()?;
        let (add, remove) = reserved_ports::plan(ports, &noted, &listed);
        let (all_noted, all_listed) = (&noted | &add, &listed | &add);
        self.note(&noted, &all_noted)?;
        list(&listed, &all_listed)?;
        enforce()?;
        list(&all_listed, &(&all_listed - &remove))?;
        self.note(&all_noted, &(&all_noted - &remove))
    }

    fn enforce(&self, wanted: &Wanted) -> Result<(), KernelError> {
        let pins = Pins::at(self.directory.join(PINS));
        if wanted.is_empty() {
            return pins.remove();
        }
        match pins.tables()? {
            Some(tables) => fill(&tables, wanted).map_err(KernelError::system("reserve ports")),
            None => pins.replace(|tables| fill(tables, wanted)),
        }
    }

    fn note_file(&self) -> PathBuf {
        self.directory.join(NOTE)
    }

    fn noted(&self) -> Result<BTreeSet<u32>, KernelError> {
        let file = self.note_file();
        match fs::read_to_string(&file) {
            Ok(text) => Ok(reserved_ports::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(KernelError::io(format!("read {}", file.display()))(error)),
        }
    }

    fn note(&self, before: &BTreeSet<u32>, after: &BTreeSet<u32>) -> Result<(), KernelError> {
        if before == after {
            return Ok(());
        }
        let file = self.note_file();
        let noting = KernelError::io(format!("write {}", file.display()));
        if after.is_empty() { fs::remove_file(&file) } else { replace_file(&file, &reserved_ports::render(after)) }
            .map_err(noting)
    }
}

fn list(before: &BTreeSet<u32>, after: &BTreeSet<u32>) -> Result<(), KernelError> {
    if before == after { Ok(()) } else { reserved_ports::write(after) }
}

/// At once: a reader sees the old text or the new one, after a crash as well.
fn replace_file(file: &Path, text: &str) -> std::io::Result<()> {
    let fresh = file.with_extension("new");
    let mut written = fs::File::create(&fresh)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&fresh, file)?;
    fs::File::open(file.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Makes the tables say exactly this; what stays is enforced all the time.
fn fill(tables: &Tables, wanted: &Wanted) -> Result<(), Errno> {
    let (others, own) = port_table::entries(&wanted.ports);
    // What an owner has of its own goes first and comes last, so that no moment between lets anybody through.
    for key in tables.ports.keys()?.into_iter().filter(|key| key.is_of_an_owner()) {
        if tables.ports.get(key)? != own.get(&key).copied() {
            tables.ports.remove(key)?;
        }
    }
    exactly(&tables.ports, others.into_iter().chain(own))?;
    exactly(&tables.addresses, own_addresses()?.into_iter().map(|address| (address, 1)))?;
    exactly(&tables.limits, wanted.reaches.iter().map(|(group, limits)| (*group, limits.raw())))
}

/// Says whether nothing is left in the tables that a jail wants.
fn change(tables: &Tables, fresh: &Wanted, gone: &Wanted) -> Result<bool, Errno> {
    let (others, own) = port_table::entries(&fresh.ports);
    for (key, more) in others.into_iter().chain(own) {
        tables.ports.set(key, tables.ports.get(key)?.unwrap_or_default().with(more))?;
    }
    exactly(&tables.addresses, own_addresses()?.into_iter().map(|address| (address, 1)))?;
    for (group, reach) in &fresh.reaches {
        tables.limits.set(*group, reach.raw())?;
    }
    let (others, own) = port_table::entries(&gone.ports);
    for (key, less) in own.into_iter().chain(others) {
        match tables.ports.get(key)?.unwrap_or_default().without(less) {
            left if left.is_empty() => tables.ports.remove(key)?,
            left => tables.ports.set(key, left)?,
        }
    }
    gone.reaches.keys().try_for_each(|group| tables.limits.remove(*group))?;
    Ok(tables.ports.is_empty()? && tables.limits.is_empty()?)
}

fn exactly<K: Abi + Ord, V: Abi>(table: &Table<K, V>, entries: impl Iterator<Item = (K, V)>) -> Result<(), Errno> {
    let mut kept = BTreeSet::new();
    for (key, value) in entries {
        table.set(key, value)?;
        kept.insert(key);
    }
    table.keys()?.into_iter().filter(|key| !kept.contains(key)).try_for_each(|key| table.remove(key))
}

/// Those of this machine's interfaces, and those that lead to all of a network.
fn own_addresses() -> Result<BTreeSet<Address>, Errno> {
    let mut found = BTreeSet::new();
    for interface in nix::ifaddrs::getifaddrs()? {
        for address in interface.address.iter().chain(&interface.broadcast) {
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            let v6 = address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
            found.extend(v4.or(v6).map(|address| Address(connect::words(connect::octets_of(address)))));
        }
    }
    Ok(found)
}
