//! Processes: this one, and those of the host's table.

use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::PathBuf;

use nix::Result;
use nix::errno::Errno;

/// linux/sched.h.
const CLONE_INTO_CGROUP: u64 = 1 << 33;
/// What a child that was not killed at its birth may take for its first word, in milliseconds; then it is taken to live.
const LIFE_SIGN_MS: i32 = 1000;

/// The file of this program, whatever its name leads to by now.
pub fn own_program() -> PathBuf {
    "/proc/self/exe".into()
}

/// How many threads this process has.
pub fn threads() -> std::io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// The largest number of a signal, real-time ones included.
pub fn last_signal() -> i32 {
    libc::SIGRTMAX()
}

/// What `ps -o comm` and top show; `ps ax` shows argv.
pub fn name_process(name: &CStr) -> Result<()> {
    nix::sys::prctl::set_name(name)
}

/// Has orphans among the descendants become children of this process, so that none escapes to pid 1; or no longer.
pub fn adopt_orphans(adopts: bool) -> Result<()> {
    nix::sys::prctl::set_child_subreaper(adopts)
}

/// Does this process adopt them?
pub fn adopts_orphans() -> Result<bool> {
    nix::sys::prctl::get_child_subreaper()
}

/// The children of this (only) thread, zombies included, and adopted orphans.
pub fn children() -> Vec<i32> {
    let list = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Every process and its parent.
pub fn parents() -> Vec<(i32, i32)> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, stat_field(pid, 1)?.parse().ok()?))).collect()
}

/// Has it ended, or is it gone?
pub fn is_zombie(pid: i32) -> bool {
    stat_field(pid, 0).is_none_or(|state| state == "Z" || state == "X")
}

/// A field of /proc/PID/stat, counted from the one after the command's name (which may hold anything).
fn stat_field(pid: i32, index: usize) -> Option<String> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let rest = &stat[stat.rfind(')')? + 1..];
    rest.split_ascii_whitespace().nth(index).map(str::to_owned)
}

/// The variables that a process was started with, each ended by a NUL; at most so many bytes of them.
pub fn environment(pid: i32, most: u64) -> Vec<u8> {
    let Ok(file) = File::open(format!("/proc/{pid}/environ")) else { return Vec::new() };
    let mut environment = Vec::new();
    // What can be read of it counts.
    let _ = file.take(most).read_to_end(&mut environment);
    environment
}

/// A child that asked to be traced by its parent (PTRACE_TRACEME) stops at a signal and would wait for us: it goes on
/// untraced, with the signal.
pub fn go_on_untraced(pid: i32, signal: i32) {
    let (address, signal) = (std::ptr::null_mut::<libc::c_void>(), signal as usize as *mut libc::c_void);
    // SAFETY: takes numbers alone; of a child that died meanwhile it fails, and the next round reaps it.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, address, signal) };
}

/// As fork(2); and whether the child is born in the group of cgroup2. Where that cannot be (Linux 5.7 has it; a group that is
/// full; one that was killed once), it is a fork like any other, and the child has to move.
///
/// # Safety
/// As for fork(2): with other threads, the child may call async-signal-safe functions only. This is one.
pub unsafe fn split(group: Option<BorrowedFd<'_>>) -> (libc::pid_t, bool) {
    // SAFETY: the caller's promise.
    match group.and_then(|group| unsafe { split_into(group) }) {
        Some(child) => (child, true),
        // SAFETY: the caller's promise.
        None => (unsafe { libc::fork() }, false),
    }
}

/// A child in a group, once it is seen to live. Since 6.14 (and the stable kernels of that time) the kernel compares how often
/// the *parent's* group was killed (cgroup.kill) with how often the child's was, and where they differ it kills the child
/// before its first instruction (cgroup_css_set_fork, cgroup_post_fork in kernel/cgroup/cgroup.c).
///
/// # Safety
/// That of [`split`].
unsafe fn split_into(group: BorrowedFd<'_>) -> Option<libc::pid_t> {
    let mut ends = [-1; 2];
    // SAFETY: room for two descriptors, which both processes close below; every field of clone_args may be 0; the call is as
    // fork(2): no new stack, no thread storage, the child goes on with a copy of this one.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
            return None;
        }
        let [heard, said] = ends;
        let mut how: libc::clone_args = std::mem::zeroed();
        how.flags = CLONE_INTO_CGROUP;
        how.exit_signal = libc::SIGCHLD as u64;
        how.cgroup = group.as_raw_fd() as u64;
        let child = libc::syscall(libc::SYS_clone3, &raw const how, size_of_val(&how)) as libc::pid_t;
        let mut word = [0_u8];
        if child == 0 {
            libc::write(said, word.as_ptr().cast(), 1);
        }
        libc::close(said);
        let mut lives = child == 0;
        if child > 0 {
            let mut polled = libc::pollfd { fd: heard, events: libc::POLLIN, revents: 0 };
            let woken = libc::poll(&raw mut polled, 1, LIFE_SIGN_MS);
            // In a frozen group it says nothing, and neither does it end.
            lives = woken == 0 || libc::read(heard, word.as_mut_ptr().cast(), 1) == 1;
            if !lives {
                // Whoever ignores SIGCHLD has it reaped already.
                while libc::waitpid(child, std::ptr::null_mut(), 0) < 0 && Errno::last() == Errno::EINTR {}
            }
        }
        libc::close(heard);
        lives.then_some(child)
    }
}

/// As fork(2); with `beside` the child is one of this process's parent.
///
/// # Safety
/// As for fork(2).
pub unsafe fn fork_beside(beside: bool) -> libc::pid_t {
    let parent = if beside { libc::CLONE_PARENT } else { 0 };
    let (flags, zero) = (parent | libc::SIGCHLD, 0_usize);
    // SAFETY: the caller's promise. No new stack, no thread storage: the child goes on with a copy of this one.
    unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_long, zero, zero, zero, zero) as libc::pid_t }
}

/// Closes the descriptors from the one to the other, both included.
pub fn close_range(first: RawFd, last: RawFd) -> Result<()> {
    // SAFETY: the caller's process execs or exits next; no owner of these descriptors runs again before that.
    Errno::result(unsafe { libc::close_range(first as u32, last as u32, 0) }).map(drop)
}

/// Has the kernel ask this process to end (SIGTERM) when its parent does.
///
/// # Safety
/// For a child that was just forked; async-signal-safe.
pub unsafe fn ask_to_end_with_parent() {
    // SAFETY: takes numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) };
}

/// Ends this process when its parent does, which is still `parent`; false if it is not, or that cannot be had.
pub fn dies_with(parent: i32) -> bool {
    let bound = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    // The parent may have died before the line above.
    bound.is_ok() && nix::unistd::getppid().as_raw() == parent
}
