//! The way in: chroot(2), then the module, then the user, then the program. The module wants the jail's root to be the
//! caller's already, one thread, and no open directory.
//!
//! Order matters. Before the process is a member it opens nothing but two bounded plain files below the new root; what it
//! has open of the host goes before.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::{Mode, SFlag, fstat, umask};
use nix::unistd::{ForkResult, Gid, Pid, Uid, chdir, chroot, execve, fchdir, fork, setgid, setgroups, setsid, setuid};

use super::account::{self, Account, Who};
use super::{Command, JailError, environment, walk};
use crate::kernel::Gate;

/// A passwd or group file larger than this is not read.
const FILE_LIMIT: u64 = 1 << 20;
/// The module answers EBUSY while an end of a thread is not seen yet.
const GATE_TRIES: u32 = 20;
const GATE_PAUSE: Duration = Duration::from_millis(10);
/// Signals of NetBSD (sys/signal.h, NSIG), real-time ones included.
const LAST_SIGNAL: i32 = 63;
/// Programs of the base and of pkgsrc.
const PATH: &str = "/sbin:/usr/sbin:/bin:/usr/bin:/usr/pkg/sbin:/usr/pkg/bin:/usr/local/sbin:/usr/local/bin";
/// Where a started process tells that it could not become its program; the lowest one that is no standard descriptor.
const TOLD: RawFd = 3;

/// Becomes the program, in this process, which has one thread. Returns only after a failure.
pub fn enter(command: &Command, gate: &dyn Gate) -> Result<Infallible, JailError> {
    walk_in(command, gate, TOLD)
}

/// The same in a child with a session and standard descriptors of its own, which has become the program when this returns.
pub fn start(command: &Command, gate: &dyn Gate, stdio: [OwnedFd; 3]) -> Result<Pid, JailError> {
    let system = |doing: &'static str| JailError::system(doing);
    let (report, told) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(system("make a pipe"))?;
    // SAFETY: this process has one thread, so the child has a consistent copy of all memory and locks.
    match unsafe { fork() }.map_err(system("fork"))? {
        ForkResult::Parent { child } => {
            drop((told, stdio));
            let mut text = String::new();
            let read = File::from(report).take(4096).read_to_string(&mut text);
            if read.is_ok() && text.is_empty() {
                return Ok(child);
            }
            // Not reaped yet, so the pid is its own; it ends by itself.
            let _ = nix::sys::wait::waitpid(child, None);
            Err(decode(&text))
        }
        ForkResult::Child => {
            drop(report);
            match become_session(&stdio, &told) {
                // Closes all above TOLD, the pipe's first place included.
                Ok(()) => tell(walk_in(command, gate, TOLD + 1).err(), TOLD),
                Err(error) => tell(Some(error), told.as_raw_fd()),
            }
            // SAFETY: ends the process at once; buffers and exit handlers are the parent's business.
            unsafe { libc::_exit(1) }
        }
    }
}

/// Writes what failed to the pipe at `told`.
fn tell(failure: Option<JailError>, told: RawFd) {
    let text = failure.map(|error| encode(&error)).unwrap_or_default();
    // SAFETY: the pipe's descriptor, which stays open until this process ends.
    let told = unsafe { BorrowedFd::borrow_raw(told) };
    // No reader: then nobody waits for the answer either.
    let _ = nix::unistd::write(told, text.as_bytes());
}

/// A session of its own, the standard descriptors at 0 to 2, the pipe at [`TOLD`].
fn become_session(stdio: &[OwnedFd; 3], told: &OwnedFd) -> Result<(), JailError> {
    const ABOVE: RawFd = 20;
    setsid().map_err(JailError::system("make a session"))?;
    let doing = || JailError::system("put the standard descriptors in place");
    // First out of the way of each other.
    let mut moved = [0; 4];
    for (slot, fd) in moved.iter_mut().zip(stdio.iter().chain([told])) {
        *slot = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(ABOVE)).map_err(doing())?;
    }
    for (number, fd) in moved.into_iter().enumerate() {
        // SAFETY: descriptors of this process; 0 to 3 are nobody's property in a child that will exec.
        Errno::result(unsafe { libc::dup2(fd, number as RawFd) }).map_err(doing())?;
    }
    if std::io::stdin().is_terminal() {
        // SAFETY: makes the pty at 0 this session's terminal; takes a number.
        Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) }).map_err(JailError::system("take the terminal"))?;
    }
    // SAFETY: put in place above.
    let told = unsafe { BorrowedFd::borrow_raw(TOLD) };
    fcntl(told, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(doing())?;
    Ok(())
}

/// `first`: the lowest descriptor that is closed.
fn walk_in(command: &Command, gate: &dyn Gate, first: RawFd) -> Result<Infallible, JailError> {
    let doing = |what: &'static str| JailError::system(what);
    let shown = command.user.clone().unwrap_or_else(|| "root".into());
    let unknown = || JailError::NoSuchUser { user: shown.clone() };
    let who = Who::parse(command.user.as_deref()).ok_or_else(unknown)?;
    signals();
    umask(Mode::from_bits_truncate(0o022));
    let top = walk::open_root(&command.root).map_err(JailError::walk(&command.root))?;
    fchdir(&top).map_err(doing("go to the jail's root"))?;
    chroot(".").map_err(doing("change the root"))?;
    drop(top);
    // SAFETY: closes what nobody uses any more in a process that becomes a program.
    Errno::result(unsafe { libc::closefrom(first) }).map_err(doing("close the caller's descriptors"))?;

    let passwd = read("/etc/passwd").map_err(doing("read the jail's etc/passwd"))?;
    let account = account::find(&passwd, &who).ok_or_else(unknown)?;
    let group = read("/etc/group").map_err(doing("read the jail's etc/group"))?;
    let groups: Vec<Gid> = account::groups(&group, &account).into_iter().map(Gid::from_raw).collect();
    let environment = surroundings(command, &account);
    limits().map_err(doing("reset limits and priority"))?;
    setgroups(&groups).and_then(|()| setgid(Gid::from_raw(account.gid))).map_err(doing("set the groups"))?;
    pass(gate).map_err(doing("become a member of the jail"))?;
    // From here on a member: what fails now fails inside.
    setuid(Uid::from_raw(account.uid)).map_err(doing("set the user"))?;
    let home = || chdir(account.home.as_str()).or_else(|_| chdir("/"));
    command.workdir.as_deref().map_or_else(home, chdir).map_err(doing("go to the working directory"))?;
    execute(command, &account, &environment)
}

fn pass(gate: &dyn Gate) -> Result<(), Errno> {
    for _ in 1..GATE_TRIES {
        match gate.enter() {
            Err(Errno::EBUSY) => std::thread::sleep(GATE_PAUSE),
            other => return other,
        }
    }
    gate.enter()
}

fn surroundings(command: &Command, account: &Account) -> Vec<CString> {
    environment::clean(account, command.term.as_deref(), &with_path(command))
}

fn with_path(command: &Command) -> BTreeMap<String, String> {
    let mut env = command.env.clone();
    env.entry("PATH".into()).or_insert_with(|| PATH.into());
    env
}

/// Tries the candidates as execvp(3) does: what is there but may not be run is told rather than what is missing.
fn execute(command: &Command, account: &Account, environment: &[CString]) -> Result<Infallible, JailError> {
    let text = |text: &str| CString::new(text).map_err(|_| JailError::system("pass a NUL byte")(Errno::EINVAL));
    let (candidates, argv, program) = match command.argv.first() {
        None => {
            let base = Path::new(&account.shell).file_name().and_then(|name| name.to_str()).unwrap_or("sh");
            (vec![text(&account.shell)?], vec![text(&format!("-{base}"))?], account.shell.clone())
        }
        Some(program) => {
            let argv = command.argv.iter().map(|word| text(word)).collect::<Result<Vec<_>, _>>()?;
            (environment::candidates(program, environment::path(&with_path(command))), argv, program.clone())
        }
    };
    let mut worst = Errno::ENOENT;
    for candidate in &candidates {
        let candidate: &CStr = candidate;
        match execve(candidate, &argv, environment) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(Errno::EACCES) => worst = Errno::EACCES,
            Err(errno) => return Err(JailError::NotExecutable { program, errno }),
            Ok(never) => match never {},
        }
    }
    match worst {
        Errno::ENOENT => Err(JailError::NotFound { program }),
        errno => Err(JailError::NotExecutable { program, errno }),
    }
}

/// A plain file below the new root, whose links lead no further than that.
fn read(path: &str) -> Result<Vec<u8>, Errno> {
    let file = open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?;
    let status = fstat(&file)?;
    if SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(Errno::EINVAL);
    }
    let mut bytes = Vec::new();
    let read = File::from(file).take(FILE_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    if bytes.len() as u64 > FILE_LIMIT { Err(Errno::EFBIG) } else { Ok(bytes) }
}

/// Every signal at its default, none blocked: an ignored signal stays so over execve(2), and Rust ignores SIGPIPE.
fn signals() {
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: sets a default action. SIGKILL and SIGSTOP are refused, which is fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // Cannot fail: the arguments are constants.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// No core files of the jail's, and the host's own priority is not handed on.
fn limits() -> Result<(), Errno> {
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
    // SAFETY: takes numbers alone.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) }).map(drop)
}

/// A child's error for its parent: what it was, and its fields.
fn encode(error: &JailError) -> String {
    match error {
        JailError::NoSuchUser { user } => format!("U\0{user}"),
        JailError::NotFound { program } => format!("F\0{program}"),
        JailError::NotExecutable { program, errno } => format!("X\0{}\0{program}", *errno as i32),
        JailError::System { doing, errno } => format!("S\0{}\0{doing}", *errno as i32),
        other => format!("S\0{}\0{other}", Errno::EINVAL as i32),
    }
}

fn decode(text: &str) -> JailError {
    let errno = |number: &str| Errno::from_raw(number.parse().unwrap_or(libc::EIO));
    match text.split('\0').collect::<Vec<_>>()[..] {
        ["U", user] => JailError::NoSuchUser { user: user.into() },
        ["F", program] => JailError::NotFound { program: program.into() },
        ["X", number, program] => JailError::NotExecutable { program: program.into(), errno: errno(number) },
        ["S", number, doing] => JailError::System { doing: doing.into(), errno: errno(number) },
        _ => JailError::System { doing: "hear from the new process".into(), errno: Errno::EPROTO },
    }
}

/// Is descriptor 0 a terminal? Then the program gets its TERM.
pub fn term() -> Option<String> {
    std::env::var("TERM").ok().filter(|_| std::io::stdin().is_terminal())
}
