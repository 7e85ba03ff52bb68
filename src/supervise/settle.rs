//! Has a service that was just executed come to rest? It has when it and all its children wait for something, and none of
//! them ran between two looks. One that reads its configuration, or is about to fail, runs. Reads /proc.

use std::time::{Duration, Instant};

/// Between two looks. They end with the trial.
const LOOK: Duration = Duration::from_millis(2);
/// Of a service with more threads than this, and of one nested deeper, the trial's end is awaited.
const MOST: usize = 64;

/// A thread that sleeps: its number, and how often it gave up or lost its processor so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sleeper {
    tid: i32,
    switches: [u64; 2],
}

/// A trial that is on.
#[derive(Debug)]
pub struct Settling {
    /// Of this run.
    pub run: u64,
    pub next: Instant,
    last: Option<Vec<Sleeper>>,
}

impl Settling {
    pub fn new(run: u64, now: Instant) -> Settling {
        Settling { run, next: now + LOOK / 2, last: None }
    }

    /// A look at the service and its children: did they come to rest?
    pub fn look(&mut self, leader: i32, now: Instant) -> bool {
        self.next = now + LOOK;
        let seen = sleepers(leader);
        let rests = seen.is_some() && seen == self.last;
        self.last = seen;
        rests
    }
}

/// The threads of a process and of all below it; `None` when one does not sleep, or they are too many to look at.
fn sleepers(leader: i32) -> Option<Vec<Sleeper>> {
    let mut found = Vec::new();
    let mut processes = vec![leader];
    while let Some(pid) = processes.pop() {
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
            let path = thread.ok()?.path();
            let tid = path.file_name()?.to_str()?.parse().ok()?;
            found.push(Sleeper { tid, switches: switches(&std::fs::read_to_string(path.join("status")).ok()?)? });
            let children = std::fs::read_to_string(path.join("children")).ok()?;
            processes.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
            if found.len() + processes.len() > MOST {
                return None;
            }
        }
    }
    Some(found)
}

/// From proc_pid_status(5), of a thread that sleeps until something happens: its switches, voluntary and not.
fn switches(status: &str) -> Option<[u64; 2]> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let count = |name| field(name)?.parse().ok();
    field("State:")?.starts_with('S').then_some(())?;
    Some([count("voluntary_ctxt_switches:")?, count("nonvoluntary_ctxt_switches:")?])
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn rests(child: &Child, looks: usize) -> bool {
        let now = Instant::now();
        let mut settling = Settling::new(1, now);
        (0..looks).any(|_| {
            std::thread::sleep(LOOK);
            settling.look(child.id() as i32, now)
        })
    }

    fn shell(script: &str) -> Child {
        Command::new("/bin/sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap()
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn who_waits_rests_and_who_computes_does_not() {
        let waits = shell("read line");
        let computes = shell("while :; do :; done");
        assert!(rests(&waits, 2000));
        assert!(!rests(&computes, 20));
        end(waits);
        end(computes);
    }

    #[test]
    fn who_waits_for_a_child_that_computes_does_not_rest() {
        // The child reads what ends with us, so that it does not outlive a test that fails.
        let child = shell("(while :; do :; done) & trap 'kill $!' TERM; wait");
        std::thread::sleep(Duration::from_millis(50));
        assert!(!rests(&child, 20));
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGTERM).unwrap();
        child.wait_with_output().unwrap();
    }

    #[test]
    fn who_is_gone_does_not_rest() {
        assert!(!Settling::new(1, Instant::now()).look(i32::MAX, Instant::now()));
        assert_eq!(switches("State:\tR (running)\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t2\n"), None);
        assert_eq!(
            switches("Name:\tState:\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t2\n"),
            Some([1, 2])
        );
    }
}
