//! What a supervisor is given.

use crate::jail::Command;
use crate::jail::spec::{Facility, LogLevel};
use crate::kernel::{JailName, Jid};

/// What is kept running, and where its lines go.
pub struct Service {
    pub name: JailName,
    pub jid: Jid,
    pub command: Command,
    pub facility: Facility,
    /// Of standard output and standard error.
    pub levels: [LogLevel; 2],
    pub tag: String,
    /// The verb itself is the supervisor, and repeats what goes to syslog.
    pub foreground: bool,
}
