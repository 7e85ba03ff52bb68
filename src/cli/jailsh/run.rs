//! `jailsh run`: does what a script says, or a plan that was made of one.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;

use super::script::{self, Settings};
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::{Outcome, input, output};
use crate::perform::{Journal, Outcome as Done, View};
use crate::plan::{Action, Digest, Document, Provenance, stale_facts};
use crate::script::{Fate, Mode, Watch};
use crate::telemetry::printable;

/// Do what a script says, jail by jail: one that fails stops its jail, others go
/// on.
///
/// Each action is a line as it is done. When one fails, no more is done to its
/// jail, nor are jails started that need it; the script goes on for the others,
/// and a summary says what was done, failed and skipped. Running it again does
/// what is left, and nothing when all is as it should be.
///
/// With --plan it does exactly what `jailsh plan` wrote, and nothing at all if
/// anything that the plan rests on is no longer so.
///
/// Examples: jailsh run site.rhai
///           jailsh run --plan site.plan
///
/// Exit status: 0 done, 1 an action failed, 2 the plan is stale, and as for
/// running a script.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// Do what this plan says
    #[arg(long, value_name = "PLAN", conflicts_with = "script")]
    plan: Option<PathBuf>,
    /// Show what changes in each jail and file
    #[arg(long)]
    diff: bool,
    /// The script and its arguments; - is standard input
    #[arg(required_unless_present = "plan", value_names = ["FILE", "ARGS"], num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    script: Vec<OsString>,
}

impl Run {
    pub fn run(self, common: &Common, settings: Settings) -> Outcome {
        match &self.plan {
            Some(path) => {
                let document = Document::parse(&input::read_text(path)?)
                    .map_err(|error| Failure::new(Exit::DATA, format!("{}: {error}", path.display())))?;
                perform(&document, common, self.diff)
            }
            None => self.evaluate(common, settings),
        }
    }

    fn evaluate(self, common: &Common, settings: Settings) -> Outcome {
        let script = script::from_file(self.script)?;
        let closed = Rc::new(Cell::new(false));
        let session = script::session(common, Mode::Run(teller(self.diff, closed.clone())))?;
        let exit = script::evaluate(&session, settings, script);
        let summed = summary(&session.journal())?;
        Ok(if exit == Exit::DONE { summed } else { exit })
    }
}

/// Tells of each action. A closed standard output is remembered, not an error: what was begun is ended.
fn teller(diff: bool, closed: Rc<Cell<bool>>) -> Watch {
    Box::new(move |action, fate| {
        let Some(fate) = fate else { return };
        if !closed.get() && output::print(&told(action, fate, diff)).is_err() {
            closed.set(true);
        }
    })
}

fn told(action: &Action, fate: &Fate, diff: bool) -> String {
    let (mark, why) = match fate {
        Fate::Done(_) | Fate::Planned => ("ok", String::new()),
        Fate::Failed(why) => ("FAILED", format!(": {}", printable(why))),
        Fate::Skipped(why) => ("skipped", format!(": {}", printable(why))),
    };
    let mut text = format!("{mark:<8} {}: {}{why}\n", action.jail, printable(&action.step.to_string()));
    if diff {
        text.extend(action.detail.iter().map(|line| format!("             {}\n", printable(line))));
    }
    text
}

/// One line on standard output, and one on standard error for each jail that something failed for.
fn summary(journal: &Journal) -> Outcome {
    let tally = journal.tally();
    if tally.done + tally.failed + tally.skipped == 0 {
        output::say("run: nothing to do")?;
        return Ok(Exit::DONE);
    }
    output::say(format_args!("run: {} done, {} failed, {} skipped", tally.done, tally.failed, tally.skipped))?;
    for (jail, why) in journal.failures() {
        Failure::new(Exit::FAILED, format!("jail {jail}: {why}")).report("jailsh");
    }
    Ok(if tally.failed == 0 { Exit::DONE } else { Exit::FAILED })
}

fn perform(document: &Document, common: &Common, diff: bool) -> Outcome {
    let site = Site::open(common)?;
    let view = View::new(site.host.clone(), crate::script::secrets());
    let stale = stale_facts(&view, &document.facts()).map_err(crate::script::Fault::from)?;
    let mut stale: Vec<String> = stale.iter().map(ToString::to_string).collect();
    stale.extend(document.provenance.stale(&files_now(&document.provenance)).iter().map(ToString::to_string));
    if !stale.is_empty() {
        let message =
            format!("the plan is stale, and nothing was done; no longer as it was: {}; make it again", stale.join(", "));
        return Err(Failure::new(Exit::DRIFT, message));
    }
    let mut journal = Journal::default();
    let tell = teller(diff, Rc::default());
    for action in &document.actions {
        let fate = match journal.act(&view, action) {
            Done::Done(done) => Fate::Done(done),
            Done::Failed(error) => Fate::Failed(error.to_string()),
            Done::Skipped(why) => Fate::Skipped(why),
        };
        tell(action, Some(&fate));
    }
    summary(&journal)
}

/// The same with the files as they are now. Variables and modules went into the actions, and count no more.
fn files_now(then: &Provenance) -> Provenance {
    let sum = |path: &String| std::fs::read(path).ok().map(|bytes| (path.clone(), Digest::of(bytes)));
    Provenance { files: then.files.keys().filter_map(sum).collect(), ..then.clone() }
}
