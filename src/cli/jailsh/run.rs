//! `jailsh run`: does what a script says, or a plan that was made of one.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;

use super::alone::Alone;
use super::record::Record;
use super::script::{self, Settings};
use super::tell::{Manner, Teller};
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::{Outcome, input};
use crate::jail::{self, Host};
use crate::perform::{Journal, Outcome as Done, View, noted};
use crate::plan::{Digest, Document, Part, Provenance, stale_facts};
use crate::script::{Event, Fate, Fault, Mode, Session, facts};
use crate::simulate::tape::Tape;

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
/// For cron, --quiet says nothing unless it failed, and then what failed, where,
/// and the last lines; --lock lets one run of that name go on at a time; --log
/// appends a line of JSON for each action to a file of mode 0600, with the time,
/// the run, the jail, the action, its outcome and duration, and no secrets.
///
/// Examples: jailsh run site.rhai
///           jailsh run --plan site.plan
///           jailsh run --quiet --lock site --skip-if-locked site.rhai
///
/// Exit status: 0 done, 1 an action failed, 2 the plan is stale, 73 the log
/// cannot be written, 75 another run holds the lock, and as for running a script.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// Do what this plan says
    #[arg(long, value_name = "PLAN", conflicts_with = "script")]
    plan: Option<PathBuf>,
    /// Show what changes in each jail and file
    #[arg(long)]
    diff: bool,
    /// Say nothing unless it failed
    #[arg(short, long, conflicts_with = "diff")]
    quiet: bool,
    /// Append what is done to this file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Write down what the host answers and does, to run the script against
    /// it with jailsh test --replay; secrets and hashes of passwords are not in it
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    record: Option<PathBuf>,
    #[command(flatten)]
    alone: Alone,
    /// The script and its arguments; - is standard input
    #[arg(required_unless_present = "plan", value_names = ["FILE", "ARGS"], num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    script: Vec<OsString>,
}

impl Run {
    pub fn run(self, common: &Common, settings: Settings) -> Outcome {
        let _turn = self.alone.begin(common)?;
        let record = Record::open(self.log.as_deref())?;
        let manner = Manner { quiet: self.quiet, diff: self.diff, total: None };
        match &self.plan {
            Some(path) => {
                let document = Document::parse(&input::read_text(path)?)
                    .map_err(|error| Failure::new(Exit::DATA, format!("{}: {error}", path.display())))?;
                let total = Some(document.actions.len());
                record.begins(&document.script.name);
                let teller = Teller::new(Manner { total, ..manner }, record);
                perform(&document, common, &teller).inspect_err(|failure| teller.give_up(failure))
            }
            None => {
                let script = script::from_file(self.script)?;
                let name = script.name.clone();
                record.begins(&name);
                let tape = self.record.as_ref().map(|path| (path, Rc::new(Tape::new(&name, &script.arguments))));
                let teller = Rc::new(Teller::new(manner, record));
                let (watching, printing) = (teller.clone(), teller.clone());
                let session = script::session(common, Mode::Run(Box::new(move |event| watching.hear(event))))?;
                session.print_to(Box::new(move |text| printing.print(text)));
                if let Some((_, tape)) = &tape {
                    session.record_on(tape.clone());
                }
                let exit = script::evaluate(&session, settings, script);
                if let Some((path, tape)) = &tape {
                    keep(path, tape, &session)?;
                }
                teller.finish(&name, exit, &session.journal())
            }
        }
    }
}

/// Writes a recording to a file that root alone can read: it holds what files held.
fn keep(path: &Path, tape: &Tape, session: &Session) -> Result<(), Failure> {
    let secrets = crate::script::secrets();
    let names: Vec<String> = session.provenance.borrow().secrets.iter().cloned().collect();
    let found = |name: String| match secrets.get(&name) {
        Ok(secret) => Ok((name, secret)),
        Err(why) => {
            Err(Failure::new(Exit::FAILED, format!("{}: not written, for it could hold a secret: {why}", path.display())))
        }
    };
    let secrets = names.into_iter().map(found).collect::<Result<Vec<_>, _>>()?;
    let failed = |error: std::io::Error| Failure::new(Exit::FAILED, Fault::file(path, &error).to_string());
    // An older one may be readable by others, or be a link.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(tape.text(&secrets).as_bytes()).map_err(failed)
}

fn perform(document: &Document, common: &Common, teller: &Teller) -> Outcome {
    let site = Site::open(common)?;
    let view = View::new(site.host.clone(), crate::script::secrets());
    let stale = stale_facts(&view, &document.facts()).map_err(crate::script::Fault::from)?;
    let mut stale: Vec<String> = stale.iter().map(ToString::to_string).collect();
    stale.extend(document.provenance.stale(&known_now(&document.provenance, &site.host)).iter().map(ToString::to_string));
    if !stale.is_empty() {
        let message =
            format!("the plan is stale, and nothing was done; no longer as it was: {}; make it again", stale.join(", "));
        return Err(Failure::new(Exit::DRIFT, message));
    }
    let mut journal = Journal::default();
    for action in &document.actions {
        teller.hear(&Event::Begins(action));
        let fate = match journal.act(&view, action) {
            Done::Done(done) => Fate::Done(done),
            Done::Failed(error) => Fate::Failed(error.to_string()),
            Done::Skipped(why) => Fate::Skipped(why),
        };
        teller.hear(&Event::Ended(action, &fate));
    }
    teller.finish(&document.script.name, Exit::DONE, &journal)
}

/// The same with the files and the host's facts as they are now. Variables and modules went into the actions, and count no
/// more.
fn known_now(then: &Provenance, host: &Host) -> Provenance {
    let sum = |path: &String| {
        let digest = match (path.strip_suffix('/'), noted(path.as_ref())) {
            // Of a directory the names count.
            (Some(directory), _) => Digest::try_from(jail::names_digest(directory.as_ref()).ok()?).ok()?,
            (None, Ok(Part::File { sha256, .. })) => sha256,
            _ => return None,
        };
        Some((path.clone(), digest))
    };
    let fact = |name: &String| Some((name.clone(), facts::digest(name, host)?));
    Provenance {
        files: then.files.keys().filter_map(sum).collect(),
        facts: then.facts.keys().filter_map(fact).collect(),
        ..then.clone()
    }
}
