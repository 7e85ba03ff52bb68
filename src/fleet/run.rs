//! Doing it: several jails at a time, each by a process of its own that is forked from this one, which has one thread.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::plan::skip;
use super::{End, Plan};
use crate::jail::{JailError, fork};
use crate::kernel::JailName;
use crate::kernel::system::{memory_file, pidfd};

/// Of a process that says more than this, the rest is not read.
const MAX_SAID: u64 = 64 * 1024;

/// What became of one jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Started,
    /// Started, after what a crash had left was cleaned up.
    Recovered,
    AlreadyRunning,
    Restarted,
    Stopped,
    WasDown,
    /// Supervised, but its service is not ready; why.
    Unready(String),
    Failed(String),
}

/// A jail that a process works on.
struct Flight {
    name: JailName,
    pid: Pid,
    pidfd: pidfd::Process,
    said: File,
}

/// Does `act` for every jail of the plan, at most `lanes` at a time, and tells each end as it comes. `begun` hears who is
/// being worked on whenever that changed. With `skipping`, those that need a jail that failed are skipped.
///
/// # Errors
/// When a process cannot be made or waited for; those that were begun go on to their end.
pub fn run(
    mut plan: Plan,
    lanes: usize,
    skipping: bool,
    act: &dyn Fn(&JailName) -> Said,
    begun: &mut dyn FnMut(&[&JailName], usize),
    ended: &mut dyn FnMut(JailName, End),
) -> Result<(), JailError> {
    for (name, end) in plan.ends.drain(..) {
        ended(name, end);
    }
    let alone = lanes == 1 || plan.schedule.left() == 1;
    let mut flights: Vec<Flight> = Vec::new();
    loop {
        while flights.len() < lanes.max(1) {
            let Some(name) = plan.schedule.begin() else { break };
            if alone {
                begun(&[&name], plan.schedule.left());
                let said = act(&name);
                settle(&mut plan, name, said, skipping, ended);
            } else {
                flights.push(Flight::begin(name, act)?);
            }
        }
        if flights.is_empty() {
            return Ok(());
        }
        begun(&flights.iter().map(|flight| &flight.name).collect::<Vec<_>>(), plan.schedule.left());
        for at in landed(&flights)? {
            let flight = flights.remove(at);
            let (name, said) = flight.end();
            settle(&mut plan, name, said, skipping, ended);
        }
    }
}

fn settle(plan: &mut Plan, name: JailName, said: Said, skipping: bool, ended: &mut dyn FnMut(JailName, End)) {
    let lacks = match &said {
        Said::Failed(_) => Some("did not start"),
        Said::Unready(_) => Some("is not ready"),
        _ => None,
    };
    let lacks = lacks.filter(|_| skipping);
    let skipped = match lacks {
        Some(_) => plan.schedule.failed(&name),
        None => {
            plan.schedule.done(&name);
            Vec::new()
        }
    };
    let failed = name.clone();
    ended(
        name,
        match said {
            Said::Started => End::Started,
            Said::Recovered => End::Recovered,
            Said::AlreadyRunning => End::AlreadyRunning,
            Said::Restarted => End::Restarted,
            Said::Stopped => End::Stopped,
            Said::WasDown => End::WasDown,
            Said::Failed(why) | Said::Unready(why) => End::Failed(why),
        },
    );
    for (name, need) in skipped {
        // What is skipped because of one that was skipped lacks the one before it.
        let what = lacks.filter(|_| need == failed).unwrap_or("did not start");
        ended(name, skip(&need, what));
    }
}

/// Waits until some have ended; the last first, so that each can be taken out by its place.
fn landed(flights: &[Flight]) -> Result<Vec<usize>, JailError> {
    let mut polled: Vec<PollFd> = flights.iter().map(|flight| PollFd::new(flight.pidfd.as_fd(), PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(JailError::System { doing: "wait for the processes that work on jails".into(), errno }),
        }
    }
    let ended = |fd: &PollFd| fd.any().unwrap_or(true);
    Ok((0..polled.len()).rev().filter(|at| ended(&polled[*at])).collect())
}

impl Flight {
    fn begin(name: JailName, act: &dyn Fn(&JailName) -> Said) -> Result<Flight, JailError> {
        let said = memory_file().map_err(JailError::system("make a memory file"))?;
        let said = File::from(said);
        let pid = fork::in_child(|| match serde_json::to_writer(&said, &act(&name)) {
            Ok(()) => 0,
            Err(_) => 1,
        })?;
        // A child that was not waited for keeps its pid.
        let pidfd =
            pidfd::open(pid.as_raw()).map_err(JailError::system(format!("watch the process that works on jail {name}")))?;
        Ok(Flight { name, pid, pidfd, said })
    }

    fn end(mut self) -> (JailName, Said) {
        let status = fork::wait(self.pid);
        let mut text = Vec::new();
        let read = self.said.seek(SeekFrom::Start(0)).and_then(|_| self.said.take(MAX_SAID).read_to_end(&mut text));
        let said = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
        let said = said.unwrap_or_else(|| Said::Failed(format!("jail {}: {}", self.name, unsaid(status))));
        (self.name, said)
    }
}

fn unsaid(status: Option<i32>) -> String {
    match status {
        Some(status) => format!("the process that worked on it ended with status {status} and without a word"),
        None => "the process that worked on it is gone without a word".into(),
    }
}
