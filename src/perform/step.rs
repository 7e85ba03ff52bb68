//! One action, done: whole, or undone with the reason.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{View, files};
use crate::jail::{self, ExecRequest, InstallRequest, JailError, Output, Text};
use crate::kernel::JailName;
use crate::plan::{AccountError, Action, Command, Observe, ObserveError, PackageName, Packages, Program, Step};
use crate::supervise::{self, Started, Stopped, SuperviseError};
use crate::telemetry::{self, Awaited, Waited};

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    #[error(transparent)]
    Jail(#[from] JailError),
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error("jail {jail} has no group {group:?} in its /etc/group; use a number or add the group")]
    NoSuchGroup { jail: JailName, group: String },
    #[error("jail {jail} runs but is not ready: its service is in state {state}; see jailctl logs {jail}")]
    Unready { jail: JailName, state: String },
    #[error("jail {jail}: {error}")]
    Account { jail: JailName, error: AccountError },
    /// A command that was to end with status 0.
    #[error("{what} ended with status {status}{complaint}")]
    Status { what: String, status: i32, complaint: String },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    Created,
    Changed,
    Started,
    /// Started, after what a crash had left was cleaned up.
    Recovered,
    AlreadyRunning,
    Stopped,
    WasDown,
    Destroyed,
    /// A file, or the jail's processes let go.
    Done,
    Ran(Output),
}

/// Does one action on the host. What a command complained with is told without secrets of this run.
pub fn perform(view: &View, action: &Action) -> Result<Done, PerformError> {
    act(view, action).map_err(|error| match error {
        PerformError::Status { what, status, complaint } => {
            PerformError::Status { what, status, complaint: view.secrets.masked(&complaint) }
        }
        other => other,
    })
}

fn act(view: &View, action: &Action) -> Result<Done, PerformError> {
    let (host, jail) = (&view.host, &action.jail);
    Ok(match &action.step {
        Step::Create { spec } | Step::Configure { spec } => match jail::create(host, jail, &spec.0)? {
            jail::Change::Created => Done::Created,
            _ => Done::Changed,
        },
        Step::Start => started(view, jail, supervise::start(host, jail)?)?,
        Step::Restart { .. } => started(view, jail, supervise::restart(host, jail)?)?,
        Step::Stop => match supervise::stop(host, jail)? {
            Stopped::Stopped => Done::Stopped,
            Stopped::WasDown => Done::WasDown,
        },
        Step::Thaw => {
            let found = host.kernel.find(jail).map_err(JailError::from)?;
            let found = found.ok_or_else(|| JailError::NotRunning(jail.clone()))?;
            host.kernel.thaw(found.jid).map_err(JailError::from)?;
            Done::Done
        }
        Step::Destroy => {
            jail::destroy(host, jail)?;
            Done::Destroyed
        }
        Step::Write { path, content, attributes, restart } => {
            files::write(view, jail, path, content, attributes, *restart)?;
            Done::Done
        }
        Step::Line { path, line, restart } => {
            files::line(view, jail, path, line, *restart)?;
            Done::Done
        }
        Step::Attributes { path, attributes, restart } => {
            files::set(view, jail, path, attributes, *restart)?;
            Done::Done
        }
        Step::Directory { path, attributes } => {
            files::directory(view, jail, path, attributes)?;
            Done::Done
        }
        Step::Link { path, target, restart } => {
            files::link(view, jail, path, target, *restart)?;
            Done::Done
        }
        Step::Remove { path, restart } => {
            files::remove(view, jail, path, *restart)?;
            Done::Done
        }
        Step::Unpack { path, archive, restart } => {
            files::unpack(view, jail, path, archive, *restart)?;
            Done::Done
        }
        Step::Packages { packages, version, update } => {
            install(view, jail, packages, version.as_deref(), *update)?;
            Done::Done
        }
        Step::User { .. } | Step::Group { .. } => {
            files::accounts(view, jail, &action.step)?;
            Done::Done
        }
        Step::Run { command } => {
            let output = run(view, jail, command)?;
            let name = command.program.as_ref().map_or_else(|| command.argv[0].as_str(), |program| program.name.as_str());
            Done::Ran(checked(name, output, command.check)?)
        }
        Step::Apply { text, ephemeral, capture, check } => {
            let output = jail::apply_with(host, jail, text.as_bytes(), &[], *ephemeral, *capture, view.timeout(None))?;
            Done::Ran(checked("the shell text", output, *check)?)
        }
    })
}

fn install(
    view: &View,
    jail: &JailName,
    packages: &[PackageName],
    version: Option<&str>,
    update: bool,
) -> Result<jail::Installed, JailError> {
    let word = |name: &PackageName| version.map_or_else(|| name.to_string(), |version| format!("{name}={version}"));
    let words: Vec<String> = packages.iter().map(word).collect();
    let lacks = |status: &str| {
        let found = Packages::parse(status);
        let fits = |name: &PackageName| found.version(name).is_some_and(|is| version.is_none_or(|version| version == is));
        packages.iter().filter(|name| !fits(name)).map(ToString::to_string).collect()
    };
    jail::install(&view.host, jail, &InstallRequest { packages: &words, update, lacks: &lacks, timeout: view.timeout(None) })
}

/// How long a service that runs already may take to be ready: as long as one that is started has by default, and longer
/// than its supervisor pauses before it tries again.
const PATIENCE: Duration = Duration::from_secs(30);

/// To be started is to be ready. What runs already may be in back-off, or on its way.
fn started(view: &View, jail: &JailName, started: Started) -> Result<Done, PerformError> {
    match started {
        Started::Started(_) => return Ok(Done::Started),
        Started::Recovered(_) => return Ok(Done::Recovered),
        Started::AlreadyRunning(_) => {}
    }
    let state = match telemetry::wait(&view.host, jail, Awaited::Running, Some(PATIENCE), || false)? {
        Waited::Met(_) => return Ok(Done::AlreadyRunning),
        Waited::Failed(why) => format!("failed ({why})"),
        Waited::Still(state) => state,
    };
    Err(PerformError::Unready { jail: jail.clone(), state })
}

fn run(view: &View, jail: &JailName, command: &Command) -> Result<Output, PerformError> {
    let request = request(view, command)?;
    if !command.ephemeral {
        return Ok(jail::exec(&view.host, jail, &request)?);
    }
    Ok(jail::exec_ephemeral(&view.host, jail, &request)?)
}

/// With `check`, a status other than 0 is an error that shows the last line the command complained with.
pub fn checked(what: &str, output: Output, check: bool) -> Result<Output, PerformError> {
    if output.status == 0 || !check {
        return Ok(output);
    }
    let complaint = output.stderr.lines().rev().find(|line| !line.trim().is_empty());
    let complaint = complaint.map(|line| format!(": {}", crate::telemetry::printable(line))).unwrap_or_default();
    Err(PerformError::Status { what: what.to_owned(), status: output.status, complaint })
}

fn text(view: &View, program: &Program) -> Result<Text, ObserveError> {
    let text = program.text.resolve(|part| view.fetch(part))?;
    Ok(Text { text, interpreter: program.interpreter.clone() })
}

/// The command with its secrets, as it is run.
pub(super) fn request(view: &View, command: &Command) -> Result<ExecRequest, ObserveError> {
    let mut env = BTreeMap::new();
    for (name, content) in &command.env {
        let value = content.resolve(|part| view.fetch(part))?;
        let value = String::from_utf8(value).ok().filter(|value| !value.contains('\0'));
        let value = value
            .ok_or_else(|| ObserveError::Secret(format!("{command}: variable {name} is no text that a program can be given")))?;
        env.insert(name.clone(), value);
    }
    Ok(ExecRequest {
        argv: command.argv.clone(),
        program: command.program.as_ref().map(|program| text(view, program)).transpose()?,
        env,
        user: command.user.clone(),
        workdir: command.workdir.clone(),
        capture: true,
        input: command.input.as_ref().map(|input| input.resolve(|part| view.fetch(part))).transpose()?,
        timeout: view.timeout(command.timeout_ms.map(Duration::from_millis)),
        pty: None,
    })
}
