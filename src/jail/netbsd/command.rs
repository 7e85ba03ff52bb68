//! What is run in a jail, and as whom.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is run in a jail.
#[derive(Debug, Clone)]
pub struct Command {
    /// The jail's, as the kernel has it.
    pub root: PathBuf,
    /// Empty: the user's shell.
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// A name of the jail's passwd, or a number; root if absent.
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// TERM, for who has a terminal.
    pub term: Option<String>,
}
