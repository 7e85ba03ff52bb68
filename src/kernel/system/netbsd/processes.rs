//! Processes: this one, and those of the host's table (sysctl(3), kern.proc2).

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, RawFd};
use std::path::PathBuf;
use std::ptr;

use nix::Result;
use nix::errno::Errno;

/// sys/sysctl.h: a process that ended and was not reaped; SZOMB of sys/proc.h.
const ZOMBIE: i8 = 5;
/// Signals of NetBSD (sys/signal.h, NSIG), real-time ones included.
const LAST_SIGNAL: i32 = 63;
/// Entries asked for beyond those that were counted, for processes that come meanwhile.
const SPARE: usize = 32;
const TRIES: usize = 8;

/// Entries of the table: all, or those that `what` and `which` say.
fn table(what: i32, which: i32) -> std::io::Result<Vec<libc::kinfo_proc2>> {
    let entry = size_of::<libc::kinfo_proc2>();
    for _ in 0..TRIES {
        let mut size = 0;
        ask(what, which, 0, ptr::null_mut(), &mut size)?;
        let count = size / entry + SPARE;
        let mut entries = Vec::with_capacity(count);
        size = count * entry;
        match ask(what, which, count, entries.as_mut_ptr(), &mut size) {
            // More came than there was room for.
            Err(Errno::ENOMEM) => continue,
            other => other?,
        }
        // SAFETY: the kernel filled so many bytes, every pattern of which is a valid entry.
        unsafe { entries.set_len(size / entry) };
        return Ok(entries);
    }
    Err(Errno::ENOMEM.into())
}

fn ask(what: i32, which: i32, count: usize, to: *mut libc::kinfo_proc2, size: &mut usize) -> Result<()> {
    let entry = size_of::<libc::kinfo_proc2>() as i32;
    let name = [libc::CTL_KERN, libc::KERN_PROC2, what, which, entry, count as i32];
    // SAFETY: a name of six numbers, and room for as many bytes as `size` says, or none.
    Errno::result(unsafe { libc::sysctl(name.as_ptr(), 6, to.cast(), size, ptr::null(), 0) }).map(drop)
}

fn own() -> i32 {
    std::process::id() as i32
}

/// The file of this program, by the name that it was executed by. One that is gone cannot be executed again.
pub fn own_program() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}

/// How many threads this process has.
pub fn threads() -> std::io::Result<usize> {
    let own = table(libc::KERN_PROC_PID, own())?;
    own.first().map(|entry| entry.p_nlwps as usize).ok_or_else(|| Errno::ESRCH.into())
}

/// The largest number of a signal, real-time ones included.
pub fn last_signal() -> i32 {
    LAST_SIGNAL
}

/// What ps(1) shows beside argv, which cannot be set here.
pub fn name_process(_name: &CStr) -> Result<()> {
    Ok(())
}

/// There is no process that orphans are given to but the first: those of a service are found by their session.
pub fn adopt_orphans(_adopts: bool) -> Result<()> {
    Ok(())
}

/// Never.
pub fn adopts_orphans() -> Result<bool> {
    Ok(false)
}

/// The children of this process, zombies included, and what else is in the sessions that they lead: of a child that detached
/// from its own, its parent is the first process.
pub fn children() -> Vec<i32> {
    let own = own();
    let Ok(all) = table(libc::KERN_PROC_ALL, 0) else { return Vec::new() };
    let leaders: Vec<i32> = all.iter().filter(|entry| entry.p_ppid == own).map(|entry| entry.p_pid).collect();
    let is_below = |entry: &&libc::kinfo_proc2| entry.p_ppid == own || leaders.contains(&entry.p_sid);
    all.iter().filter(is_below).filter(|entry| entry.p_pid != own).map(|entry| entry.p_pid).collect()
}

/// Every process and its parent.
pub fn parents() -> Vec<(i32, i32)> {
    table(libc::KERN_PROC_ALL, 0).unwrap_or_default().iter().map(|entry| (entry.p_pid, entry.p_ppid)).collect()
}

/// Has it ended, or is it gone?
pub fn is_zombie(pid: i32) -> bool {
    let found = table(libc::KERN_PROC_PID, pid).unwrap_or_default();
    found.first().is_none_or(|entry| entry.p_stat == ZOMBIE)
}

/// The variables that a process was started with, each ended by a NUL; at most so many bytes of them (kern.proc_args).
pub fn environment(pid: i32, most: u64) -> Vec<u8> {
    let mut bytes = vec![0_u8; most as usize];
    let mut size = bytes.len();
    let name = [libc::CTL_KERN, libc::KERN_PROC_ARGS, pid, libc::KERN_PROC_ENV];
    // SAFETY: a name of four numbers, and room for as many bytes as said.
    let answer = unsafe { libc::sysctl(name.as_ptr(), 4, bytes.as_mut_ptr().cast(), &mut size, ptr::null(), 0) };
    // What does not fit, or is not told, is as good as none.
    bytes.truncate(if answer == 0 { size } else { 0 });
    bytes
}

/// A child that asked to be traced by its parent stops at a signal and would wait for us: it goes on untraced, with the
/// signal.
pub fn go_on_untraced(pid: i32, signal: i32) {
    // ptrace(2): goes on where it stopped.
    let here = ptr::without_provenance_mut(1);
    // SAFETY: takes numbers alone; of a child that died meanwhile it fails, and the next round reaps it.
    unsafe { libc::ptrace(libc::PT_DETACH, pid, here, signal) };
}

/// As fork(2); there are no groups that a child could be born in.
///
/// # Safety
/// As for fork(2): with other threads, the child may call async-signal-safe functions only.
pub unsafe fn split(_group: Option<BorrowedFd<'_>>) -> (libc::pid_t, bool) {
    // SAFETY: the caller's promise.
    (unsafe { libc::fork() }, false)
}

/// As fork(2); a child of this process's parent cannot be made here.
///
/// # Safety
/// As for fork(2).
pub unsafe fn fork_beside(beside: bool) -> libc::pid_t {
    // SAFETY: the caller's promise.
    if beside { -1 } else { unsafe { libc::fork() } }
}

/// Closes the descriptors from the one to the other, both included.
pub fn close_range(first: RawFd, last: RawFd) -> Result<()> {
    // SAFETY: asks for the highest descriptor that is open, whichever is named.
    let highest = Errno::result(unsafe { libc::fcntl(0, libc::F_MAXFD) })?;
    for number in first..=last.min(highest) {
        // SAFETY: the caller's process execs or exits next; no owner of these descriptors runs again before that.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// The end of a parent is told by [`super::signals::Signals::and_end_of_parent`].
///
/// # Safety
/// None needed.
pub unsafe fn ask_to_end_with_parent() {}

/// A process cannot have the kernel end it when its parent does.
pub fn dies_with(_parent: i32) -> bool {
    false
}
