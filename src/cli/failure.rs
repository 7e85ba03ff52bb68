//! How a verb ends: a status, and for a failure one line on standard error.

use std::io::Write;
use std::process::ExitCode;

use crate::telemetry::printable;

/// An exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    pub const DONE: Exit = Exit(0);
    pub const FAILED: Exit = Exit(1);
    /// What is differs from what should be, or from what a plan was made on.
    pub const DRIFT: Exit = Exit(2);
    /// sysexits.h: wrong use of a command.
    pub const USAGE: Exit = Exit(64);
    /// Wrong data: a script, a spec.
    pub const DATA: Exit = Exit(65);
    /// A file that cannot be read.
    pub const NO_INPUT: Exit = Exit(66);
    /// The module cannot be used here.
    pub const UNAVAILABLE: Exit = Exit(69);
    /// sysexits.h: a file that cannot be written.
    pub const CANNOT_CREATE: Exit = Exit(73);
    /// sysexits.h: somebody else is at it; later it can be done.
    pub const LATER: Exit = Exit(75);
    /// A wrong configuration file.
    pub const CONFIG: Exit = Exit(78);
    /// Died of SIGPIPE, as a shell would say it.
    pub const PIPE: Exit = Exit(141);

    /// A command's status, as [`crate::jail::Output`] has it.
    pub fn of_command(status: i32) -> Exit {
        Exit(u8::try_from(status).unwrap_or(255))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.0)
    }
}

/// Why a verb failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    /// `None`: it was said already.
    pub message: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: Some(message.into()) }
    }

    pub fn silent(exit: Exit) -> Failure {
        Failure { exit, message: None }
    }

    /// `TOOL: MESSAGE` on standard error.
    pub fn report(&self, tool: &str) {
        if let Some(message) = &self.message {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "{tool}: {}", printable(message));
        }
    }
}
