//! Recordings of runs: what the host answered and did, as lines of JSON, and running a script against one.

mod record;
mod replay;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::kernel::JailName;
use crate::plan::{Command, JailPath, Kind};

pub use record::{Recorder, Tape};
pub use replay::{Became, Replay};

/// Of the form. An unknown one is refused.
const VERSION: u32 = 1;
const FORMAT: &str = "jailsh-recording";

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    #[error("no recording: {0}; make one with jailsh run --record FILE SCRIPT")]
    Syntax(String),
    #[error("a recording of version {found}, and this jailsh knows version {VERSION}; record it again with this one")]
    Version { found: u64 },
}

/// What was asked, as a line begins: the same for who records and who replays.
fn of_jail(jail: &JailName) -> Value {
    json!({ "saw": "jail", "jail": jail })
}

fn of_jails() -> Value {
    json!({ "saw": "jails" })
}

fn of_path(jail: &JailName, path: &JailPath) -> Value {
    json!({ "saw": "path", "jail": jail, "path": path })
}

fn of_bytes(jail: &JailName, path: &JailPath) -> Value {
    json!({ "saw": "bytes", "jail": jail, "path": path })
}

fn of_target(jail: &JailName, path: &JailPath) -> Value {
    json!({ "saw": "target", "jail": jail, "path": path })
}

fn of_names(jail: &JailName, path: &JailPath) -> Value {
    json!({ "saw": "names", "jail": jail, "path": path })
}

fn of_packages(base: &str) -> Value {
    json!({ "saw": "packages", "base": base })
}

fn of_id(jail: &JailName, kind: Kind, name: &str) -> Value {
    let saw = match kind {
        Kind::User => "user",
        Kind::Group => "group",
    };
    json!({ "saw": saw, "jail": jail, "name": name })
}

fn of_command(jail: &JailName, command: &Command) -> Value {
    json!({ "saw": "command", "jail": jail, "argv": command.argv, "user": command.user })
}

fn of_base(wanted: &str, pinned: &str) -> Value {
    json!({ "saw": "base", "wanted": wanted, "pinned": pinned })
}

fn of_page(url: &str) -> Value {
    json!({ "saw": "page", "url": url })
}

fn of_fact(name: &str) -> Value {
    json!({ "saw": "fact", "name": name })
}
