//! The verbs. Each is a thin step from Rhai's values to one call of [`crate::jail`], [`crate::supervise`] or
//! [`crate::telemetry`]; methods of a jail and free functions of the same name share it.

mod exec;
mod handle;
mod host;
mod lifecycle;
mod observe;

use std::rc::Rc;

use rhai::{Engine, EvalAltResult};

use super::{Fault, Session, convert};
use crate::kernel::JailName;
use handle::Handle;

type Thrown<T> = Result<T, Box<EvalAltResult>>;

/// Teaches the engine all verbs.
pub fn register(engine: &mut Engine, session: Rc<Session>) {
    convert::register::<Fault>(engine, "Error");
    handle::register(engine, &session);
    lifecycle::register(engine, &session);
    exec::register(engine, &session);
    observe::register(engine, &session);
    host::register(engine);
}

/// Registers a verb twice: as `jail.verb()` and as `verb("name")`.
fn verb<T: rhai::Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session, &JailName) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |jail: Handle| -> Thrown<T> {
        Ok(run(&jail.session, &jail.name).map_err(|fault| fault.of(name, &jail.name))?)
    });
    let session = session.clone();
    engine.register_fn(name, move |jail: &str| -> Thrown<T> {
        let jail: JailName = jail.parse().map_err(Fault::from)?;
        Ok(run(&session, &jail).map_err(|fault| fault.of(name, &jail))?)
    });
}

/// The same for a verb with one more argument.
fn verb_with<A: Clone + 'static, T: rhai::Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session, &JailName, A) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |jail: Handle, argument: A| -> Thrown<T> {
        Ok(run(&jail.session, &jail.name, argument).map_err(|fault| fault.of(name, &jail.name))?)
    });
    let session = session.clone();
    engine.register_fn(name, move |jail: &str, argument: A| -> Thrown<T> {
        let jail: JailName = jail.parse().map_err(Fault::from)?;
        Ok(run(&session, &jail, argument).map_err(|fault| fault.of(name, &jail))?)
    });
}

/// The same for a verb with an argument and options.
fn verb_with_options<A: Clone + 'static, T: rhai::Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session, &JailName, A, &rhai::Map) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |jail: Handle, argument: A, options: rhai::Map| -> Thrown<T> {
        Ok(run(&jail.session, &jail.name, argument, &options).map_err(|fault| fault.of(name, &jail.name))?)
    });
    let session = session.clone();
    engine.register_fn(name, move |jail: &str, argument: A, options: rhai::Map| -> Thrown<T> {
        let jail: JailName = jail.parse().map_err(Fault::from)?;
        Ok(run(&session, &jail, argument, &options).map_err(|fault| fault.of(name, &jail))?)
    });
}
