//! How a command in a jail ended, as a script sees it. In a plan that is not known, and asking for it is an error.

use rhai::{Dynamic, Engine, ImmutableString};
use serde::Serialize;

use super::Thrown;
use super::seen::Ran;
use crate::jail;
use crate::script::Fault;
use crate::script::convert::{self, property};
use crate::script::session::unknown;

/// Prints as what the command wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output(Result<Known, String>);

/// Of a command that ran, or need not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Known {
    status: i32,
    ok: bool,
    stdout: String,
    stderr: String,
    /// Its guard said that it need not run.
    skipped: bool,
}

impl Output {
    pub fn known(output: jail::Output) -> Output {
        let jail::Output { status, stdout, stderr } = output;
        Output(Ok(Known { status, ok: status == 0, stdout, stderr, skipped: false }))
    }

    pub fn skipped() -> Output {
        Output(Ok(Known { ok: true, skipped: true, ..Known::default() }))
    }

    /// Nobody can know it; why.
    pub fn unknown(why: String) -> Output {
        Output(Err(why))
    }

    fn get(&self) -> Thrown<&Known> {
        Ok(self.known_or_fault()?)
    }

    fn known_or_fault(&self) -> Result<&Known, Fault> {
        self.0.as_ref().map_err(|why| unknown(&format!("its result is not known: {why}")))
    }

    /// What is known of it, or why nothing is.
    pub(super) fn seen(&self) -> Result<Ran, String> {
        let Known { status, stdout, stderr, skipped, .. } = self.0.clone()?;
        Ok(Ran { status, stdout, stderr, skipped })
    }

    pub(super) fn tree(&self) -> Result<serde_json::Value, Fault> {
        Ok(serde_json::to_value(self.known_or_fault()?).unwrap_or_default())
    }

    fn json(&self) -> Thrown<String> {
        Ok(serde_json::to_string(self.get()?).unwrap_or_default())
    }
}

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Output>("Output")
        .register_fn("to_string", |output: &mut Output| -> Thrown<String> {
            Ok(output.get()?.stdout.trim_end_matches('\n').to_owned())
        })
        .register_fn("to_debug", |output: &mut Output| output.json())
        .register_fn("to_json", |output: &mut Output| output.json())
        .register_fn("to_map", |output: &mut Output| -> Thrown<Dynamic> { Ok(convert::view(output.get()?)) })
        .register_fn("==", |a: &mut Output, b: Output| -> Thrown<bool> { Ok(a.get()? == b.get()?) })
        .register_fn("!=", |a: &mut Output, b: Output| -> Thrown<bool> { Ok(a.get()? != b.get()?) })
        .register_indexer_get(|output: &mut Output, key: ImmutableString| -> Thrown<Dynamic> {
            property("Output", output.get()?, &key)
        });
}
