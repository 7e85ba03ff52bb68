//! The module's list of tasks: one reading of the pinned iterator, all jails at once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::mem::size_of;
use std::os::fd::AsFd;

use super::abi::{self, TaskRecord};
use super::control::Control;
use crate::kernel::bpf;
use crate::kernel::{KernelError, Member};

/// A thread group with a member's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub jid: u32,
    pub pid: i32,
    pub parent: i32,
    /// Some thread of it still runs; otherwise it is a zombie.
    pub alive: bool,
    /// Tells a process from a later one of the same pid.
    pub start_ns: u64,
    pub cpu_ns: u64,
    pub vmem_pages: u64,
    pub command: String,
}

impl Process {
    pub fn member(&self) -> Member {
        Member { pid: self.pid, command: self.command.clone() }
    }
}

/// All processes of all jails, by pid.
pub fn processes(control: &Control) -> Result<BTreeMap<i32, Process>, KernelError> {
    let link = control.open("list_tasks")?;
    let reading = bpf::start_iterator(link.as_fd()).map_err(KernelError::system("list the members"))?;
    let mut bytes = Vec::new();
    File::from(reading).read_to_end(&mut bytes).map_err(KernelError::io("list the members"))?;
    Ok(group(bytes.chunks_exact(size_of::<TaskRecord>()).map(record)))
}

fn record(bytes: &[u8]) -> TaskRecord {
    assert_eq!(bytes.len(), size_of::<TaskRecord>());
    // SAFETY: as many bytes as the record has, and every bit pattern is a valid one (trait Abi).
    unsafe { bytes.as_ptr().cast::<TaskRecord>().read_unaligned() }
}

/// Threads to processes.
fn group(records: impl Iterator<Item = TaskRecord>) -> BTreeMap<i32, Process> {
    let mut processes = BTreeMap::new();
    for record in records {
        let process = processes.entry(record.tgid).or_insert_with(|| Process {
            jid: record.jid,
            pid: record.tgid,
            parent: record.parent,
            alive: false,
            start_ns: record.start_ns,
            cpu_ns: 0,
            vmem_pages: 0,
            command: abi::text(&record.command),
        });
        process.alive |= record.exited == 0;
        process.cpu_ns += record.cpu_ns;
        process.vmem_pages += record.vmem_pages;
        if record.pid == record.tgid {
            process.start_ns = record.start_ns;
            process.command = abi::text(&record.command);
        }
    }
    processes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bpf::Abi;

    fn task(tgid: i32, pid: i32, exited: u32, command: &str) -> TaskRecord {
        let command = abi::field(command).unwrap();
        TaskRecord { jid: 1, tgid, pid, exited, cpu_ns: 5, command, ..TaskRecord::zeroed() }
    }

    #[test]
    fn a_process_is_its_threads_and_lives_as_long_as_one_of_them() {
        let found = group([task(7, 7, 1, "main"), task(7, 8, 0, "worker"), task(9, 9, 1, "zombie")].into_iter());
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [7, 9]);
        assert!(found[&7].alive && !found[&9].alive);
        assert_eq!((found[&7].cpu_ns, found[&7].command.as_str()), (10, "main"));
    }
}
