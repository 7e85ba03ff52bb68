//! What the lines of a session did to jails, and taking it back: the newest first, a line at a time, all of it or nothing.

use std::collections::{BTreeSet, VecDeque};

use crate::kernel::JailName;
use crate::perform::{self, View};
use crate::plan::{Action, Part, Step, Trace, trace};
use crate::script::{Back, Deed};

/// Lines that are remembered.
const MAX_LINES: usize = 100;
/// Bytes of files before they were changed, of all lines together.
const MAX_BYTES: usize = 64 << 20;

/// What one line did.
struct Done {
    line: String,
    deeds: Vec<Deed>,
}

#[derive(Default)]
pub struct Undo {
    lines: VecDeque<Done>,
    /// Jails that something was done to which was not taken back, by a line that is forgotten.
    marked: BTreeSet<JailName>,
}

impl Undo {
    pub fn remember(&mut self, line: &str, deeds: Vec<Deed>) {
        if deeds.is_empty() {
            return;
        }
        self.lines.push_back(Done { line: line.to_owned(), deeds });
        let bytes = |done: &Done| done.deeds.iter().map(size).sum::<usize>();
        while self.lines.len() > MAX_LINES || self.lines.len() > 1 && self.lines.iter().map(bytes).sum::<usize>() > MAX_BYTES {
            self.lines.pop_front();
        }
    }

    /// Takes back what the newest line did; `tell` hears of each step before it is done.
    ///
    /// # Errors
    /// Why nothing, or not all of it, was taken back. The line is forgotten then: the next call goes on before it.
    pub fn back(&mut self, view: &View, tell: impl Fn(&str)) -> Result<(), String> {
        let done = self.lines.pop_back().ok_or("nothing that this session did can be taken back")?;
        let taken = self.take_back(&done, view, tell);
        if taken.is_err() {
            self.marked.extend(done.deeds.into_iter().filter_map(|deed| deed.jail));
        }
        taken
    }

    fn take_back(&self, Done { line, deeds }: &Done, view: &View, tell: impl Fn(&str)) -> Result<(), String> {
        let next = "nothing was taken back; the next :undo goes on before it";
        let mut steps: Vec<(&Deed, &Action, &Trace)> = Vec::new();
        for deed in deeds {
            let why = match &deed.back {
                Back::Never(why) => why,
                Back::By { action, .. } if action.step == Step::Destroy && self.marked.contains(&action.jail) => {
                    "the jail holds what was not taken back"
                }
                Back::By { action, left } => {
                    steps.push((deed, &**action, left));
                    continue;
                }
            };
            return Err(format!("{line} did {}, which cannot be taken back: {why}; {next}", deed.what));
        }
        for (at, (deed, action, left)) in steps.iter().enumerate() {
            // What a later step of the line changed again counts as that one left it.
            let again = |(_, other, trace): &(&Deed, &Action, &Trace)| other.jail == action.jail && trace.is_about(left);
            if steps[at + 1..].iter().any(again) {
                continue;
            }
            let now = trace(view, action).map_err(|error| format!("{}: {error}; {next}", deed.what))?;
            if now != **left {
                return Err(format!("{line} did {}, and it was changed since; {next}", deed.what));
            }
        }
        tell(&format!("{line} is taken back:"));
        for (_, action, _) in steps.iter().rev() {
            tell(&format!("  {}: {}", action.jail, action.step));
            perform::perform(view, action)
                .map_err(|error| format!("{}: {}: {error}; the rest of {line} stays", action.jail, action.step))?;
        }
        Ok(())
    }
}

/// Bytes that are kept to take it back.
fn size(deed: &Deed) -> usize {
    let Back::By { action, .. } = &deed.back else { return 0 };
    let Step::Write { content, .. } = &action.step else { return 0 };
    let length = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::Bytes(bytes) => bytes.0.len(),
        _ => 0,
    };
    content.0.iter().map(length).sum()
}
