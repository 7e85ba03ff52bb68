//! A program on a terminal, and what a person sees of it.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::num::NonZero;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

/// A busy machine takes its time, and an emulated one beside others far more.
const PATIENCE: Duration = Duration::from_secs(150);

pub struct Terminal {
    child: Child,
    master: File,
    /// Keeps what the terminal was set to after the program ended.
    slave: File,
    parser: vt100::Parser,
    /// All that was written.
    pub raw: Vec<u8>,
}

impl Terminal {
    /// Starts a program in a session of its own, with this terminal.
    pub fn start(mut command: Command, (rows, columns): (u16, u16)) -> Terminal {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a pty");
        let (master, slave) = (File::from(pty.master), File::from(pty.slave));
        fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a pty that does not wait");
        let copy = || slave.try_clone().expect("a descriptor");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        // SAFETY: between fork and exec only calls that are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn().expect("the program starts");
        Terminal { child, master, slave, parser: vt100::Parser::new(some(rows), some(columns), 1000), raw: Vec::new() }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("a process that is there still");
    }

    /// How the terminal is set.
    pub fn modes(&self) -> Termios {
        tcgetattr(&self.slave).expect("a terminal")
    }

    pub fn resize(&mut self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: an open terminal and a whole winsize.
        assert_eq!(unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size) }, 0);
        self.parser.screen_mut().set_size(some(rows), some(columns));
    }

    /// Bytes that who reads from the terminal next would get.
    pub fn waiting(&self) -> i32 {
        let mut count = 0;
        // SAFETY: an open terminal and an int.
        assert_eq!(unsafe { libc::ioctl(self.slave.as_raw_fd(), libc::FIONREAD, &raw mut count) }, 0);
        count
    }

    /// As a person types; `\r` is Enter, `\x1b` Escape.
    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("a terminal that takes keys");
    }

    /// What is on the screen now, without the blanks at the ends.
    pub fn screen(&mut self) -> String {
        self.read();
        let text = self.parser.screen().contents();
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    pub fn is_alternate(&mut self) -> bool {
        self.read();
        self.parser.screen().alternate_screen()
    }

    /// Waits until the screen is as wanted, and returns it.
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "no {what} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until this is on the screen.
    pub fn see(&mut self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Waits for the program's end.
    pub fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            self.read();
            if let Some(status) = self.child.try_wait().expect("a child") {
                self.read();
                return status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.parser.screen().contents());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        loop {
            match self.master.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    self.parser.process(&bytes[..count]);
                    self.raw.extend(&bytes[..count]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nothing there, or (EIO) nobody left who writes.
                Err(_) => return,
            }
        }
    }
}

fn some(size: u16) -> NonZero<u16> {
    NonZero::new(size).expect("a screen with lines and columns")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
