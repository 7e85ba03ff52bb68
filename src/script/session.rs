//! What the verbs of one run of a script share: the host, opened when the first verb needs it, so that a script without
//! verbs needs neither root nor the module; and whether what they decide is done or written down.

mod host_files;
mod interactive;
mod isolated;

use std::cell::{Cell, OnceCell, RefCell};
use std::io::Write;
use std::rc::Rc;

use rhai::NativeCallContext;

use super::deadline::Deadline;
use super::testing::Trial;
use super::{Fault, Kind};
use crate::jail::Host;
use crate::kernel::JailName;
use crate::perform::{self, Done, Journal, Secrets, View};
use crate::plan::{Action, DecideError, Digest, Fact, Observe, Place, Provenance, Shadow, Witness};
use crate::simulate::tape::Tape;
use crate::telemetry::{self, Observation};
pub use host_files::secrets;
pub use interactive::{Back, Deed, Interactive, Narrowed};

type Open = Box<dyn Fn() -> Result<Host, Fault>>;
/// What happens in a run.
pub enum Event<'a> {
    Begins(&'a Action),
    Ended(&'a Action, &'a Fate),
    /// A verb failed before it had decided on an action.
    Undecided {
        jail: &'a JailName,
        why: &'a str,
        place: Option<&'a Place>,
    },
}

/// Hears of what happens in a run.
pub type Watch = Box<dyn Fn(&Event)>;
/// Takes a line that the script prints.
pub type Print = Box<dyn Fn(&str) -> std::io::Result<()>>;

/// What becomes of the actions that verbs decide on.
pub enum Mode {
    /// They are done at once, and an error is thrown: `jailsh FILE`.
    Act,
    /// They are done at once; a failure is the jail's, and the script goes on: `jailsh run`.
    Run(Watch),
    /// They are written down: `jailsh plan`.
    Plan,
    /// They are done to a host in memory: `jailsh test`.
    Test(Rc<Trial>),
}

/// What became of one action.
#[derive(Debug)]
pub enum Fate {
    Done(Done),
    Planned,
    Failed(String),
    Skipped(String),
}

/// A script that was planned.
#[derive(Default)]
pub struct Planned {
    pub actions: Vec<Action>,
    pub facts: Vec<(Fact, Digest)>,
}

struct Planner {
    shadow: Shadow<Witness<View>>,
    actions: Vec<Action>,
}

/// Lives as long as the script's engine.
pub struct Session {
    open: Open,
    host: OnceCell<Host>,
    mode: Mode,
    print: OnceCell<Print>,
    /// Name of the script, for places.
    name: RefCell<String>,
    /// Where the verb that runs now was called.
    place: RefCell<Option<Place>>,
    callers: host_files::Callers,
    planner: RefCell<Option<Planner>>,
    journal: RefCell<Journal>,
    /// What the script read; whoever reads on its behalf notes it here.
    pub provenance: RefCell<Provenance>,
    /// When the script has to be done.
    pub deadline: Deadline,
    /// Where a run is recorded.
    tape: OnceCell<Rc<Tape>>,
    /// What the REPL asks of the verbs.
    pub interactive: Interactive,
    /// Those that the script named show in nothing that is told.
    pub secrets: Secrets,
    /// A secret was put into a text, where Rhai takes no error.
    exposed: Cell<bool>,
}

impl Session {
    pub fn new(mode: Mode, open: impl Fn() -> Result<Host, Fault> + 'static) -> Session {
        Session {
            open: Box::new(open),
            host: OnceCell::new(),
            mode,
            print: OnceCell::new(),
            name: RefCell::default(),
            place: RefCell::default(),
            callers: host_files::Callers::default(),
            planner: RefCell::default(),
            journal: RefCell::default(),
            provenance: RefCell::default(),
            deadline: Deadline::default(),
            tape: OnceCell::new(),
            interactive: Interactive::default(),
            secrets: secrets(),
            exposed: Cell::new(false),
        }
    }

    /// From now on what the host answers and does is written down; the first one counts.
    pub fn record_on(&self, tape: Rc<Tape>) {
        let _ = self.tape.set(tape);
    }

    pub fn tape(&self) -> Option<&Rc<Tape>> {
        self.tape.get()
    }

    /// A secret was put into a text: the script ends with its next step.
    pub fn expose(&self) {
        self.exposed.set(true);
    }

    /// Says so once.
    pub fn is_exposed(&self) -> bool {
        self.exposed.replace(false)
    }

    /// From now on the script prints there; the first one counts.
    pub fn print_to(&self, print: Print) {
        let _ = self.print.set(print);
    }

    /// What the script prints. Standard output is the plan's where one is made.
    pub fn print(&self, text: &str) -> std::io::Result<()> {
        let text = &self.secrets.masked(text);
        match (self.print.get(), self.is_planning()) {
            (Some(print), _) => print(text),
            (None, true) => writeln!(std::io::stderr(), "{text}"),
            (None, false) => writeln!(std::io::stdout(), "{text}"),
        }
    }

    /// The script that runs, for places.
    pub fn begin(&self, name: &str) {
        name.clone_into(&mut self.name.borrow_mut());
    }

    pub fn script_name(&self) -> String {
        self.name.borrow().clone()
    }

    /// A verb is called here.
    pub fn at(&self, context: &NativeCallContext) {
        let position = context.call_position();
        let file = context.call_source().map_or_else(|| self.name.borrow().clone(), str::to_owned);
        self.callers.current.borrow_mut().clone_from(&file);
        *self.place.borrow_mut() = position
            .line()
            .map(|line| (line, position.position().unwrap_or(1)))
            .map(|(line, column)| Place { file, line: line as u16, column: column as u16 });
    }

    fn mode(&self) -> &Mode {
        if self.interactive.is_planning() { &Mode::Plan } else { &self.mode }
    }

    pub fn is_planning(&self) -> bool {
        matches!(self.mode(), Mode::Plan)
    }

    /// The test that this is part of.
    pub fn trial(&self) -> Option<&Rc<Trial>> {
        match &self.mode {
            Mode::Test(trial) => Some(trial),
            _ => None,
        }
    }

    /// One jail, as listings show it.
    pub fn observation(&self, name: &JailName) -> Result<Observation, Fault> {
        match self.trial() {
            Some(trial) => Ok(trial.host()?.observation(name)?),
            None => Ok(Observation::one(self.look(Some(name))?, name)?),
        }
    }

    /// Seconds since the epoch; in a test, by its clock.
    pub fn now(&self) -> u64 {
        self.trial().map_or_else(telemetry::now, |trial| trial.world.now_ms() / 1000)
    }

    /// All jails, as listings show them.
    pub fn observations(&self) -> Result<Vec<Observation>, Fault> {
        match self.trial() {
            Some(trial) => Ok(trial.host()?.observations()),
            None => Ok(Observation::all(self.look(None)?)?),
        }
    }

    pub fn host(&self) -> Result<&Host, Fault> {
        match self.host.get() {
            Some(host) => Ok(host),
            None => {
                let host = (self.open)()?;
                Ok(self.host.get_or_init(|| host))
            }
        }
    }

    /// The host, to look at a jail (or at all): refused where planned actions would change what is seen.
    pub fn look(&self, jail: Option<&JailName>) -> Result<&Host, Fault> {
        let planner = self.planner.borrow();
        let Some(planner) = planner.as_ref() else { return self.host() };
        let is_as_planned = match jail {
            Some(jail) => planner.shadow.is_untouched(jail),
            None => planner.actions.is_empty(),
        };
        if is_as_planned { self.host() } else { Err(unknown("what this says is known only when the plan was performed")) }
    }

    /// The same for a verb that reads the host's directories, which a test has none of.
    pub fn look_on_disk(&self, verb: &str, jail: Option<&JailName>) -> Result<&Host, Fault> {
        self.simulates(verb, false)?;
        self.look(jail)
    }

    /// Refuses in a test what is not simulated there: nothing of the real host is to be touched.
    fn simulates(&self, verb: &str, known: bool) -> Result<(), Fault> {
        if self.trial().is_none() || known {
            return Ok(());
        }
        let why = format!("{verb} is not simulated in tests; leave it to a run in a jail");
        Err(Fault::new(Kind::Simulated, why))
    }

    /// The host, for a verb that acts at once and of which no plan can be made.
    pub fn act_now(&self, verb: &str, jail: Option<&JailName>) -> Result<&Host, Fault> {
        if self.is_planning() {
            let why = format!("{verb} acts at once and cannot be planned; call it only `if !planning()`");
            return Err(Fault::new(Kind::Unknown, why));
        }
        self.simulates(verb, SIMULATED.contains(&verb))?;
        if let Some(jail) = jail.filter(|jail| self.journal.borrow().has_failed(jail)) {
            return Err(Fault::new(Kind::Skipped, format!("an action before it failed for jail {jail}")));
        }
        self.interactive.acts_at_once(verb, jail);
        self.host()
    }

    /// The jail's number, if it is in the kernel.
    pub fn running(&self, name: &JailName) -> Result<crate::kernel::JailInfo, Fault> {
        let found = self.look(Some(name))?.kernel.find(name)?;
        found.ok_or_else(|| Fault::new(Kind::NotRunning, format!("jail {name} is not running; start it first")))
    }

    /// The host as actions are decided on and done.
    pub fn view(&self) -> Result<View, Fault> {
        Ok(View { patience: self.deadline.within(None), ..View::new(self.host()?.clone(), self.secrets.clone()) })
    }

    /// Decides on actions and does them or writes them down, as the mode says.
    pub fn submit(
        &self,
        jail: &JailName,
        decide: impl FnOnce(&dyn Observe) -> Result<Vec<Action>, DecideError>,
    ) -> Result<Vec<(Action, Fate)>, Fault> {
        let located = |actions: Vec<Action>| {
            let (place, secrets) = (self.place.borrow().clone(), self.secrets.clone());
            actions.into_iter().map(move |action| {
                let detail = action.detail.iter().map(|line| secrets.masked(line)).collect();
                Action { place: place.clone(), detail, ..action }
            })
        };
        match self.mode() {
            Mode::Act => {
                let view = self.view()?;
                let done = |action: Action| {
                    let undoing = self.interactive.begins(&view, &action);
                    let done = perform::perform(&view, &action)?;
                    self.interactive.ended(&view, &action, undoing);
                    Ok((action, Fate::Done(done)))
                };
                located(decide(&view)?).map(done).collect()
            }
            Mode::Plan => {
                let view = self.view()?;
                let mut planner = self.planner.borrow_mut();
                let planner =
                    planner.get_or_insert_with(|| Planner { shadow: Shadow::new(Witness::new(view)), actions: Vec::new() });
                let mut planned = Vec::new();
                for action in located(decide(&planner.shadow)?) {
                    planner.shadow.record(&action).map_err(DecideError::from)?;
                    planner.actions.push(action.clone());
                    planned.push((action, Fate::Planned));
                }
                Ok(planned)
            }
            Mode::Test(trial) if trial.replay().is_some() => {
                let Some(replay) = trial.replay() else { return Ok(Vec::new()) };
                self.rerun(replay, jail, |replay| decide(replay).map(|actions| located(actions).collect()))
            }
            Mode::Test(trial) => {
                let done = |action: Action| {
                    let done = trial.world.perform(&action)?;
                    Ok((action, Fate::Done(done)))
                };
                located(decide(&trial.world)?).map(done).collect()
            }
            Mode::Run(watch) => self.run(watch, jail, |view| decide(view).map(|actions| located(actions).collect())),
        }
    }

    /// In a run a verb's failure is its jail's: told in the summary, not thrown.
    pub fn is_isolating(&self) -> bool {
        match &self.mode {
            Mode::Run(_) => true,
            Mode::Test(trial) => trial.replay().is_some(),
            Mode::Act | Mode::Plan => false,
        }
    }

    /// What was written down.
    pub fn planned(&self) -> Planned {
        match self.planner.borrow_mut().take() {
            Some(planner) => Planned { facts: planner.shadow.below().facts(), actions: planner.actions },
            None => Planned::default(),
        }
    }

    /// How the run went.
    pub fn journal(&self) -> Journal {
        self.journal.take()
    }
}

/// Verbs that act at once and ask nobody but the kernel, so that a simulated one will do.
const SIMULATED: [&str; 4] = ["kill", "freeze", "thaw", "update"];

/// Something that only doing the plan will tell.
pub fn unknown(what: &str) -> Fault {
    Fault::new(Kind::Unknown, format!("{what}; give the call a guard (creates, unless, onlyif), or ask only `if !planning()`"))
}
