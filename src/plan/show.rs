//! A plan as people read it: jail by jail what is made, changed, run, started.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use super::{Action, Step};
use crate::kernel::JailName;

/// How many actions of which sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub jails: usize,
    pub files: usize,
    pub installations: usize,
    pub commands: usize,
    pub services: usize,
}

impl Counts {
    pub fn of<'a>(actions: impl IntoIterator<Item = &'a Action>) -> Counts {
        let mut counts = Counts::default();
        for action in actions {
            let group = match &action.step {
                Step::Create { .. } | Step::Configure { .. } | Step::Destroy => &mut counts.jails,
                Step::Start | Step::Restart { .. } | Step::Stop | Step::Thaw => &mut counts.services,
                Step::Packages { .. } => &mut counts.installations,
                Step::Run { .. } | Step::Apply { .. } => &mut counts.commands,
                Step::Write { .. }
                | Step::Line { .. }
                | Step::Attributes { .. }
                | Step::Directory { .. }
                | Step::Link { .. }
                | Step::Remove { .. }
                | Step::Unpack { .. }
                | Step::User { .. }
                | Step::Group { .. } => &mut counts.files,
            };
            *group += 1;
        }
        counts
    }

    pub fn total(&self) -> usize {
        self.jails + self.files + self.installations + self.commands + self.services
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.jails, "jail", "jails"),
            (self.files, "file", "files"),
            (self.installations, "installation", "installations"),
            (self.commands, "command to run", "commands to run"),
            (self.services, "service", "services"),
        ];
        let some: Vec<String> = all
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        f.write_str(&some.join(", "))
    }
}

fn mark(action: &Action) -> char {
    match &action.step {
        _ if action.new => '+',
        Step::Create { .. } | Step::Directory { .. } | Step::Packages { .. } => '+',
        Step::Destroy | Step::Remove { .. } => '-',
        Step::User { user } if user.absent => '-',
        Step::Group { group } if group.absent => '-',
        Step::Run { .. } | Step::Apply { .. } => '!',
        Step::Start | Step::Restart { .. } | Step::Stop | Step::Thaw => '>',
        _ => '~',
    }
}

/// The actions, jail by jail in the order in which each is first acted on, with what changes below each.
pub fn listing(actions: &[Action]) -> String {
    let mut order: Vec<&JailName> = Vec::new();
    let mut by_jail: BTreeMap<&JailName, Vec<&Action>> = BTreeMap::new();
    for action in actions {
        let of = by_jail.entry(&action.jail).or_default();
        if of.is_empty() {
            order.push(&action.jail);
        }
        of.push(action);
    }
    let mut text = String::new();
    for jail in order {
        let of = &by_jail[jail];
        // Writing to a text cannot fail.
        let _ = writeln!(text, "jail {jail}: {} action{}", of.len(), if of.len() == 1 { "" } else { "s" });
        for action in of {
            let place = action.place.as_ref().map_or(String::new(), |place| format!("  ({}:{})", place.file, place.line));
            let pending = if action.step.is_opaque() { " (would run)" } else { "" };
            let _ = writeln!(text, "  {} {}{pending}{place}", mark(action), action.step);
            for line in &action.detail {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    text
}
