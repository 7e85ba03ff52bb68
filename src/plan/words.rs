//! What actions are called: in JSON, in a plan, in what a verb answers. Pure.

use std::fmt;

use super::{GroupWish, Step, UserWish};

/// One action's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// In JSON.
    pub tag: &'static str,
    /// After "would".
    pub infinitive: &'static str,
    /// Once it is done.
    pub participle: &'static str,
}

impl Step {
    pub fn words(&self) -> Words {
        let (tag, infinitive, participle) = match self {
            Step::Create { .. } => ("create", "create", "created"),
            Step::Configure { .. } => ("configure", "be changed", "changed"),
            Step::Start => ("start", "start", "started"),
            Step::Restart { .. } => ("restart", "restart", "restarted"),
            Step::Stop => ("stop", "stop", "stopped"),
            Step::Thaw => ("thaw", "thaw", "thawed"),
            Step::Destroy => ("destroy", "destroy", "destroyed"),
            Step::Write { .. } => ("write", "write", "written"),
            Step::Line { .. } => ("line", "change a line", "line changed"),
            Step::Attributes { .. } => ("attributes", "set mode and owner", "mode and owner set"),
            Step::Directory { .. } => ("directory", "make", "made"),
            Step::Link { .. } => ("link", "link", "linked"),
            Step::Remove { .. } => ("remove", "remove", "removed"),
            Step::Unpack { .. } => ("unpack", "unpack", "unpacked"),
            Step::Packages { .. } => ("packages", "install", "installed"),
            Step::User { user: UserWish { absent: true, .. } } => ("user", "remove", "removed"),
            Step::User { .. } => ("user", "put", "put"),
            Step::Group { group: GroupWish { absent: true, .. } } => ("group", "remove", "removed"),
            Step::Group { .. } => ("group", "put", "put"),
            Step::Run { .. } => ("run", "run", "ran"),
            Step::Apply { .. } => ("apply", "run", "ran"),
        };
        Words { tag, infinitive, participle }
    }
}

impl fmt::Display for Step {
    /// In a few words, without the jail.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Configure { .. } => f.write_str("change its spec"),
            Step::Restart { why } => write!(f, "restart: {why}"),
            Step::Line { path, line, .. } if line.absent => write!(f, "take a line out of {path}"),
            Step::Line { path, .. } => write!(f, "put a line into {path}"),
            Step::Attributes { path, .. } => write!(f, "set mode and owner of {path}"),
            Step::Directory { path, .. } => write!(f, "make {path}/"),
            Step::Link { path, target, .. } => write!(f, "link {path} -> {target}"),
            Step::Unpack { path, archive, .. } => write!(f, "unpack {} to {path}/", archive.file.display()),
            Step::Packages { packages, version, .. } => {
                f.write_str("install")?;
                packages.iter().try_for_each(|package| write!(f, " {package}"))?;
                version.iter().try_for_each(|version| write!(f, " {version}"))
            }
            Step::User { user } => write!(f, "{} user {}", self.words().infinitive, user.name),
            Step::Group { group } => write!(f, "{} group {}", self.words().infinitive, group.name),
            Step::Run { command } => write!(f, "run {command}"),
            Step::Apply { text, .. } => write!(f, "run shell text of {} lines", text.trim().lines().count()),
            Step::Write { path, .. } | Step::Remove { path, .. } => write!(f, "{} {path}", self.words().infinitive),
            Step::Create { .. } | Step::Start | Step::Stop | Step::Thaw | Step::Destroy => f.write_str(self.words().infinitive),
        }
    }
}
