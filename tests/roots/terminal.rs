//! A caller on a terminal: the command gets a pty of the jail's own.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use jailsh::jail;
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setsid};

use crate::bench::Bench;
use crate::cases;

cases![
    a_command_on_a_terminal_gets_a_pty_of_the_jail_with_the_callers_size,
    an_interactive_shell_has_job_control_and_a_login_name,
    a_window_that_changes_size_is_followed,
    the_terminal_is_restored_after_the_end_and_after_a_signal,
    output_to_a_file_is_not_touched_by_the_terminal,
    a_command_with_piped_input_never_gets_the_callers_terminal,
    a_pty_can_be_had_without_a_terminal_and_its_input_ends,
    a_command_on_a_terminal_can_do_with_pipes,
];

/// A caller on a pty of ours: what it sees and types is here.
struct Caller {
    screen: File,
    slave: File,
    child: Pid,
    seen: String,
}

impl Caller {
    /// Runs `verb` in a child whose terminal is a new one.
    fn run(verb: impl FnOnce() -> i32) -> Caller {
        let size = Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).unwrap();
        let (screen, slave) = (File::from(master), File::from(slave));
        // SAFETY: a case's process has one thread.
        let child = match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                setsid().unwrap();
                for number in 0..3 {
                    // SAFETY: replaces the child's standard descriptors by the terminal.
                    unsafe { libc::dup2(slave.as_raw_fd(), number) };
                }
                // SAFETY: an ioctl on an open terminal with an integer argument.
                unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
                let status = verb();
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(status) }
            }
        };
        nix::fcntl::fcntl(&screen, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).unwrap();
        Caller { screen, slave, child, seen: String::new() }
    }

    fn exec(bench: &Bench, argv: &[&str]) -> Caller {
        // SAFETY: one thread.
        unsafe { std::env::set_var("TERM", "xterm") };
        Caller::run(|| {
            let request = jail::ExecRequest { capture: false, ..bench.request(argv) };
            bench.try_exec(request).map_or(99, |output| output.status)
        })
    }

    fn look(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.screen.read(&mut bytes) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
            assert!(self.seen.len() < 1 << 20, "floods: {:?}", &self.seen[..1000]);
        }
    }

    /// Waits until the screen shows `text` after what was waited for before.
    fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.look();
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} in {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn type_in(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.slave).unwrap().local_flags.contains(LocalFlags::ICANON)
    }

    fn end(&mut self) -> i32 {
        // Looks on while it waits: a full screen would hold the caller.
        let deadline = Instant::now() + Duration::from_secs(20);
        while nix::sys::wait::waitid(nix::sys::wait::Id::Pid(self.child), EXITED_ONLY)
            .is_ok_and(|status| status == WaitStatus::StillAlive)
        {
            self.look();
            assert!(Instant::now() < deadline, "runs on, having shown {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
        match waitpid(self.child, None).unwrap() {
            WaitStatus::Exited(_, status) => {
                self.look();
                self.child = Pid::from_raw(i32::MAX);
                status
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Whether the child ended, leaving it to be waited for.
const EXITED_ONLY: WaitPidFlag = WaitPidFlag::WEXITED.union(WaitPidFlag::WNOHANG).union(WaitPidFlag::WNOWAIT);

impl Drop for Caller {
    fn drop(&mut self) {
        // After a failure it may still run; ended and reaped is as good.
        let _ = kill(self.child, Signal::SIGKILL);
        let _ = waitpid(self.child, None);
    }
}

fn a_command_on_a_terminal_gets_a_pty_of_the_jail_with_the_callers_size() {
    let bench = Bench::up();
    let mut caller =
        Caller::exec(&bench, &["sh", "-c", "tty; stty size; echo $TERM; echo x > /dev/tty; ps -o tty= -p $$; exit 6"]);
    assert_eq!(caller.end(), 6);
    assert_eq!(caller.seen, "/dev/pts/0\r\n33 101\r\nxterm\r\nx\r\npts/0\r\n");
}

fn an_interactive_shell_has_job_control_and_a_login_name() {
    let bench = Bench::up();
    let mut caller = Caller::exec(&bench, &[]);
    caller.expect("# ");
    caller.type_in("echo \"<$0 $(pwd)>\"\n");
    caller.expect("<-sh /root>");
    caller.type_in("sleep 1000\n");
    std::thread::sleep(Duration::from_millis(300));
    caller.type_in("\u{1a}");
    caller.expect("Stopped");
    caller.type_in("kill -KILL %1; wait; cat\n");
    std::thread::sleep(Duration::from_millis(300));
    caller.type_in("typed\n");
    caller.expect("typed\r\ntyped");
    // End of file for cat, an interrupt that the shell survives, and end of file for the shell.
    caller.type_in("\u{4}");
    caller.expect("# ");
    caller.type_in("sleep 1000\n");
    std::thread::sleep(Duration::from_millis(300));
    caller.type_in("\u{3}");
    caller.expect("# ");
    caller.type_in("exit 3\n");
    assert_eq!(caller.end(), 3);
}

fn a_window_that_changes_size_is_followed() {
    let bench = Bench::up();
    let mut caller =
        Caller::exec(&bench, &["sh", "-c", "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done"]);
    caller.expect("ready");
    let size = Winsize { ws_row: 11, ws_col: 22, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: an open pty and one winsize.
    unsafe { libc::ioctl(caller.screen.as_raw_fd(), libc::TIOCSWINSZ, &size) };
    caller.expect("11 22");
    assert_eq!(caller.end(), 0);
}

fn the_terminal_is_restored_after_the_end_and_after_a_signal() {
    let bench = Bench::up();
    let mut caller = Caller::exec(&bench, &["sh", "-c", "echo up; read x"]);
    caller.expect("up");
    assert!(caller.is_raw());
    caller.type_in("\n");
    caller.end();
    assert!(!caller.is_raw());
    let mut caller = Caller::exec(&bench, &["sh", "-c", "echo up; sleep 1000"]);
    caller.expect("up");
    kill(caller.child, Signal::SIGTERM).unwrap();
    assert_eq!(caller.end(), 128 + 15);
    assert!(!caller.is_raw());
    // A program that is not there.
    let mut caller = Caller::exec(&bench, &["no-such-program"]);
    assert_eq!(caller.end(), 127);
    assert!(!caller.is_raw() && caller.seen.contains("not found in jail web"), "{}", caller.seen);
}

fn output_to_a_file_is_not_touched_by_the_terminal() {
    let bench = Bench::up();
    let path = bench.config.run_dir.join("out");
    let mut caller = Caller::run(|| {
        let file = File::create(&path).unwrap();
        // SAFETY: replaces the child's standard output by an open file.
        unsafe { libc::dup2(file.as_raw_fd(), 1) };
        let request = jail::ExecRequest { capture: false, ..bench.request(&["sh", "-c", "echo a; echo b >&2; read x; echo $x"]) };
        bench.try_exec(request).map_or(99, |output| output.status)
    });
    caller.expect("b\r\n");
    caller.type_in("c\n");
    assert_eq!(caller.end(), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nc\n");
}

fn a_command_with_piped_input_never_gets_the_callers_terminal() {
    let bench = Bench::up();
    let mut caller = Caller::run(|| {
        let null = File::open("/dev/null").unwrap();
        // SAFETY: replaces the child's standard input by an open file.
        unsafe { libc::dup2(null.as_raw_fd(), 0) };
        let script = "test -t 0 || test -t 1 || test -t 2 || echo none; (: < /dev/tty) 2>/dev/null || echo no tty";
        let request = jail::ExecRequest { capture: false, ..bench.request(&["sh", "-c", script]) };
        bench.try_exec(request).map_or(99, |output| output.status)
    });
    assert_eq!(caller.end(), 0);
    assert_eq!(caller.seen.replace('\r', ""), "none\nno tty\n");
}

fn a_pty_can_be_had_without_a_terminal_and_its_input_ends() {
    let bench = Bench::up();
    let (path, input) = (bench.config.run_dir.join("out"), bench.config.run_dir.join("in"));
    std::fs::write(&input, "typed\nhalf a line").unwrap();
    let mut caller = Caller::run(|| {
        let (from, to) = (File::open(&input).unwrap(), File::create(&path).unwrap());
        // SAFETY: replaces the child's standard input and output by open files.
        unsafe { (libc::dup2(from.as_raw_fd(), 0), libc::dup2(to.as_raw_fd(), 1)) };
        let script = "stty -echo; tty; test -t 0 && test -t 1 && test -t 2 && cat; exit 4";
        let argv = bench.request(&["sh", "-c", script]);
        bench.try_exec(jail::ExecRequest { capture: false, pty: Some(true), ..argv }).map_or(99, |output| output.status)
    });
    assert_eq!(caller.end(), 4);
    let text = std::fs::read_to_string(&path).unwrap();
    // What was typed before the echo was off is shown too.
    assert!(text.contains("/dev/pts/0\r\n") && text.ends_with("typed\r\nhalf a line"), "{text:?}");
    assert_eq!(caller.seen, "");
}

fn a_command_on_a_terminal_can_do_with_pipes() {
    let bench = Bench::up();
    let mut caller = Caller::run(|| {
        let script = "test -t 0 || test -t 1 || test -t 2 || echo none; read x; echo \"<$x>\"";
        let argv = bench.request(&["sh", "-c", script]);
        bench.try_exec(jail::ExecRequest { capture: false, pty: Some(false), ..argv }).map_or(99, |output| output.status)
    });
    caller.expect("none");
    assert!(!caller.is_raw());
    caller.type_in("typed\n");
    caller.expect("<typed>");
    assert_eq!(caller.end(), 0);
}
