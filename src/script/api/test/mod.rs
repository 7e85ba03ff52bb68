//! Verbs of tests: what is there beforehand and who answers, what was done, and what is to hold. Other scripts do not have
//! them.

mod assert;
mod double;
mod look;
mod replay;

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::handle::Handle;
use crate::kernel::JailName;
use crate::script::testing::Trial;
use crate::script::{Fault, Kind, Session, convert};

/// Names that a file of tests cannot give to anything.
pub const NAMES: &[&str] = &[
    "given",
    "given_env",
    "given_fact",
    "given_packages",
    "given_secret",
    "on_exec",
    "on_http",
    "on_service",
    "advance",
    "clock",
    "actions",
    "content_of",
    "allows",
    "run_script",
    "replay",
    "assert",
    "assert_eq",
    "assert_ne",
    "assert_throws",
    "assert_file",
    "assert_absent",
    "assert_idempotent",
    "expect",
    "expect_actions",
];

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    let Some(trial) = session.trial() else { return };
    double::register(engine, trial);
    look::register(engine, trial);
    replay::register(engine, trial);
    assert::register(engine, trial);
}

/// An error at the call.
fn at(context: &NativeCallContext, verb: &'static str, fault: Fault) -> Box<EvalAltResult> {
    Fault { verb: Some(verb), ..fault }.at(context.call_position(), context.call_source()).into()
}

/// A jail or its name.
fn jail_of(verb: &str, value: &Dynamic) -> Result<JailName, Fault> {
    if let Some(jail) = value.read_lock::<Handle>() {
        return Ok(jail.name.clone());
    }
    match value.as_immutable_string_ref() {
        Ok(name) => Ok(name.parse()?),
        Err(kind) => {
            let kind = convert::type_name(kind);
            Err(Fault::new(Kind::Value, format!("{verb}: a value of type {kind} is no jail; use a jail or its name")))
        }
    }
}

/// The same as a pattern of names.
fn jails_of(verb: &str, value: &Dynamic) -> Result<String, Fault> {
    match value.as_immutable_string_ref() {
        Ok(name) if name.contains('*') => Ok(name.to_string()),
        _ => jail_of(verb, value).map(|name| name.to_string()),
    }
}

type Shared = Rc<Trial>;
