//! What the REPL asks of the verbs: which jail they apply to when none is named, whether they only plan, and how what they
//! did is taken back.

use std::cell::{Cell, RefCell};

use rhai::NativeCallContext;

use crate::kernel::JailName;
use crate::perform::View;
use crate::plan::{Action, Inverse, Trace, inverse, trace};

/// A call that was given the jail in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The text that the call is in.
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub jail: JailName,
}

/// Something that was done.
#[derive(Debug, Clone)]
pub struct Deed {
    /// `web: start`, in words.
    pub what: String,
    pub jail: Option<JailName>,
    pub back: Back,
    /// No action stands for it; it was tried, and may have failed.
    pub at_once: bool,
}

/// How it is taken back.
#[derive(Debug, Clone)]
pub enum Back {
    /// By this action, as long as all is as the deed left it.
    By { action: Box<Action>, left: Trace },
    /// Not at all: why.
    Never(String),
}

/// Of one session; asleep in all but the REPL's.
#[derive(Default)]
pub struct Interactive {
    awake: Cell<bool>,
    planning: Cell<bool>,
    used: RefCell<Option<JailName>>,
    narrowed: RefCell<Vec<Narrowed>>,
    deeds: RefCell<Vec<Deed>>,
}

impl Interactive {
    pub fn awake(&self) {
        self.awake.set(true);
    }

    pub fn is_awake(&self) -> bool {
        self.awake.get()
    }

    /// From now on actions are written down, or done.
    pub fn plan(&self, yes: bool) {
        self.planning.set(yes);
    }

    pub fn is_planning(&self) -> bool {
        self.planning.get()
    }

    /// Verbs that name no jail apply to this one.
    pub fn make_use_of(&self, jail: Option<JailName>) {
        *self.used.borrow_mut() = jail;
    }

    pub fn used(&self) -> Option<JailName> {
        self.used.borrow().clone()
    }

    /// A call gets the jail in use.
    pub fn narrows(&self, context: &NativeCallContext, name: &str, jail: &JailName) {
        let position = context.call_position();
        let (Some(line), Some(column)) = (position.line(), position.position()) else { return };
        let file = context.call_source().unwrap_or(name).to_owned();
        let call = Narrowed { file, line, column, jail: jail.clone() };
        let mut all = self.narrowed.borrow_mut();
        if !all.contains(&call) {
            all.push(call);
        }
    }

    /// The calls since it was asked last.
    pub fn narrowed(&self) -> Vec<Narrowed> {
        self.narrowed.take()
    }

    /// What was done since it was asked last.
    pub fn deeds(&self) -> Vec<Deed> {
        self.deeds.take()
    }

    /// The line failed: what it did last at once, it did not.
    pub fn failed(&self) {
        let mut deeds = self.deeds.borrow_mut();
        if deeds.last().is_some_and(|deed| deed.at_once) {
            deeds.pop();
        }
    }

    /// An action is about to be done: how it will be taken back.
    pub(super) fn begins(&self, view: &View, action: &Action) -> Option<Result<Action, String>> {
        if !self.is_awake() {
            return None;
        }
        Some(match inverse(view, action) {
            Ok(Inverse::Step(step)) => {
                Ok(Action { jail: action.jail.clone(), step: *step, detail: Vec::new(), place: None, new: false })
            }
            Ok(Inverse::None(why)) => Err(why.to_owned()),
            Err(error) => Err(format!("what was before could not be seen: {error}")),
        })
    }

    /// It was done.
    pub(super) fn ended(&self, view: &View, action: &Action, undoing: Option<Result<Action, String>>) {
        let Some(undoing) = undoing else { return };
        let left = || trace(view, action).map_err(|error| format!("what it left could not be seen: {error}"));
        let back = match undoing.and_then(|undo| Ok((undo, left()?))) {
            Ok((undo, left)) => Back::By { action: Box::new(undo), left },
            Err(why) => Back::Never(why),
        };
        self.deeds.borrow_mut().push(Deed {
            what: format!("{}: {}", action.jail, action.step),
            jail: Some(action.jail.clone()),
            back,
            at_once: false,
        });
    }

    /// A verb does something that no action stands for.
    pub(super) fn acts_at_once(&self, verb: &str, jail: Option<&JailName>) {
        // It only waits.
        if !self.is_awake() || verb == "wait" {
            return;
        }
        let what = jail.map_or(verb.to_owned(), |jail| format!("{jail}: {verb}"));
        self.deeds.borrow_mut().push(Deed {
            what,
            jail: jail.cloned(),
            back: Back::Never(format!("{verb} acts at once")),
            at_once: true,
        });
    }
}
