//! What the monitor holds for one service: its process, its pipes, its timers, the check under way.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::Pid;

use super::attempt::Attempt;
use super::check::Check;
use super::children::Owner;
use super::event::Timer;
use super::log::Stream;
use super::output::Pipe;
use super::pidfd;
use super::service::Unit;
use super::settle::Settling;
use super::workload::{Output, Run, Workload};
use crate::jail::Child;
use crate::kernel::system::PATH;

/// In the environment of a service and its checks: its name.
const SERVICE: &str = "JAILSH_SERVICE";
/// In the environment of a check: which one.
const CHECK: &str = "JAILSH_CHECK";
/// Bytes of stderr that go into the report of a failed start.
const LAST_WORDS: usize = 2048;

#[derive(Default)]
pub struct Runner {
    pub child: Option<Child>,
    /// The newest process that was executed as the service, alive or not.
    leader: Option<i32>,
    pub stdout: Pipe,
    pub stderr: Pipe,
    /// Where a newline is awaited, and of which run.
    notify: Option<(File, u64)>,
    timers: [Option<Instant>; 3],
    pub attempt: Option<Attempt>,
    settling: Option<Settling>,
    /// Number of checks begun.
    checks: u64,
    last_words: VecDeque<String>,
}

impl Runner {
    /// Executes the service.
    pub fn spawn(&mut self, unit: &Unit, run: u64, workload: &mut dyn Workload) -> Result<(), String> {
        let describe = |errno: Errno| format!("pipe: {}", errno.desc());
        let output = Output {
            stdin: null()?,
            stdout: self.stdout.open().map_err(describe)?,
            stderr: self.stderr.open().map_err(describe)?,
        };
        self.notify = None;
        let awaited = unit.ready.as_ref().is_some_and(|ready| ready.check.is_none());
        let notify = awaited.then(pipe).transpose().map_err(describe)?.map(|(ours, theirs)| {
            self.notify = Some((ours.into(), run));
            theirs
        });
        let run = Run { argv: unit.argv.clone(), env: env(unit), user: unit.user.clone(), output, notify };
        let child = workload.spawn(run).map_err(|error| error.to_string())?;
        self.leader = Some(child.pid.as_raw());
        self.child = Some(child);
        Ok(())
    }

    /// Begins a check; the outcome, if it is known at once.
    pub fn try_check(
        &mut self,
        unit: &Unit,
        check: &Check,
        patience: Duration,
        run: u64,
        workload: &mut dyn Workload,
    ) -> Option<Result<(), String>> {
        let deadline = Instant::now() + patience;
        let begun = match check {
            Check::Port(port) => Attempt::port(run, deadline, *port),
            Check::Inside(argv) | Check::Outside(argv) => {
                self.checks += 1;
                // With the service's own run in it, so that no other check has the same.
                let mark = format!("{}.{run}.{}", unit.name, self.checks);
                let env = env(unit).into_iter().chain([(CHECK.to_owned(), mark.clone())]).collect();
                let executed = match check {
                    Check::Inside(_) => inside(argv, env, unit, workload),
                    _ => outside(argv, &mark),
                };
                executed.map_err(Err).map(|(child, output)| {
                    let owner = Owner { leaders: vec![child.pid.as_raw()], mark: format!("{CHECK}={mark}") };
                    Attempt::command(run, deadline, child, output, owner)
                })
            }
        };
        match begun {
            Ok(attempt) => {
                self.attempt = Some(attempt);
                None
            }
            Err(outcome) => Some(outcome),
        }
    }

    /// Whose processes are to go when the service's are.
    pub fn owner(&self, unit: &Unit) -> Owner {
        Owner { leaders: self.leader.into_iter().collect(), mark: format!("{SERVICE}={}", unit.name) }
    }

    /// Processes that others must not take for their own.
    pub fn own_pids(&self) -> impl Iterator<Item = i32> + '_ {
        let check = self.attempt.as_ref().and_then(Attempt::pid);
        self.child.iter().map(|child| child.pid.as_raw()).chain(check)
    }

    /// Nothing of the service is left, so its leader's number may be another's soon.
    pub fn forget(&mut self) {
        if self.child.is_none() {
            self.leader = None;
        }
    }

    pub fn arm(&mut self, timer: Timer, delay: Duration) {
        self.timers[timer as usize] = Some(Instant::now() + delay);
    }

    pub fn disarm_all(&mut self) {
        self.timers = [None; 3];
        self.settling = None;
    }

    /// Begins to watch for the service to come to rest.
    pub fn watch(&mut self, run: u64) {
        self.settling = Some(Settling::new(run, Instant::now()));
    }

    /// The run that came to rest, looked at when it is time.
    pub fn settled(&mut self, now: Instant) -> Option<u64> {
        let leader = self.child.as_ref()?.pid.as_raw();
        let settling = self.settling.as_mut().filter(|settling| settling.next <= now)?;
        let rested = settling.look(leader, now).then_some(settling.run);
        if rested.is_some() {
            self.settling = None;
        }
        rested
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        let looks = self.settling.as_ref().map(|settling| settling.next);
        self.timers.iter().flatten().copied().chain(self.attempt.as_ref().map(|attempt| attempt.deadline)).chain(looks).min()
    }

    /// A timer that is over, which is then disarmed.
    pub fn due(&mut self, now: Instant) -> Option<Timer> {
        let timer = Timer::ALL.into_iter().find(|timer| self.timers[*timer as usize].is_some_and(|at| at <= now))?;
        self.timers[timer as usize] = None;
        Some(timer)
    }

    pub fn notify_fd(&self) -> Option<BorrowedFd<'_>> {
        self.notify.as_ref().map(|(file, _)| file.as_fd())
    }

    /// The run that wrote its newline, if it did. What it writes besides is dropped.
    pub fn heard(&mut self) -> Option<u64> {
        let (file, run) = self.notify.as_mut()?;
        let mut buffer = [0; 256];
        match file.read(&mut buffer) {
            Ok(length) if length > 0 && !buffer[..length].contains(&b'\n') => None,
            Ok(length) => {
                let run = (length > 0).then_some(*run);
                self.notify = None;
                run
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
            Err(_) => {
                self.notify = None;
                None
            }
        }
    }

    pub fn pipe(&mut self, stream: Stream) -> &mut Pipe {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Keeps the last lines, no more than [`LAST_WORDS`] bytes of them.
    pub fn remember(lines: &mut VecDeque<String>, mut line: String) {
        if let Some((at, _)) = line.char_indices().find(|(at, _)| *at > LAST_WORDS - 4) {
            line.truncate(at);
        }
        lines.push_back(line);
        while lines.iter().map(String::len).sum::<usize>() > LAST_WORDS {
            lines.pop_front();
        }
    }

    /// Pipe and last words at once, for a reader that fills the words.
    pub fn stderr_and_words(&mut self) -> (&mut Pipe, &mut VecDeque<String>) {
        (&mut self.stderr, &mut self.last_words)
    }

    pub fn last_words(&self) -> Vec<String> {
        self.last_words.iter().cloned().collect()
    }

    pub fn forget_words(&mut self) {
        self.last_words = VecDeque::new();
    }
}

fn env(unit: &Unit) -> BTreeMap<String, String> {
    unit.env.iter().map(|(name, value)| (name.clone(), value.clone())).chain([(SERVICE.to_owned(), unit.name.clone())]).collect()
}

fn null() -> Result<OwnedFd, String> {
    Ok(File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?.into())
}

/// Our reading end, which does not block, and theirs.
fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (ours, theirs) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, theirs))
}

fn inside(
    argv: &[String],
    env: BTreeMap<String, String>,
    unit: &Unit,
    workload: &mut dyn Workload,
) -> Result<(Child, OwnedFd), String> {
    let describe = |errno: Errno| format!("pipe: {}", errno.desc());
    let (ours, stdout) = pipe().map_err(describe)?;
    let stderr = stdout.try_clone().map_err(|error| format!("pipe: {error}"))?;
    let output = Output { stdin: null()?, stdout, stderr };
    let run = Run { argv: argv.to_vec(), env, user: unit.user.clone(), output, notify: None };
    Ok((workload.spawn(run).map_err(|error| error.to_string())?, ours))
}

/// A command of the administrator on the host, with a clean environment and a process group of its own.
fn outside(argv: &[String], mark: &str) -> Result<(Child, OwnedFd), String> {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let (ours, stdout) = pipe().map_err(|errno| format!("pipe: {}", errno.desc()))?;
    let stderr = stdout.try_clone().map_err(|error| format!("pipe: {error}"))?;
    let mut command = Command::new(program);
    command
        .args(argv.get(1..).unwrap_or_default())
        .env_clear()
        .env("PATH", PATH)
        .env(CHECK, mark)
        .current_dir("/")
        .process_group(0);
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let pid = child.id() as i32;
    let pidfd = pidfd::open(pid).map_err(|errno| format!("pidfd_open: {}", errno.desc()))?;
    Ok((Child::own(Pid::from_raw(pid), pidfd), ours))
}
