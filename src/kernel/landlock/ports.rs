//! Reserved ports: programs on the root control group that let a reserved port be bound by members of its owner's control
//! group alone, whoever asks, and the kernel's list of ports it never picks by itself.
//!
//! A port is noted and listed before it is enforced, and the other way round when it is let go, so that a crash leaves
//! nothing that the next call does not find.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::pins::Pins;
use super::programs::{self, CALL, EXIT, JUMP_IF_NOT_EQUAL, Kind, MOVE, instruction};
use crate::kernel::bpf::Table;
use crate::kernel::detached::make_directory;
use crate::kernel::{KernelError, Port, reserved_ports};

const PINS: &str = "bpf";
/// What we added to the kernel's list.
const NOTE: &str = "reserved_ports";

/// Every kind of program there is in [`super::pins::PROGRAMS`].
const KINDS: [Kind; 4] = [
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_INET4_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach: libbpf_sys::BPF_CGROUP_INET6_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK, attach: libbpf_sys::BPF_CGROUP_INET4_POST_BIND },
    Kind { program: libbpf_sys::BPF_PROG_TYPE_CGROUP_SOCK, attach: libbpf_sys::BPF_CGROUP_INET6_POST_BIND },
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

/// Makes the kernel enforce exactly these reservations: port -> id of the owner's control group (its inode number).
/// Idempotent; also repairs what a crash left. With none, nothing stays attached. The caller holds the body's lock.
pub fn reconcile(reserved: &BTreeMap<Port, u64>) -> Result<(), KernelError> {
    Reservations::at(Path::new(super::DIRECTORY)).reconcile(reserved)
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
    pub fn reconcile(&self, reserved: &BTreeMap<Port, u64>) -> Result<(), KernelError> {
        if !reserved.is_empty() {
            let parent = self.directory.parent().unwrap_or(Path::new("/"));
            make_directory(parent, 0o755)?;
            make_directory(&self.directory, 0o700)?;
        }
        let ports: BTreeSet<u32> = reserved.keys().map(|port| u32::from(port.get())).collect();
        let noted = self.noted()?;
        let listed = reserved_ports::read()?;
        let (add, remove) = reserved_ports::plan(&ports, &noted, &listed);
        let (all_noted, all_listed) = (&noted | &add, &listed | &add);
        self.note(&noted, &all_noted)?;
        list(&listed, &all_listed)?;
        self.enforce(reserved)?;
        list(&all_listed, &(&all_listed - &remove))?;
        self.note(&all_noted, &(&all_noted - &remove))
    }

    fn enforce(&self, reserved: &BTreeMap<Port, u64>) -> Result<(), KernelError> {
        let pins = Pins::at(self.directory.join(PINS));
        if reserved.is_empty() {
            return pins.remove();
        }
        match pins.table()? {
            Some(table) => fill(&table, reserved).map_err(KernelError::system("reserve ports")),
            None => pins.replace(|table| fill(table, reserved)),
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

/// Makes the table say exactly this; a port that stays is reserved all the time.
fn fill(table: &Table<u32, u64>, reserved: &BTreeMap<Port, u64>) -> Result<(), nix::errno::Errno> {
    for (port, owner) in reserved {
        table.set(port.get().into(), *owner)?;
    }
    for port in table.keys()? {
        let is_reserved = i64::from(port).try_into().is_ok_and(|port: Port| reserved.contains_key(&port));
        if !is_reserved {
            table.remove(port)?;
        }
    }
    Ok(())
}
