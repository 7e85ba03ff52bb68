//! The log of runs: lines of JSON, appended to a file that root alone can read. What jails are given (secrets among it) is
//! not in it, only what was done.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::OFlag;
use tracing::{Dispatch, dispatcher, error, info, warn};
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::failure::{Exit, Failure};
use crate::perform::Tally;
use crate::plan::{Action, Place};
use crate::script::Fate;

/// Where a run's events go; nowhere without `--log`.
#[derive(Clone)]
pub struct Record {
    /// Tells runs apart: the second of its begin and its pid.
    pub run: String,
    file: Option<Log>,
    to: Dispatch,
}

impl Record {
    pub fn open(path: Option<&Path>) -> Result<Record, Failure> {
        let file = path.map(Log::open).transpose()?;
        let to = file.as_ref().map_or_else(Dispatch::none, |log| {
            let lines = tracing_subscriber::fmt().json().flatten_event(true).with_target(false);
            Dispatch::new(lines.with_current_span(false).with_span_list(false).with_writer(log.clone()).finish())
        });
        let run = format!("{}-{}", crate::telemetry::now(), std::process::id());
        Ok(Record { run, file, to })
    }

    pub fn begins(&self, script: &str) {
        let run = self.run.as_str();
        dispatcher::with_default(&self.to, || info!(run, script, version = env!("CARGO_PKG_VERSION"), "run begins"));
    }

    pub fn action(&self, action: &Action, fate: &Fate, took: Duration) {
        let (run, jail, word) = (self.run.as_str(), action.jail.as_str(), action.step.words().tag);
        let (what, place, duration_ms) = (action.step.to_string(), shown(action.place.as_ref()), milliseconds(took));
        dispatcher::with_default(&self.to, || match fate {
            Fate::Done(_) | Fate::Planned => {
                info!(run, jail, action = word, outcome = "done", duration_ms, what, place, "action");
            }
            Fate::Failed(why) => {
                error!(run, jail, action = word, outcome = "failed", duration_ms, what, place, why, "action");
            }
            Fate::Skipped(why) => {
                warn!(run, jail, action = word, outcome = "skipped", duration_ms, what, place, why, "action");
            }
        });
    }

    /// Something went wrong before there was an action.
    pub fn undecided(&self, jail: &str, why: &str, place: Option<&Place>) {
        let (run, place) = (self.run.as_str(), shown(place));
        let action = "decide";
        dispatcher::with_default(&self.to, || {
            error!(run, jail, action, outcome = "failed", duration_ms = 0, place, why, "action")
        });
    }

    pub fn ends(&self, exit: Exit, tally: Tally, took: Duration) -> Result<(), Failure> {
        let Tally { done, failed, skipped } = tally;
        let (run, exit, duration_ms) = (self.run.as_str(), exit.0, milliseconds(took));
        dispatcher::with_default(&self.to, || info!(run, exit, done, failed, skipped, duration_ms, "run ends"));
        self.file.as_ref().map_or(Ok(()), Log::sound)
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn shown(place: Option<&Place>) -> Option<String> {
    place.map(ToString::to_string)
}

/// The file, opened anew when something else has its name: log rotation.
#[derive(Clone)]
struct Log {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

struct State {
    file: File,
    /// The first line that was lost.
    lost: Option<io::Error>,
}

impl Log {
    fn open(path: &Path) -> Result<Log, Failure> {
        let file = open(path).map_err(|error| refusal(path, &error))?;
        Ok(Log { path: path.to_owned(), state: Arc::new(Mutex::new(State { file, lost: None })) })
    }

    /// Were all lines written?
    fn sound(&self) -> Result<(), Failure> {
        let lost = self.state.lock().unwrap_or_else(PoisonError::into_inner).lost.take();
        lost.map_or(Ok(()), |error| Err(refusal(&self.path, &error)))
    }

    fn append(&self, line: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = current(&self.path, &mut state.file).and_then(|()| state.file.write_all(line));
        if let (Err(error), None) = (written, &state.lost) {
            state.lost = Some(error);
        }
    }
}

/// Is the open file still the one of that name? Else another one is opened.
fn current(path: &Path, file: &mut File) -> io::Result<()> {
    let is = file.metadata()?;
    let named = std::fs::symlink_metadata(path);
    if !named.is_ok_and(|named| (named.dev(), named.ino()) == (is.dev(), is.ino())) {
        *file = open(path)?;
    }
    Ok(())
}

/// A plain file of ours, that nobody else reads.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    let file = File::options().append(true).create(true).mode(0o600).custom_flags(flags.bits()).open(path)?;
    let status = file.metadata()?;
    if !status.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    if status.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::other(format!("it belongs to user {}", status.uid())));
    }
    if status.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn refusal(path: &Path, error: &io::Error) -> Failure {
    let known = error.raw_os_error().map(nix::errno::Errno::from_raw);
    let why = match known {
        Some(nix::errno::Errno::ELOOP) => "it is a symbolic link".into(),
        Some(errno) => errno.desc().to_lowercase(),
        None => error.to_string(),
    };
    Failure::new(
        Exit::CANNOT_CREATE,
        format!("cannot log to {}: {why}; name a file that is or can be root's own", path.display()),
    )
}

/// One line, which the subscriber hands over as a whole.
struct Line<'a>(&'a Log);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}
