//! The verbs. Each is a thin step from Rhai's values to one call of [`crate::jail`], [`crate::supervise`] or
//! [`crate::telemetry`]; methods of a jail and free functions of the same name share it.

mod accounts;
mod change;
mod copies;
mod copy;
mod disk;
mod exec;
mod files;
mod handle;
mod host;
mod lifecycle;
mod observe;
mod output;
mod packages;
mod probe;
mod profile;
mod program;
mod secret;
pub mod seen;
mod signals;
mod template;
mod test;
mod unpack;
mod waiting;

use std::rc::Rc;

use rhai::{Engine, EvalAltResult, Map, NativeCallContext, Variant};

use super::{Fault, Session, convert, narrow};
use crate::kernel::JailName;
pub use handle::Handle;
pub use profile::Profile;
pub use secret::{GIVE_SECRET_TO, SECRET_IS_NO_TEXT, Secret};
pub use test::NAMES as TEST_NAMES;

type Thrown<T> = Result<T, Box<EvalAltResult>>;

/// Teaches the engine all verbs.
pub fn register(engine: &mut Engine, session: Rc<Session>) {
    convert::register::<Fault>(engine, "Error");
    handle::register(engine, &session);
    lifecycle::register(engine, &session);
    change::register(engine);
    exec::register(engine, &session);
    files::register(engine);
    copy::register(engine);
    template::register(engine);
    unpack::register(engine);
    accounts::register(engine);
    packages::register(engine);
    program::register(engine);
    observe::register(engine, &session);
    probe::register(engine, &session);
    copies::register(engine, &session);
    disk::register(engine, &session);
    signals::register(engine, &session);
    waiting::register(engine, &session);
    host::register(engine, &session);
    profile::register(engine, &session);
    secret::register(engine, &session);
    if session.trial().is_some() {
        test::register(engine, &session);
    }
}

/// Turns a fault into what Rhai throws, with the verb, the jail and the place of the call.
fn thrown<T>(context: &NativeCallContext, verb: &'static str, jail: Option<&JailName>, result: Result<T, Fault>) -> Thrown<T> {
    result.map_err(|fault| {
        let jail = fault.jail.clone().or_else(|| jail.map(|jail| jail.as_str().into()));
        Fault { verb: Some(verb), jail, ..fault }.at(context.call_position(), context.call_source()).into()
    })
}

/// Registers a verb twice: as `jail.verb()` and as `verb("name")`.
fn verb<T: Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session, &JailName) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name))
    });
    let session = session.clone();
    engine.register_fn(name, move |context: NativeCallContext, jail: &str| {
        session.at(&context);
        let result = jail.parse().map_err(Fault::from).and_then(|jail| run(&session, &jail));
        thrown(&context, name, jail.parse().ok().as_ref(), result)
    });
}

/// The same for a verb with one more argument.
fn verb_with<A: Variant + Clone, T: Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session, &JailName, A) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, argument: A| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, argument))
    });
    let session = session.clone();
    engine.register_fn(name, move |context: NativeCallContext, jail: &str, argument: A| {
        session.at(&context);
        let result = jail.parse().map_err(Fault::from).and_then(|jail| run(&session, &jail, argument));
        thrown(&context, name, jail.parse().ok().as_ref(), result)
    });
}

/// The same for a verb with an argument and options.
fn verb_with_options<A: Variant + Clone, T: Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session, &JailName, A, &Map) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, argument: A, options: Map| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, argument, &options))
    });
    let session = session.clone();
    engine.register_fn(name, move |context: NativeCallContext, jail: &str, argument: A, options: Map| {
        session.at(&context);
        let result = jail.parse().map_err(Fault::from).and_then(|jail| run(&session, &jail, argument, &options));
        thrown(&context, name, jail.parse().ok().as_ref(), result)
    });
}

/// A method of a jail with two arguments, and the same with options.
fn method<A: Variant + Clone, B: Variant + Clone, T: Variant + Clone>(
    engine: &mut Engine,
    name: &'static str,
    run: fn(&Session, &JailName, A, B, &Map) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, a: A, b: B| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, a, b, &Map::new()))
    });
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, a: A, b: B, options: Map| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, a, b, &options))
    });
}

/// A method of a jail with one argument, and the same with options.
fn method_of_one<A: Variant + Clone, T: Variant + Clone>(
    engine: &mut Engine,
    name: &'static str,
    run: fn(&Session, &JailName, A, &Map) -> Result<T, Fault>,
) {
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, a: A| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, a, &Map::new()))
    });
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, a: A, options: Map| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, a, &options))
    });
}

type OfThree<A, B, C, T> = fn(&Session, &JailName, A, B, C, &Map) -> Result<T, Fault>;

/// A method of a jail with three arguments, and the same with options.
fn method_of_three<A: Variant + Clone, B: Variant + Clone, C: Variant + Clone, T: Variant + Clone>(
    engine: &mut Engine,
    name: &'static str,
    run: OfThree<A, B, C, T>,
) {
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, a: A, b: B, c: C| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, a, b, c, &Map::new()))
    });
    engine.register_fn(name, move |context: NativeCallContext, jail: Handle, a: A, b: B, c: C, options: Map| {
        jail.session.at(&context);
        thrown(&context, name, Some(&jail.name), run(&jail.session, &jail.name, a, b, c, &options))
    });
}

/// A verb without a jail.
fn global<T: Variant + Clone>(
    engine: &mut Engine,
    session: &Rc<Session>,
    name: &'static str,
    run: fn(&Session) -> Result<T, Fault>,
) {
    let all = session.clone();
    let run = move |context: NativeCallContext| {
        all.at(&context);
        thrown(&context, name, None, run(&all))
    };
    if session.interactive.is_awake() {
        engine.register_fn(format!("{}{name}", narrow::ALL), run.clone());
    }
    engine.register_fn(name, run);
}
