//! Processes as the host sees them, as a tree like `ps axd`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::Read;

use serde::Serialize;

use super::printable;
use crate::jail::Host;
use crate::kernel::{JailInfo, JailName, Jid, KernelError};
use crate::supervise;

/// One process of the host's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    pub pid: i32,
    pub ppid: i32,
    /// One letter, as ps(1).
    pub state: char,
    /// User and system time, in clock ticks (1/100 s).
    pub ticks: u64,
    /// Its arguments; the short name in brackets when it has none.
    pub command: String,
}

/// Processes in tree order: a child follows its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tree {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    #[serde(flatten)]
    process: Process,
    /// 0 for a process whose parent is not in the tree.
    depth: usize,
    #[serde(skip)]
    branch: String,
}

impl Tree {
    pub fn new(mut processes: Vec<Process>) -> Tree {
        processes.sort_by_key(|process| process.pid);
        let pids: BTreeSet<i32> = processes.iter().map(|process| process.pid).collect();
        let (roots, mut rest): (Vec<_>, Vec<_>) = processes.into_iter().partition(|process| !pids.contains(&process.ppid));
        let mut tree = Tree { lines: Vec::new() };
        tree.add(roots, "", 0, &mut rest);
        tree
    }

    fn add(&mut self, siblings: Vec<Process>, prefix: &str, depth: usize, rest: &mut Vec<Process>) {
        let count = siblings.len();
        for (at, process) in siblings.into_iter().enumerate() {
            let last = at + 1 == count;
            let (children, others) = std::mem::take(rest).into_iter().partition(|other| other.ppid == process.pid);
            *rest = others;
            let branch = if depth == 0 { String::new() } else { format!("{prefix}{}", if last { "`-- " } else { "|-- " }) };
            let below = if depth == 0 { String::new() } else { format!("{prefix}{}", if last { "    " } else { "|   " }) };
            self.lines.push(Line { process, depth, branch });
            self.add(children, &below, depth + 1, rest);
        }
    }

    /// The members of these jails below their supervisors, as far as they still live.
    pub fn of_jails(host: &Host, jails: &[JailInfo]) -> Result<Tree, KernelError> {
        let mut pids = BTreeSet::new();
        for jail in jails {
            pids.append(&mut pids_of(host, jail.jid, &jail.name)?);
        }
        Ok(Tree::new(pids.into_iter().filter_map(read).collect()))
    }

    /// Those of one jail.
    pub fn of_jail(host: &Host, jid: Jid, name: &JailName) -> Result<Tree, KernelError> {
        Ok(Tree::new(pids_of(host, jid, name)?.into_iter().filter_map(read).collect()))
    }

    /// Each with what is drawn before it.
    pub fn branches(&self) -> impl Iterator<Item = (&Process, &str)> {
        self.lines.iter().map(|line| (&line.process, line.branch.as_str()))
    }

    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.lines.iter().map(|line| &line.process)
    }
}

fn pids_of(host: &Host, jid: Jid, name: &JailName) -> Result<BTreeSet<i32>, KernelError> {
    let members = host.kernel.members(jid)?.into_iter().map(|member| member.pid);
    Ok(members.chain(supervise::status(host, name).map(|status| status.pid)).collect())
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7} {:>7} STAT    TIME COMMAND", "PID", "PPID")?;
        for Line { process, branch, .. } in &self.lines {
            let seconds = process.ticks / 100;
            let time = format!("{}:{:02}.{:02}", seconds / 60, seconds % 60, process.ticks % 100);
            let command = printable(&process.command);
            write!(f, "\n{:>7} {:>7} {:<4} {time:>7} {branch}{command}", process.pid, process.ppid, process.state)?;
        }
        Ok(())
    }
}

/// Longest command line that is read; a jailed process can make its own as long as it likes.
const MAX_COMMAND: u64 = 4096;

/// Reads one process from `/proc`; `None` when it is gone.
fn read(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut cmdline = Vec::new();
    fs::File::open(format!("/proc/{pid}/cmdline")).ok()?.take(MAX_COMMAND).read_to_end(&mut cmdline).ok()?;
    parse(pid, &stat, &cmdline)
}

/// proc_pid_stat(5): the name stands in parentheses and may hold any character, so fields count from the last `)`.
fn parse(pid: i32, stat: &str, cmdline: &[u8]) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let arguments = String::from_utf8_lossy(cmdline).trim_end_matches('\0').replace('\0', " ");
    Some(Process {
        pid,
        ppid: fields.get(1)?.parse().ok()?,
        state: fields.first()?.chars().next()?,
        ticks: number(11)? + number(12)?,
        command: if arguments.is_empty() { format!("[{name}]") } else { arguments },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, ppid: i32, command: &str) -> Process {
        Process { pid, ppid, state: 'S', ticks: 6_123, command: command.into() }
    }

    #[test]
    fn the_server_hangs_below_its_supervisor() {
        let tree = Tree::new(vec![
            process(6488, 8252, "/usr/bin/busybox httpd -f -p 8080"),
            process(7000, 6488, "cgi \u{1b}[2J"),
            process(6900, 8252, "helper"),
            process(8252, 1, "jailctl: supervise jail=web jid=3"),
            process(8300, 1, "sh"),
        ]);
        insta::assert_snapshot!(tree.to_string());
    }

    #[test]
    fn a_loop_of_parents_ends() {
        let tree = Tree::new(vec![process(2, 3, "a"), process(3, 2, "b"), process(4, 1, "c")]);
        assert_eq!(tree.processes().map(|process| process.pid).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) S 99 (b) R 42 7 7 0 -1 0 0 0 0 0 30 12 0 0 20 0 1 0 100 0 0";
        let found = parse(7, stat, b"").unwrap();
        assert_eq!((found.ppid, found.state, found.ticks, found.command.as_str()), (42, 'R', 42, "[a) S 99 (b]"));
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(read(pid).unwrap().command.contains("jailsh"));
        assert_eq!(read(0), None);
    }
}
