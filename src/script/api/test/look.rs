//! actions, content_of, allows, run_script, clock: what a test looks at.

use rhai::{Array, Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::{Shared, at, jail_of};
use crate::jail::spec::probe::Example;
use crate::plan::Observe;
use crate::script::api::files;
use crate::script::testing::Ran;
use crate::script::{Fault, Kind, Limits, convert};

pub fn register(engine: &mut Engine, trial: &Shared) {
    convert::register::<Ran>(engine, "Ran");
    let shared = trial.clone();
    engine.register_fn("actions", move || -> Array { shared.actions(0).iter().map(convert::dynamic).collect() });
    let shared = trial.clone();
    engine.register_fn("clock", move || i64::try_from(shared.world.now_ms() / 1000).unwrap_or(i64::MAX));
    let shared = trial.clone();
    engine.register_fn(
        "content_of",
        move |context: NativeCallContext, jail: Dynamic, path: &str| -> Result<Dynamic, Box<EvalAltResult>> {
            content_of(&shared, &jail, path).map_err(|fault| at(&context, "content_of", fault))
        },
    );
    let shared = trial.clone();
    engine.register_fn(
        "allows",
        move |context: NativeCallContext, jail: Dynamic, deed: &str| -> Result<bool, Box<EvalAltResult>> {
            allows(&shared, &jail, deed).map_err(|fault| at(&context, "allows", fault))
        },
    );
    let shared = trial.clone();
    engine.register_fn("run_script", move |context: NativeCallContext, path: &str| {
        run_script(&context, &shared, path, &Array::new())
    });
    let shared = trial.clone();
    engine.register_fn("run_script", move |context: NativeCallContext, path: &str, arguments: Array| {
        run_script(&context, &shared, path, &arguments)
    });
}

/// Nothing if there is no file.
fn content_of(trial: &Shared, jail: &Dynamic, path: &str) -> Result<Dynamic, Fault> {
    let (jail, path) = (jail_of("content_of", jail)?, files::path(path)?);
    let bytes = trial.world.bytes(&jail, &path)?;
    Ok(bytes.map_or(Dynamic::UNIT, |bytes| match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => Dynamic::from_blob(error.into_bytes()),
    }))
}

fn allows(trial: &Shared, jail: &Dynamic, deed: &str) -> Result<bool, Fault> {
    let jail = jail_of("allows", jail)?;
    let example: Example = deed.parse().map_err(|error| Fault::new(Kind::Value, format!("allows: {error}")))?;
    Ok(trial.world.judge(&jail, &example)?.is_ok())
}

fn run_script(context: &NativeCallContext, trial: &Shared, path: &str, arguments: &Array) -> Result<Ran, Box<EvalAltResult>> {
    let arguments = convert::texts("run_script", arguments).map_err(|fault| at(context, "run_script", fault))?;
    trial.run(path, arguments, Limits::default()).map_err(|mut error| {
        error.set_position(context.call_position());
        error
    })
}
