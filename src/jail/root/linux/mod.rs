//! A jail's root: layers and mounts in a mount namespace that is pinned under the run directory. Nothing of it is mounted
//! in the host's own namespace but the pin.

mod builder;
mod mount;
mod pty;
mod run_dir;
pub mod seed;
mod visit;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, fstatfs};
use nix::unistd::{Pid, pipe2};

pub use builder::OWN_PROGRAMS;
pub use run_dir::prepare_run_dir;

use crate::jail::base::{self, Base, Pin};
use crate::jail::store::{Directory, jail, remove_tree};
use crate::jail::{Config, JailError, fork, uptime};
use crate::kernel::{JailName, RightSet, WayIn, system};

/// The pin's file name in the jail's run directory.
const PIN: &str = "mnt";
/// Beside it: which base the root is made of.
const BASE: &str = "base";
/// statfs(2)'s type of the file system that namespaces live on, linux/magic.h.
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);
/// A child's report is cut here.
const REPORT_LIMIT: u64 = 4096;

/// Takes this process into a root that is [`pinned`]: its root and working directory become that.
pub fn go_in(root: BorrowedFd<'_>) -> nix::Result<()> {
    setns(root, CloneFlags::CLONE_NEWNS)
}

/// Both ends of a pty of the jail's: the master, and the slave.
pub fn open_pty(root: &OwnedFd) -> Result<(OwnedFd, OwnedFd), JailError> {
    let master = visit::open_terminal(root)?;
    let slave = pty::slave_of(master.as_fd()).map_err(JailError::system("open the slave of the jail's terminal"))?;
    Ok((master, slave))
}

/// Takes away what [`prepare_run_dir`] mounted below a directory that is to go.
pub fn forget(run_dir: &Path) {
    // What cannot be taken away harms nobody.
    let _ = umount2(&run_dir.join("jails"), MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
}

/// A read-only mount of a file, mounted nowhere.
pub fn read_only_copy(file: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    mount::copy(file, false, mount::RDONLY | mount::NODEV)
}

/// The pinned namespace; `None` when the jail has none.
pub fn pinned(config: &Config, name: &JailName) -> Result<Option<OwnedFd>, JailError> {
    let Some(run) = run_of(config, name)? else { return Ok(None) };
    match run.open_at(PIN, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) {
        Ok(fd) => Ok(is_namespace(&fd).then_some(fd)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(JailError::System { doing: format!("open {}", run.path_of(PIN).display()), errno }),
    }
}

fn is_namespace(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|found| found.filesystem_type() == NSFS_MAGIC)
}

/// The jail's run directory, if it has one.
pub fn run_of(config: &Config, name: &JailName) -> Result<Option<Directory>, JailError> {
    let jails = match Directory::open(&config.run_dir) {
        Err(JailError::System { errno: Errno::ENOENT, .. }) => return Ok(None),
        found => found?.vetted()?.find("jails")?,
    };
    jails.map(|jails| jails.find(name.as_str())).transpose().map(Option::flatten)
}

/// The base of a root that is pinned, or is being built.
pub fn base_in_use(config: &Config, name: &JailName) -> Result<Option<Pin>, JailError> {
    let Some(run) = run_of(config, name)? else { return Ok(None) };
    if run.status(BASE)?.is_none() {
        return Ok(None);
    }
    Ok(std::str::from_utf8(&run.read(BASE, 1024)?).ok().and_then(|text| text.parse().ok()))
}

/// Builds the jail's root in a new namespace and pins that. The caller holds the jail's lock and saw that no pin is
/// there. On an error nothing is left: the namespace dies with the child that built it.
pub fn pin(config: &Config, name: &JailName, base: &Base, way_in: WayIn, rights: RightSet) -> Result<(), JailError> {
    // Before the fork, so that what is wrong with the files is said as it is.
    let files = jail(config, name)?;
    files.sub("root")?.vetted()?;
    files.sub("data")?.vetted()?;
    if let Base::Pinned(pin) = base {
        base::tree(config, pin)?;
    }
    let run = run_dir::jails(config)?.ensure(name.as_str(), 0o700)?.vetted()?;
    // Before anything is mounted: from here on the version is in use, whatever becomes of jail.toml.
    run.replace(BASE, 0o600, base.to_string().as_bytes())?;
    uptime::begin(&run)?;
    drop(files);

    let mut pinned = build_and_pin(config, name, base, (way_in, rights), &run, None);
    // A namespace is pinned only in one that is older by its number, and since Linux 6.18 numbers are handed out by each
    // processor from a range of its own (kernel/nstree.c): one made on the processor of the caller's namespace is younger.
    for processor in 0..processors() {
        match pinned {
            Err(JailError::System { errno: Errno::EINVAL, .. }) => {
                pinned = build_and_pin(config, name, base, (way_in, rights), &run, Some(processor));
            }
            _ => break,
        }
    }
    if pinned.is_err() {
        // Best effort: a run directory without a pin is what a jail that is down looks like.
        let _ = run_dir::jails(config).and_then(|jails| remove_tree(&jails, name.as_str()));
    }
    pinned
}

fn processors() -> usize {
    nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_CONF).ok().flatten().map_or(1, |count| count.max(1) as usize)
}

/// One attempt, on one processor if that matters.
fn build_and_pin(
    config: &Config,
    name: &JailName,
    base: &Base,
    kind: (WayIn, RightSet),
    run: &Directory,
    processor: Option<usize>,
) -> Result<(), JailError> {
    let (report, told) = pipe2(OFlag::O_CLOEXEC).map_err(JailError::system("make a pipe"))?;
    let parent = nix::unistd::getpid();
    // The writing end is the child's alone: a child that dies closes it.
    let child = fork::in_child(move || {
        if let Some(processor) = processor {
            // One that is offline or not ours: then this attempt is one more like the first.
            let _ = run_on(processor);
        }
        build_and_hold(config, name, base, kind, parent, told)
    })?;
    let pinned = read_report(report).and_then(|()| hold(run, child));
    // It only keeps the namespace alive, which the pin does now. Not reaped yet, so the pid is its own.
    let _ = kill(child, Signal::SIGKILL);
    fork::wait(child);
    pinned
}

fn run_on(processor: usize) -> nix::Result<()> {
    let mut set = nix::sched::CpuSet::new();
    set.set(processor)?;
    nix::sched::sched_setaffinity(Pid::from_raw(0), &set)
}

/// The child: builds, says so, and keeps the namespace alive until the parent pinned it or died.
fn build_and_hold(
    config: &Config,
    name: &JailName,
    base: &Base,
    (way_in, rights): (WayIn, RightSet),
    parent: Pid,
    told: OwnedFd,
) -> i32 {
    if !system::dies_with(parent.as_raw()) {
        return 1;
    }
    let mut told = File::from(told);
    let built = builder::build(config, name, base, way_in, rights);
    let word = built.as_ref().map_or_else(encode, |()| "+".into());
    // No reader: then nobody waits for the answer either.
    let _ = told.write_all(word.as_bytes());
    drop(told);
    while built.is_ok() {
        nix::unistd::pause();
    }
    1
}

/// A child's error as text: kind, fields; [`decode`]d by the parent.
fn encode(error: &JailError) -> String {
    match error {
        JailError::System { doing, errno } => format!("S\0{}\0{doing}", *errno as i32),
        JailError::Path { path, why, remedy } => format!("P\0{}\0{why}\0{remedy}", path.display()),
        other => format!("S\0{}\0build the root: {other}", Errno::EINVAL as i32),
    }
}

fn decode(text: &str) -> JailError {
    let fields: Vec<&str> = text.split('\0').collect();
    match fields[..] {
        ["S", errno, doing] => {
            JailError::System { doing: doing.into(), errno: Errno::from_raw(errno.parse().unwrap_or(Errno::EIO as i32)) }
        }
        ["P", path, why, remedy] => JailError::Path { path: path.into(), why: why.into(), remedy: remedy.into() },
        _ => JailError::System { doing: "build the root (its builder died)".into(), errno: Errno::ECHILD },
    }
}

fn read_report(report: OwnedFd) -> Result<(), JailError> {
    let mut text = Vec::new();
    File::from(report)
        .take(REPORT_LIMIT)
        .read_to_end(&mut text)
        .map_err(JailError::io("hear from the process that builds the root"))?;
    if text == b"+" { Ok(()) } else { Err(decode(&String::from_utf8_lossy(&text))) }
}

/// Pins the namespace of a child that waits.
fn hold(run: &Directory, child: Pid) -> Result<(), JailError> {
    let doing = || format!("pin the namespace at {}", run.path_of(PIN).display());
    unlink_stale(run, PIN)?;
    drop(run.write_new(PIN, 0o600, b"")?);
    let point = run.open_at(PIN, OFlag::O_PATH, Mode::empty()).map_err(JailError::system(doing()))?;
    // The child is ours and not reaped, so the pid is its own. The target goes by descriptor: no path to race with.
    let source = format!("/proc/{child}/ns/mnt");
    let target = format!("/proc/self/fd/{}", point.as_raw_fd());
    nix::mount::mount(Some(source.as_str()), target.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(JailError::system(doing()))
}

/// Removes a file of the run directory that a crash may have left.
pub fn unlink_stale(run: &Directory, name: &str) -> Result<(), JailError> {
    match nix::unistd::unlinkat(run.fd(), name, nix::unistd::UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(JailError::System { doing: format!("remove {}", run.path_of(name).display()), errno }),
    }
}

/// Unpins the namespace and removes the jail's run directory. Its mounts go with the last process inside. Says whether
/// there was anything; with nothing there it is done.
pub fn unpin(config: &Config, name: &JailName) -> Result<bool, JailError> {
    let Some(run) = run_of(config, name)? else { return Ok(false) };
    // A crash between two pins could have stacked them; a bound keeps an unknown mount from looping us.
    for _ in 0..8 {
        match run.open_at(PIN, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) {
            Ok(fd) if is_namespace(&fd) => {}
            _ => break,
        }
        let point = format!("/proc/self/fd/{}/{PIN}", run.fd().as_raw_fd());
        umount2(point.as_str(), MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
            .map_err(JailError::system(format!("unpin {}", run.path_of(PIN).display())))?;
    }
    drop(run);
    remove_tree(&run_dir::jails(config)?, name.as_str())?;
    Ok(true)
}
