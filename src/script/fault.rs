//! An error of a verb: a value that a script can catch and look into, and one line for everybody else.

use std::fmt;

use nix::errno::Errno;
use rhai::{Dynamic, EvalAltResult, Position};
use serde::{Serialize, Serializer};

use crate::jail::JailError;
use crate::jail::spec::SpecError;
use crate::kernel::{KernelError, NameError};
use crate::perform::PerformError;
use crate::plan::{DecideError, ObserveError};
use crate::supervise::SuperviseError;

/// What sort of error, by a name that scripts can compare. The exit status follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Not a jail's name.
    Name,
    /// A spec, or a verb's options.
    Spec,
    NoSuchJail,
    NameTaken,
    PortTaken,
    Running,
    NotRunning,
    Busy,
    Supervised,
    Locked,
    /// A path or what it leads to.
    Path,
    /// An archive that is damaged, hostile or none.
    Archive,
    /// A command in a jail was not found.
    NotFound,
    /// A command in a jail is no program.
    NotExecutable,
    /// A command in a jail ended with another status than 0.
    Status,
    TimedOut,
    NotEnforceable,
    /// A value that does not fit where it is used.
    Value,
    /// No kernel body can be used here.
    Unavailable,
    NotPermitted,
    /// The sim body was asked to run something.
    Simulated,
    Http,
    /// A module that is not there, or is none.
    Module,
    /// A secret that is not there, or goes where none may go.
    Secret,
    /// What only doing a plan will tell.
    Unknown,
    /// Not tried, because something before it failed.
    Skipped,
    /// A test did not say what is answered there.
    NoDouble,
    /// A script that a test ran was ended by an error of its own.
    Script,
    /// What a test expects is not so.
    Assertion,
    /// A system call failed.
    System,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Kind; 30] = [
        Kind::Name,
        Kind::Spec,
        Kind::NoSuchJail,
        Kind::NameTaken,
        Kind::PortTaken,
        Kind::Running,
        Kind::NotRunning,
        Kind::Busy,
        Kind::Supervised,
        Kind::Locked,
        Kind::Path,
        Kind::Archive,
        Kind::NotFound,
        Kind::NotExecutable,
        Kind::Status,
        Kind::TimedOut,
        Kind::NotEnforceable,
        Kind::Value,
        Kind::Unavailable,
        Kind::NotPermitted,
        Kind::Simulated,
        Kind::Http,
        Kind::Module,
        Kind::Secret,
        Kind::Unknown,
        Kind::Skipped,
        Kind::NoDouble,
        Kind::Script,
        Kind::Assertion,
        Kind::System,
    ];

    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The exit status when nobody caught it: sysexits.h for bad input and a host that cannot, env(1) and timeout(1)
    /// for commands, else 1.
    pub fn exit(self) -> u8 {
        match self {
            Kind::Name | Kind::Spec | Kind::Archive | Kind::Module => 65,
            Kind::Unavailable => 69,
            Kind::NotPermitted => 77,
            Kind::TimedOut => 124,
            Kind::NotExecutable => 126,
            Kind::NotFound => 127,
            _ => 1,
        }
    }
}

/// An error of a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub kind: Kind,
    pub jail: Option<Box<str>>,
    pub verb: Option<&'static str>,
    /// `ENOENT` and the like.
    #[serde(serialize_with = "errno_name")]
    pub errno: Option<Errno>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    /// Line and column of the call.
    pub place: Option<(u16, u16)>,
    /// The script or module that they are in.
    pub file: Option<Box<str>>,
}

impl Fault {
    /// `text`: what is wrong, and after the first `; ` what would be right.
    pub fn new(kind: Kind, text: impl AsRef<str>) -> Fault {
        let (message, hint) = split_remedy(text.as_ref());
        Fault {
            kind,
            jail: None,
            verb: None,
            errno: None,
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
            place: None,
            file: None,
        }
    }

    /// A test did not say what is answered. Not by [`Fault::new`]: what is quoted is a script's text.
    pub fn no_double(what: String, remedy: String) -> Fault {
        Fault { message: what, hint: Some(remedy), ..Fault::new(Kind::NoDouble, "") }
    }

    /// A file that cannot be used, in the system's words.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Fault {
        let known = error.raw_os_error().map(Errno::from_raw);
        let why = known.map_or_else(|| error.to_string(), |errno| errno.desc().to_lowercase());
        let fault = Fault::new(Kind::Path, "");
        let fault = Fault { message: format!("{}: {why}", path.display()), ..fault };
        known.map_or(fault.clone(), |errno| fault.errno(errno))
    }

    /// Remembers the call, so that an error which is thrown again still tells where it came from.
    pub fn at(mut self, position: Position, file: Option<&str>) -> Fault {
        self.file = file.map(Box::from);
        let number = |number: Option<usize>| u16::try_from(number?).ok();
        self.place = number(position.line()).zip(number(position.position()));
        self
    }

    /// Where it happened, if the call is known.
    pub fn position(&self) -> Option<Position> {
        self.place.map(|(line, column)| Position::new(line, column))
    }

    fn errno(mut self, errno: Errno) -> Fault {
        self.errno = Some(errno);
        self
    }
}

/// `ENOENT`, not its number.
fn errno_name<S: Serializer>(errno: &Option<Errno>, serializer: S) -> Result<S::Ok, S::Error> {
    errno.map(|errno| format!("{errno:?}")).serialize(serializer)
}

/// Messages put the remedy last, after `; `. A `; ` inside quotes belongs to what was quoted.
fn split_remedy(text: &str) -> (&str, Option<&str>) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted && text[at..].starts_with("; ") => return (&text[..at], Some(&text[at + 2..])),
            _ => {}
        }
    }
    (text, None)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

impl From<NameError> for Fault {
    fn from(error: NameError) -> Fault {
        Fault::new(Kind::Name, error.to_string())
    }
}

impl From<SpecError> for Fault {
    fn from(error: SpecError) -> Fault {
        Fault::new(Kind::Spec, error.to_string())
    }
}

impl From<KernelError> for Fault {
    fn from(error: KernelError) -> Fault {
        let kind = match &error {
            KernelError::NotPermitted => Kind::NotPermitted,
            KernelError::NameTaken(_) => Kind::NameTaken,
            KernelError::PortTaken { .. } => Kind::PortTaken,
            KernelError::NoSuchJail(_) => Kind::NoSuchJail,
            KernelError::Busy { .. } => Kind::Busy,
            KernelError::NotEnforceable { .. } | KernelError::RightNotEnforceable { .. } | KernelError::NoAudit { .. } => {
                Kind::NotEnforceable
            }
            KernelError::NotLoaded
            | KernelError::Refused { .. }
            | KernelError::NoLandlock { .. }
            | KernelError::NoBody { .. }
            | KernelError::Abi { .. } => Kind::Unavailable,
            KernelError::Simulated => Kind::Simulated,
            KernelError::System { .. } | KernelError::Other { .. } => Kind::System,
        };
        let fault = Fault::new(kind, error.to_string());
        match error {
            KernelError::System { errno, .. } => fault.errno(errno),
            _ => fault,
        }
    }
}

impl From<JailError> for Fault {
    fn from(error: JailError) -> Fault {
        let kind = match &error {
            JailError::Name(_) => Kind::Name,
            JailError::Spec { .. } => Kind::Spec,
            JailError::NoSuchJail { .. } => Kind::NoSuchJail,
            JailError::Running(_) => Kind::Running,
            JailError::NotRunning(_) => Kind::NotRunning,
            JailError::Path { .. } => Kind::Path,
            JailError::NotFound { .. } => Kind::NotFound,
            JailError::NotExecutable { .. } => Kind::NotExecutable,
            JailError::NoSuchUser { .. } => Kind::Value,
            JailError::TimedOut { .. } => Kind::TimedOut,
            JailError::Locked(_) => Kind::Locked,
            JailError::Archive { .. } => Kind::Archive,
            JailError::NoSuchBase { .. } | JailError::NoSuchSnapshot { .. } | JailError::Conflict { .. } => Kind::Value,
            _ => Kind::System,
        };
        let fault = Fault::new(kind, error.to_string());
        match error {
            JailError::Kernel(error) => error.into(),
            JailError::System { errno, .. } | JailError::Enter { errno, .. } | JailError::NotExecutable { errno, .. } => {
                fault.errno(errno)
            }
            _ => fault,
        }
    }
}

impl From<SuperviseError> for Fault {
    fn from(error: SuperviseError) -> Fault {
        let text = error.to_string();
        match error {
            SuperviseError::Jail(error) => error.into(),
            SuperviseError::NoCommand(_) => Fault::new(Kind::Spec, text),
            SuperviseError::AlreadySupervised { .. } => Fault::new(Kind::Supervised, text),
            _ => Fault::new(Kind::Status, text),
        }
    }
}

impl From<ObserveError> for Fault {
    fn from(error: ObserveError) -> Fault {
        let text = error.to_string();
        match error {
            ObserveError::Jail(error) => error.into(),
            ObserveError::Secret(_) => Fault::new(Kind::Value, text),
            ObserveError::Path { .. } | ObserveError::Name(_) => Fault::new(Kind::Path, text),
            ObserveError::NoDouble { what, remedy } => Fault::no_double(what, remedy),
        }
    }
}

impl From<DecideError> for Fault {
    fn from(error: DecideError) -> Fault {
        let text = error.to_string();
        match error {
            DecideError::Observe(error) => error.into(),
            DecideError::Path(_) | DecideError::Occupied { .. } => Fault::new(Kind::Path, text),
            DecideError::NoSuchJail { .. } => Fault::new(Kind::NoSuchJail, text),
            DecideError::NoCommand(_) => Fault::new(Kind::Spec, text),
            DecideError::NotRunning(_) => Fault::new(Kind::NotRunning, text),
            DecideError::Running(_) => Fault::new(Kind::Running, text),
            DecideError::Unfit { .. } => Fault::new(Kind::Value, text),
        }
    }
}

impl From<PerformError> for Fault {
    fn from(error: PerformError) -> Fault {
        let text = error.to_string();
        match error {
            PerformError::Jail(error) => error.into(),
            PerformError::Supervise(error) => error.into(),
            PerformError::Observe(error) => error.into(),
            PerformError::NoSuchGroup { .. } | PerformError::Account { .. } => Fault::new(Kind::Value, text),
            PerformError::Unready { .. } => Fault::new(Kind::TimedOut, text),
            // Not through Fault::new: a complaint is the command's text, not a message with a remedy.
            PerformError::Status { .. } => Fault { message: text, ..Fault::new(Kind::Status, "") },
        }
    }
}

/// Thrown into the script; Rhai adds the place of the call.
impl From<Fault> for Box<EvalAltResult> {
    fn from(fault: Fault) -> Self {
        EvalAltResult::ErrorRuntime(Dynamic::from(fault), Position::NONE).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_becomes_the_hint_and_quoted_text_is_not_cut() {
        let fault = Fault::new(Kind::Spec, "x: found the text \"a; \\\"b; c\"; use d; or e");
        assert_eq!(fault.message, "x: found the text \"a; \\\"b; c\"");
        assert_eq!(fault.hint.as_deref(), Some("use d; or e"));
        assert_eq!(fault.to_string(), "x: found the text \"a; \\\"b; c\"; use d; or e");
    }

    #[test]
    fn a_system_error_keeps_the_name_of_its_errno() {
        let fault = Fault::from(JailError::System { doing: "opening x".into(), errno: Errno::ENOENT });
        assert_eq!(serde_json::to_value(&fault).unwrap()["errno"], "ENOENT");
        assert_eq!((fault.kind, fault.errno), (Kind::System, Some(Errno::ENOENT)));
    }

    #[test]
    fn an_error_of_the_kernel_keeps_its_kind_through_every_layer() {
        let error = SuperviseError::Jail(JailError::Kernel(KernelError::NotPermitted));
        assert_eq!(Fault::from(error).kind.exit(), 77);
    }
}
