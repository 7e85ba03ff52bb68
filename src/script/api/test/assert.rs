//! assert, assert_eq and their kin, expect: what is to hold. One that does not ends the test with what was expected, what is,
//! and what differs.

use std::fmt;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};
use serde::{Serialize, Serializer};

use super::{Shared, at, jail_of};
use crate::plan::{Entry, Observe, difference};
use crate::script::api::files;
use crate::script::convert::{self, type_name};
use crate::script::testing::Failure;
use crate::script::{Fault, Kind};

type Thrown = Result<(), Box<EvalAltResult>>;

/// A value that something is expected of.
#[derive(Debug, Clone)]
pub struct Expectation(Dynamic);

impl PartialEq for Expectation {
    fn eq(&self, other: &Expectation) -> bool {
        shown(&self.0) == shown(&other.0)
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = convert::tree(&self.0).unwrap_or_else(|_| shown(&self.0).into());
        std::collections::BTreeMap::from([("value", value)]).serialize(serializer)
    }
}

pub fn register(engine: &mut Engine, trial: &Shared) {
    convert::register::<Expectation>(engine, "Expectation");
    let shared = trial.clone();
    engine.register_fn("assert", move |context: NativeCallContext, holds: bool| -> Thrown {
        check(&context, &shared, "assert", holds, || ("it is not so".into(), Vec::new()))
    });
    let shared = trial.clone();
    engine.register_fn("assert", move |context: NativeCallContext, holds: bool, what: &str| -> Thrown {
        check(&context, &shared, "assert", holds, || (what.to_owned(), Vec::new()))
    });
    let shared = trial.clone();
    engine.register_fn("assert_eq", move |context: NativeCallContext, is: Dynamic, expected: Dynamic| -> Thrown {
        equal(&context, &shared, "assert_eq", &is, &expected)
    });
    let shared = trial.clone();
    engine.register_fn("assert_ne", move |context: NativeCallContext, is: Dynamic, other: Dynamic| -> Thrown {
        differ(&context, &shared, "assert_ne", &is, &other)
    });
    let shared = trial.clone();
    engine.register_fn("assert_throws", move |context: NativeCallContext, work: FnPtr| throws(&context, &shared, &work, ""));
    let shared = trial.clone();
    engine.register_fn("assert_throws", move |context: NativeCallContext, work: FnPtr, what: &str| {
        throws(&context, &shared, &work, what)
    });
    let shared = trial.clone();
    engine.register_fn("assert_idempotent", move |context: NativeCallContext, work: FnPtr| idempotent(&context, &shared, &work));
    let shared = trial.clone();
    engine.register_fn("assert_file", move |context: NativeCallContext, jail: Dynamic, path: &str, content: &str| -> Thrown {
        file(&context, &shared, &jail, path, Some(content))
    });
    let shared = trial.clone();
    engine.register_fn("assert_absent", move |context: NativeCallContext, jail: Dynamic, path: &str| -> Thrown {
        file(&context, &shared, &jail, path, None)
    });
    let shared = trial.clone();
    engine.register_fn("expect_actions", move |context: NativeCallContext, expected: Array| {
        expect_actions(&context, &shared, &expected)
    });
    engine.register_fn("expect", |value: Dynamic| Expectation(value));
    let shared = trial.clone();
    engine.register_fn("to_equal", move |context: NativeCallContext, is: Expectation, expected: Dynamic| -> Thrown {
        equal(&context, &shared, "to_equal", &is.0, &expected)
    });
    let shared = trial.clone();
    engine.register_fn("to_differ_from", move |context: NativeCallContext, is: Expectation, other: Dynamic| -> Thrown {
        differ(&context, &shared, "to_differ_from", &is.0, &other)
    });
    let shared = trial.clone();
    engine.register_fn("to_contain", move |context: NativeCallContext, is: Expectation, part: Dynamic| -> Thrown {
        let holds = context.call_native_fn::<bool>("contains", (is.0.clone(), part.clone()));
        let holds = holds.map_err(|_| incomparable(&context, "to_contain", &is.0, &part))?;
        check(&context, &shared, "to_contain", holds, || ("a part is missing".into(), two("in", &is.0, "part", &part)))
    });
    for (verb, operator, what) in [("to_be_above", ">", "above"), ("to_be_below", "<", "below")] {
        let shared = trial.clone();
        engine.register_fn(verb, move |context: NativeCallContext, is: Expectation, bound: Dynamic| -> Thrown {
            let holds = context.call_native_fn::<bool>(operator, (is.0.clone(), bound.clone()));
            let holds = holds.map_err(|_| incomparable(&context, verb, &is.0, &bound))?;
            check(&context, &shared, verb, holds, || (format!("the value is not {what}"), two(what, &bound, "is", &is.0)))
        });
    }
}

fn incomparable(context: &NativeCallContext, verb: &'static str, one: &Dynamic, other: &Dynamic) -> Box<EvalAltResult> {
    let kinds = (type_name(one.type_name()), type_name(other.type_name()));
    at(context, verb, Fault::new(Kind::Value, format!("{verb}: a {} cannot be asked that of a {}", kinds.0, kinds.1)))
}

/// Counts the assertion, and ends the test if it does not hold.
pub(super) fn check(
    context: &NativeCallContext,
    trial: &Shared,
    verb: &'static str,
    holds: bool,
    why: impl FnOnce() -> (String, Vec<String>),
) -> Thrown {
    trial.assert();
    if holds {
        return Ok(());
    }
    let (message, difference) = why();
    trial.fail(Failure { message: message.clone(), difference });
    // Not through Fault::new: the message may be the script's own.
    Err(at(context, verb, Fault { message, ..Fault::new(Kind::Assertion, "") }))
}

fn is_equal(context: &NativeCallContext, one: &Dynamic, other: &Dynamic) -> bool {
    // Values of types that cannot be compared are not equal.
    context.call_native_fn::<bool>("==", (one.clone(), other.clone())).unwrap_or(false)
}

fn equal(context: &NativeCallContext, trial: &Shared, verb: &'static str, is: &Dynamic, expected: &Dynamic) -> Thrown {
    let holds = is_equal(context, is, expected);
    check(context, trial, verb, holds, || ("the values differ".into(), compared(expected, is)))
}

fn differ(context: &NativeCallContext, trial: &Shared, verb: &'static str, is: &Dynamic, other: &Dynamic) -> Thrown {
    let holds = !is_equal(context, is, other);
    check(context, trial, verb, holds, || ("the values are the same".into(), vec![format!("both are {}", shown(is))]))
}

/// Texts as they are, other values as JSON or as debug shows them.
fn shown(value: &Dynamic) -> String {
    match convert::tree(value) {
        Ok(tree) => serde_json::to_string(&tree).unwrap_or_default(),
        Err(_) => value.to_string(),
    }
}

fn two(first: &str, one: &Dynamic, second: &str, other: &Dynamic) -> Vec<String> {
    let width = first.len().max(second.len()) + 1;
    vec![format!("{:<width$} {}", format!("{first}:"), shown(one)), format!("{:<width$} {}", format!("{second}:"), shown(other))]
}

/// Values that fit a line below each other; longer ones line by line.
fn compared(expected: &Dynamic, is: &Dynamic) -> Vec<String> {
    const FITS: usize = 72;
    let lines = |value: &Dynamic| match (value.as_immutable_string_ref(), convert::tree(value)) {
        (Ok(text), _) => text.to_string(),
        (_, Ok(tree)) => serde_json::to_string_pretty(&tree).unwrap_or_default() + "\n",
        _ => value.to_string() + "\n",
    };
    let is_short = |value: &Dynamic| {
        shown(value).len() <= FITS && !lines(value).trim_end().contains('\n') || !value.is_string() && shown(value).len() <= FITS
    };
    if is_short(expected) && is_short(is) {
        return two("expected", expected, "is", is);
    }
    by_line(&lines(expected), &lines(is))
}

fn by_line(expected: &str, is: &str) -> Vec<String> {
    let mut lines = vec!["- expected, + is".to_owned()];
    lines.extend(difference(Some(expected.as_bytes()), is.as_bytes()));
    lines
}

/// A kind of error, or a part of its text.
fn throws(context: &NativeCallContext, trial: &Shared, work: &FnPtr, what: &str) -> Thrown {
    let kept = trial.failures().len();
    let error = match work.call_within_context::<Dynamic>(context, ()) {
        Ok(value) => {
            let why = || ("nothing was thrown".into(), vec![format!("it gave {}", shown(&value))]);
            return check(context, trial, "assert_throws", false, why);
        }
        Err(error) if !error.is_catchable() => return Err(error),
        Err(error) => error,
    };
    trial.forgive(kept);
    let mut inner = &*error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, next, _) | EvalAltResult::ErrorInModule(_, next, _) = inner {
        inner = next;
    }
    let (kind, text) = match inner {
        EvalAltResult::ErrorRuntime(value, _) => match value.read_lock::<Fault>() {
            Some(fault) => (fault.kind.name(), fault.to_string()),
            None => (String::new(), value.to_string()),
        },
        other => (String::new(), other.to_string()),
    };
    check(context, trial, "assert_throws", kind == what || text.contains(what), || {
        let thrown = if kind.is_empty() { text.clone() } else { format!("{kind}: {text}") };
        ("another error was thrown".into(), vec![format!("expected: {what}"), format!("thrown:   {thrown}")])
    })
}

fn idempotent(context: &NativeCallContext, trial: &Shared, work: &FnPtr) -> Thrown {
    let _: Dynamic = work.call_within_context(context, ())?;
    let done = trial.world.progress();
    let _: Dynamic = work.call_within_context(context, ())?;
    let again = texts(trial, done);
    check(context, trial, "assert_idempotent", again.is_empty(), || ("done again, it did something".into(), again))
}

/// What was done, in a line each.
fn texts(trial: &Shared, from: usize) -> Vec<String> {
    trial.world.deeds()[from..].iter().map(|deed| format!("{}: {}", deed.action.jail, deed.action.step)).collect()
}

fn file(context: &NativeCallContext, trial: &Shared, jail: &Dynamic, path: &str, content: Option<&str>) -> Thrown {
    let verb = if content.is_some() { "assert_file" } else { "assert_absent" };
    let look = || -> Result<(Entry, Option<Vec<u8>>), Fault> {
        let (jail, path) = (jail_of(verb, jail)?, files::path(path)?);
        Ok((trial.world.entry(&jail, &path)?, trial.world.bytes(&jail, &path)?))
    };
    let (entry, bytes) = look().map_err(|fault| at(context, verb, fault))?;
    match (content, bytes) {
        (None, _) => check(context, trial, verb, entry == Entry::Absent, || (format!("{path} is {}", entry.word()), Vec::new())),
        (Some(_), None) => check(context, trial, verb, false, || (format!("{path} is {}, not a file", entry.word()), Vec::new())),
        (Some(content), Some(bytes)) => check(context, trial, verb, bytes == content.as_bytes(), || {
            (format!("{path} holds something else"), by_line(content, &String::from_utf8_lossy(&bytes)))
        }),
    }
}

/// Texts are compared with an action's `text`; of maps each key must be so.
fn expect_actions(context: &NativeCallContext, trial: &Shared, expected: &Array) -> Thrown {
    let done = trial.actions(0);
    let mut wanted = Vec::new();
    let mut fits = expected.len() == done.len();
    for (at_index, item) in expected.iter().enumerate() {
        let found = done.get(at_index);
        let tree = convert::tree(item).map_err(|fault| at(context, "expect_actions", fault))?;
        let fit = match &tree {
            serde_json::Value::String(text) => found.is_some_and(|found| found["text"] == *text),
            serde_json::Value::Object(keys) => {
                found.is_some_and(|found| keys.iter().all(|(key, value)| found.get(key) == Some(value)))
            }
            _ => {
                let why = "expect_actions: an action is a text such as \"web: start\", or a map of its keys";
                return Err(at(context, "expect_actions", Fault::new(Kind::Value, why)));
            }
        };
        fits &= fit;
        let as_found = || found.and_then(|found| found["text"].as_str()).map(str::to_owned);
        let text = match &tree {
            serde_json::Value::String(text) => text.clone(),
            _ if fit => as_found().unwrap_or_default(),
            other => other.to_string(),
        };
        wanted.push(text + "\n");
    }
    let is: String = texts(trial, 0).into_iter().map(|text| text + "\n").collect();
    check(context, trial, "expect_actions", fits, || ("other actions were done".into(), by_line(&wanted.concat(), &is)))
}
