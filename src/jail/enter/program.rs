//! What a process in a jail becomes: the steps that a child of the caller and one of the keeper have in common, taken
//! inside the jail's mounts.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chdir, execve, fchown, setgroups, setsid};

use super::account::{self, Account, Who};
use super::environment;
use super::step::{Failure, Step, at};
use crate::jail::store::read_regular;
use crate::kernel::system::{self, Bounds};

/// A passwd or group file larger than this is not read.
const FILE_LIMIT: usize = 1 << 20;
/// Standard descriptors are moved above this while they are put in place.
const ABOVE_STANDARD: RawFd = 10;
/// Where the readiness descriptor is put.
const NOTIFY: RawFd = 3;

/// A program, its user and its surroundings.
pub struct Program<'a> {
    /// Empty: the user's shell.
    pub argv: &'a [CString],
    pub env: &'a BTreeMap<String, String>,
    pub who: &'a Who,
    pub workdir: Option<&'a CStr>,
    /// Descriptor 0 will be the slave side of a pty of the jail's.
    pub terminal: bool,
    /// TERM of the terminal that the pty stands for.
    pub term: Option<&'a str>,
    /// Becomes descriptor 3, which `NOTIFY_FD` names: where the program may say that it is ready.
    pub notify: Option<BorrowedFd<'a>>,
    /// A user that is not root may bind ports below 1024 as well.
    pub low_ports: bool,
}

/// Who the process will be, as the jail's own files say.
pub struct Person {
    account: Account,
    groups: Vec<Gid>,
    environment: Vec<CString>,
}

impl Program<'_> {
    /// A session of its own, the standard descriptors, the terminal.
    pub fn begin_session(&self, standard: [BorrowedFd<'_>; 3]) -> Result<(), Failure> {
        setsid().map_err(at(Step::Session))?;
        place_standard(standard).map_err(at(Step::Stdio))?;
        if self.terminal {
            take_terminal().map_err(at(Step::Terminal))?;
        }
        Ok(())
    }

    /// Looks the user up in the jail's files and gives it the terminal.
    pub fn look_up(&self) -> Result<Person, Failure> {
        let passwd = read_jail_file("etc/passwd").map_err(at(Step::User))?;
        let account = account::find(&passwd, self.who).ok_or(Failure { step: Step::User, errno: Errno::ENOENT })?;
        let group = read_jail_file("etc/group").map_err(at(Step::Groups))?;
        let groups = account::groups(&group, &account).into_iter().map(Gid::from_raw).collect();
        if self.terminal {
            // SAFETY: descriptor 0 was put in place by `begin_session`.
            let terminal = unsafe { BorrowedFd::borrow_raw(0) };
            fchown(terminal, Some(Uid::from_raw(account.uid)), None).map_err(at(Step::Terminal))?;
        }
        let mut environment = environment::clean(&account, self.term, self.env);
        if self.notify.is_some() {
            environment.retain(|variable| !variable.to_bytes().starts_with(b"NOTIFY_FD="));
            environment.extend(CString::new(format!("NOTIFY_FD={NOTIFY}")));
        }
        Ok(Person { account, groups, environment })
    }

    pub fn take_groups(&self, person: &Person) -> Result<(), Failure> {
        setgroups(&person.groups).map_err(at(Step::Groups))?;
        let gid = Gid::from_raw(person.account.gid);
        system::set_group(gid).map_err(at(Step::Groups))
    }

    /// The descriptors that outlive the way in: the error pipe, and what the program is given besides the standard ones.
    pub fn kept(&self, told: BorrowedFd<'_>) -> Vec<RawFd> {
        [Some(told), self.notify].into_iter().flatten().map(|fd| fd.as_raw_fd()).collect()
    }

    /// The last steps, as a member. Returns only after a failure.
    pub fn run(&self, person: &Person) -> Result<std::convert::Infallible, Failure> {
        let uid = Uid::from_raw(person.account.uid);
        if self.low_ports && !uid.is_root() {
            system::set_user_with_low_ports(uid).map_err(at(Step::Uid))?;
        } else {
            system::set_user(uid).map_err(at(Step::Uid))?;
        }
        self.go_to_workdir(&person.account).map_err(at(Step::Workdir))?;
        if let Some(notify) = self.notify {
            place_notify(notify).map_err(at(Step::Descriptors))?;
        }
        self.execute(person).map_err(at(Step::Exec))
    }

    fn go_to_workdir(&self, account: &Account) -> Result<(), Errno> {
        match self.workdir {
            Some(directory) => chdir(directory),
            None => chdir(account.home.as_str()).or_else(|_| chdir("/")),
        }
    }

    /// Tries the candidates as execvp(3) does: what is there but may not be run is told rather than what is missing.
    fn execute(&self, person: &Person) -> Result<std::convert::Infallible, Errno> {
        let Some(program) = self.argv.first() else { return login_shell(person) };
        let program = program.to_str().map_err(|_| Errno::EINVAL)?;
        let mut worst = Errno::ENOENT;
        for candidate in environment::candidates(program, environment::path(self.env)) {
            match execve(&candidate, self.argv, &person.environment) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(Errno::EACCES) => worst = Errno::EACCES,
                Err(errno) => return Err(errno),
                Ok(never) => match never {},
            }
        }
        Err(worst)
    }
}

fn login_shell(person: &Person) -> Result<std::convert::Infallible, Errno> {
    let shell = &person.account.shell;
    let base = Path::new(shell).file_name().and_then(|name| name.to_str()).ok_or(Errno::ENOENT)?;
    let shell = CString::new(shell.as_str()).map_err(|_| Errno::EINVAL)?;
    let argv0 = CString::new(format!("-{base}")).map_err(|_| Errno::EINVAL)?;
    execve(&shell, &[argv0], &person.environment)
}

/// Puts the standard descriptors in place. They may be numbered 0 to 2 already, in any order: first out of the way.
fn place_standard(standard: [BorrowedFd<'_>; 3]) -> Result<(), Errno> {
    let mut moved = [0; 3];
    for (slot, fd) in moved.iter_mut().zip(standard) {
        *slot = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(ABOVE_STANDARD))?;
    }
    for (number, fd) in moved.into_iter().enumerate() {
        // SAFETY: both are descriptors of this process; 0 to 2 are nobody's property in a child that will exec.
        Errno::result(unsafe { libc::dup2(fd, number as RawFd) })?;
    }
    Ok(())
}

/// A copy of the error pipe where [`place_notify`] does not overwrite it.
pub fn out_of_the_way(told: OwnedFd) -> Result<OwnedFd, Errno> {
    let moved = fcntl(&told, FcntlArg::F_DUPFD_CLOEXEC(ABOVE_STANDARD))?;
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

/// Puts the readiness descriptor in place: a shell's `>&` takes a single digit.
fn place_notify(notify: BorrowedFd<'_>) -> Result<(), Errno> {
    if notify.as_raw_fd() == NOTIFY {
        return fcntl(notify, FcntlArg::F_SETFD(FdFlag::empty())).map(drop);
    }
    // SAFETY: 3 is nobody's property in a child that will exec: only the standard ones, this and the error pipe, which was
    // moved out of the way, are open.
    Errno::result(unsafe { libc::dup2(notify.as_raw_fd(), NOTIFY) }).map(drop)
}

fn take_terminal() -> Result<(), Errno> {
    // SAFETY: an ioctl on an open descriptor with an integer argument: do not take it from another session.
    Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) }).map(drop)
}

/// Closes everything above 2 but `kept`, which must all lie there.
pub fn close_all_but(kept: &mut [RawFd]) -> Result<(), Errno> {
    kept.sort_unstable();
    let mut next: RawFd = 3;
    for fd in kept.iter().copied().chain([RawFd::MAX]) {
        if fd < next {
            // A duplicate is fine; one among the standard descriptors was overwritten.
            if fd < 3 { return Err(Errno::EBADF) } else { continue }
        }
        if fd > next {
            system::close_range(next, fd - 1)?;
        }
        next = fd.saturating_add(1);
    }
    Ok(())
}

/// A plain file of the jail, without symlinks (they could lead into /proc), devices or FIFOs (they could wait for ever).
/// A missing one is empty.
fn read_jail_file(name: &str) -> Result<Vec<u8>, Errno> {
    let root = nix::fcntl::open("/", system::TO_GO_THROUGH, Mode::empty())?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    match system::open_below(root.as_fd(), Path::new(name), flags, Mode::empty(), Bounds::Beneath) {
        Ok(fd) => read_regular(fd, Path::new(name), FILE_LIMIT).map_err(|_| Errno::EFBIG),
        Err(Errno::ENOENT) => Ok(Vec::new()),
        Err(errno) => Err(errno),
    }
}
