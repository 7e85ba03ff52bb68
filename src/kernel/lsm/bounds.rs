//! Limits that the module holds itself, because it sees what no control group counts: open files, and processes with each
//! refusal told as a denial.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use super::abi::Bounds;
use super::control::Control;
use crate::kernel::{Jid, KernelError, Limits, Usage, bpf};

/// What is left to the control groups.
pub fn rest(limits: &Limits) -> Limits {
    Limits { processes: None, files: None, ..limits.clone() }
}

pub fn set(control: &Control, jid: Jid, limits: &Limits) -> Result<(), KernelError> {
    let files = limits.files.unwrap_or(0);
    let was_counted = control.bounds(jid)?.most_files != 0;
    if let Err(left) = control.bound(jid, limits.processes.unwrap_or(0), files)? {
        return Err(KernelError::NotEnforceable {
            what: format!("the limit files of {files}"),
            body: super::BODY,
            why: format!("the module can count {left} more files in all jails together; take fewer"),
        });
    }
    if files != 0 && !was_counted { count_open_files(control) } else { Ok(()) }
}

/// Lets the module count what members have open already.
fn count_open_files(control: &Control) -> Result<(), KernelError> {
    let link = control.open("count_open_files")?;
    let reading = bpf::start_iterator(link.as_fd()).map_err(KernelError::system("count open files"))?;
    // It writes nothing: reading to the end is what runs it.
    File::from(reading).read_to_end(&mut Vec::new()).map_err(KernelError::io("count open files")).map(drop)
}

pub fn get(control: &Control, jid: Jid) -> Result<Bounds, KernelError> {
    control.bounds(jid)
}

/// Those of the control groups, with the module's own.
pub fn limits(bounds: &Bounds, of_groups: Limits) -> Limits {
    let bound = |most: u32| (most != 0).then_some(most);
    Limits { processes: bound(bounds.most_tasks), files: bound(bounds.most_files), ..of_groups }
}

/// The same of what is used.
pub fn usage(bounds: &Bounds, of_groups: Usage) -> Usage {
    let counted = bounds.most_files != 0;
    Usage {
        forks_refused: Some(bounds.tasks_refused),
        files: counted.then_some(bounds.files.max(0) as u64),
        files_refused: (counted || bounds.files_refused > 0).then_some(bounds.files_refused),
        ..of_groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::bpf::Abi;

    #[test]
    fn the_module_holds_processes_and_files_and_the_groups_the_rest() {
        let asked = Limits { processes: Some(20), files: Some(64), cpu: "50%".parse().ok(), ..Limits::default() };
        assert_eq!(rest(&asked).entries(), [("cpu", "50%".to_owned())]);
        let bounds = Bounds { most_tasks: 20, most_files: 64, ..Bounds::zeroed() };
        assert_eq!(limits(&bounds, rest(&asked)), asked);
    }

    #[test]
    fn files_are_told_where_they_are_counted() {
        let unlimited = usage(&Bounds::zeroed(), Usage::default());
        assert_eq!((unlimited.files, unlimited.files_refused, unlimited.forks_refused), (None, None, Some(0)));
        let limited = usage(&Bounds { most_files: 16, files: 7, files_refused: 2, ..Bounds::zeroed() }, Usage::default());
        assert_eq!((limited.files, limited.files_refused), (Some(7), Some(2)));
    }
}
