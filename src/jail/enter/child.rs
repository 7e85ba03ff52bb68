//! The child's side: from a copy of the caller to the program in the jail, one step after the other.
//!
//! Order matters. While the process is still the host's it opens nothing that the jail controls but two bounded plain
//! files; once it is a member it has no descriptor but the standard ones and its closing error pipe.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, OpenHow, fcntl, openat2};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chdir, execve, fchown, setgroups, setresgid, setresuid, setsid, write};

use super::account::{self, Account, Who};
use super::step::{Failure, Step, at};
use super::{Stdio, capability, environment, has_terminal, reset, standard};
use crate::jail::store::{read_regular, strict};
use crate::kernel::Gate;

/// A passwd or group file larger than this is not read.
const FILE_LIMIT: usize = 1 << 20;
/// How often a busy gate is tried: on some kernels the end of a thread is seen late.
const GATE_TRIES: u32 = 20;
const GATE_PAUSE: Duration = Duration::from_millis(10);
/// Standard descriptors are moved above this while they are put in place.
const ABOVE_STANDARD: RawFd = 10;

/// Everything the child needs, prepared by the parent.
pub struct Entry<'a> {
    /// Empty: the user's shell.
    pub argv: &'a [CString],
    pub env: &'a BTreeMap<String, String>,
    pub who: &'a Who,
    pub workdir: Option<&'a CStr>,
    pub stdio: &'a Stdio,
    pub namespace: BorrowedFd<'a>,
    pub gate: &'a dyn Gate,
    /// A bit per capability that stays in the bounding set.
    pub capabilities: u64,
}

impl Entry<'_> {
    /// Walks in and becomes the program. Returns only after a failure, which it has told.
    pub fn run(&self, told: BorrowedFd<'_>) -> i32 {
        let failure = self.enter(told).expect_err("a program that runs does not return");
        // No reader: then nobody waits for the answer either.
        let _ = write(told, &failure.encode());
        1
    }

    fn enter(&self, told: BorrowedFd<'_>) -> Result<std::convert::Infallible, Failure> {
        reset::signals();
        reset::oom_score();
        setsid().map_err(at(Step::Session))?;
        place_standard(self.stdio).map_err(at(Step::Stdio))?;
        if has_terminal(self.stdio) {
            take_terminal().map_err(at(Step::Terminal))?;
        }
        self.gate.join_cgroup().map_err(at(Step::Cgroup))?;
        // Root and working directory become the namespace's root.
        setns(self.namespace, CloneFlags::CLONE_NEWNS).map_err(at(Step::Namespace))?;
        let mut kept = self.gate.descriptors();
        kept.push(told.as_raw_fd());
        close_all_but(&mut kept).map_err(at(Step::Descriptors))?;

        let (account, groups) = look_up(self.who)?;
        umask(Mode::from_bits_truncate(0o022));
        reset::limits().map_err(at(Step::Limits))?;
        reset::scheduling().map_err(at(Step::Scheduling))?;
        reset::keyring();
        if has_terminal(self.stdio) {
            // SAFETY: descriptor 0 was put in place above.
            let terminal = unsafe { BorrowedFd::borrow_raw(0) };
            fchown(terminal, Some(Uid::from_raw(account.uid)), None).map_err(at(Step::Terminal))?;
        }
        let term = std::env::var("TERM").ok().filter(|_| has_terminal(self.stdio));
        let environment = environment::clean(&account, term.as_deref(), self.env);

        capability::drop_others(self.capabilities).map_err(at(Step::Capabilities))?;
        setgroups(&groups).map_err(at(Step::Groups))?;
        let gid = Gid::from_raw(account.gid);
        setresgid(gid, gid, gid).map_err(at(Step::Groups))?;
        self.pass_gate().map_err(at(Step::Enter))?;
        // From here on a member: what fails now fails inside.
        close_all_but(&mut [told.as_raw_fd()]).map_err(at(Step::Descriptors))?;
        let uid = Uid::from_raw(account.uid);
        setresuid(uid, uid, uid).map_err(at(Step::Uid))?;
        self.go_to_workdir(&account).map_err(at(Step::Workdir))?;
        self.execute(&account, &environment).map_err(at(Step::Exec))
    }

    fn pass_gate(&self) -> Result<(), Errno> {
        for _ in 1..GATE_TRIES {
            match self.gate.enter() {
                Err(Errno::EBUSY) => std::thread::sleep(GATE_PAUSE),
                other => return other,
            }
        }
        self.gate.enter()
    }

    fn go_to_workdir(&self, account: &Account) -> Result<(), Errno> {
        match self.workdir {
            Some(directory) => chdir(directory),
            None => chdir(account.home.as_str()).or_else(|_| chdir("/")),
        }
    }

    /// Tries the candidates as execvp(3) does: what is there but may not be run is told rather than what is missing.
    fn execute(&self, account: &Account, environment: &[CString]) -> Result<std::convert::Infallible, Errno> {
        let Some(program) = self.argv.first() else { return login_shell(account, environment) };
        let program = program.to_str().map_err(|_| Errno::EINVAL)?;
        let mut worst = Errno::ENOENT;
        for candidate in environment::candidates(program, environment::path(self.env)) {
            match execve(&candidate, self.argv, environment) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(Errno::EACCES) => worst = Errno::EACCES,
                Err(errno) => return Err(errno),
                Ok(never) => match never {},
            }
        }
        Err(worst)
    }
}

fn login_shell(account: &Account, environment: &[CString]) -> Result<std::convert::Infallible, Errno> {
    let base = Path::new(&account.shell).file_name().and_then(|name| name.to_str()).ok_or(Errno::ENOENT)?;
    let shell = CString::new(account.shell.as_str()).map_err(|_| Errno::EINVAL)?;
    let argv0 = CString::new(format!("-{base}")).map_err(|_| Errno::EINVAL)?;
    execve(&shell, &[argv0], environment)
}

/// Puts the standard descriptors in place. They may be numbered 0 to 2 already, in any order: first out of the way.
fn place_standard(stdio: &Stdio) -> Result<(), Errno> {
    let mut moved = [0; 3];
    for (slot, fd) in moved.iter_mut().zip(standard(stdio)) {
        *slot = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(ABOVE_STANDARD))?;
    }
    for (number, fd) in moved.into_iter().enumerate() {
        // SAFETY: both are descriptors of this process; 0 to 2 are nobody's property in a child that will exec.
        Errno::result(unsafe { libc::dup2(fd, number as RawFd) })?;
    }
    Ok(())
}

fn take_terminal() -> Result<(), Errno> {
    // SAFETY: an ioctl on an open descriptor with an integer argument: do not take it from another session.
    Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) }).map(drop)
}

/// Closes everything above 2 but `kept`, which must all lie there.
fn close_all_but(kept: &mut [RawFd]) -> Result<(), Errno> {
    kept.sort_unstable();
    let mut next: RawFd = 3;
    for fd in kept.iter().copied().chain([RawFd::MAX]) {
        if fd < next {
            // A duplicate is fine; one among the standard descriptors was overwritten.
            if fd < 3 { return Err(Errno::EBADF) } else { continue }
        }
        if fd > next {
            // SAFETY: this child execs or exits next; no owner of these descriptors runs again before that.
            Errno::result(unsafe { libc::close_range(next as u32, (fd - 1) as u32, 0) })?;
        }
        next = fd.saturating_add(1);
    }
    Ok(())
}

/// The account and its groups, from the jail's own files.
fn look_up(who: &Who) -> Result<(Account, Vec<Gid>), Failure> {
    let passwd = read_jail_file("etc/passwd").map_err(at(Step::User))?;
    let account = account::find(&passwd, who).ok_or(Failure { step: Step::User, errno: Errno::ENOENT })?;
    let group = read_jail_file("etc/group").map_err(at(Step::Groups))?;
    let groups = account::groups(&group, &account).into_iter().map(Gid::from_raw).collect();
    Ok((account, groups))
}

/// A plain file of the jail, without symlinks (they could lead into /proc), devices or FIFOs (they could wait for ever).
/// A missing one is empty.
fn read_jail_file(name: &str) -> Result<Vec<u8>, Errno> {
    let root = nix::fcntl::open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    match openat2(&root, name, OpenHow::new().flags(flags).resolve(strict())) {
        Ok(fd) => read_regular(fd, Path::new(name), FILE_LIMIT).map_err(|_| Errno::EFBIG),
        Err(Errno::ENOENT) => Ok(Vec::new()),
        Err(errno) => Err(errno),
    }
}
