//! Kills a process between two of its actions: it is traced, and stopped where it is about to tell of one, or just has.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// Which side of a line that is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The action is done and nobody knows.
    BeforeItIsTold,
    /// It was told, and the next one has not begun.
    AfterItWasTold,
}

/// Runs it until its line of that number (from 1), and kills it there. Says whether it got so far.
pub fn killed_at(mut command: Command, line: usize, side: Side) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: PTRACE_TRACEME is a system call that touches no memory.
    unsafe { command.pre_exec(|| ptrace::traceme().map_err(Into::into)) };
    let mut child = command.spawn().expect("it starts");
    let pid = Pid::from_raw(child.id() as i32);
    assert_eq!(waitpid(pid, None), Ok(WaitStatus::Stopped(pid, Signal::SIGTRAP)), "execve stops it");
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(pid, options).expect("it is traced");
    let (mut told, mut telling, mut signal) = (0, false, None);
    let got_there = loop {
        ptrace::syscall(pid, signal.take()).expect("it is stopped");
        match waitpid(pid, None).expect("it is ours") {
            WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Stopped(_, other) => {
                signal = Some(other);
                continue;
            }
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => break false,
            _ => continue,
        }
        let call = ptrace::syscall_info(pid).expect("it is stopped at a system call");
        let entering = call.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
        if entering {
            // SAFETY: `entry` is what the kernel filled for this op.
            let entry = unsafe { call.u.entry };
            telling = entry.nr == libc::SYS_write as u64 && entry.args[0] == libc::STDOUT_FILENO as u64;
            told += usize::from(telling);
        }
        let wanted = if entering { Side::BeforeItIsTold } else { Side::AfterItWasTold };
        if telling && told == line && side == wanted {
            kill(pid, Signal::SIGKILL).expect("it is ours");
            break true;
        }
    };
    // One that ended by itself was reaped above.
    let _ = child.wait();
    got_there
}
