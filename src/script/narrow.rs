//! `:use NAME` of the REPL: `verb(...)` is `NAME.verb(...)` wherever a jail has such a method, and what it always was
//! elsewhere. Registered beside the verbs, in the REPL's engine alone.

use std::any::TypeId;
use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::api::Handle;
use super::session::Session;

/// Before the name of what a verb does for all jails, where it does also something for one. No script can spell it.
pub const ALL: &str = "all$";

type Thrown = Result<Dynamic, Box<EvalAltResult>>;

/// Teaches the engine the short forms of all methods of jails.
pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    let handle = TypeId::of::<Handle>();
    let all = engine.collect_fn_metadata(
        None,
        |found| {
            let is_verb = found.metadata.name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            is_verb.then(|| (found.metadata.name.to_string(), found.metadata.param_types.to_vec(), by_value(found.metadata)))
        },
        false,
    );
    for (name, types, _) in all.iter().filter(|(_, types, by_value)| types.first() == Some(&handle) && *by_value) {
        let types = &types[1..];
        let is_taken = all.iter().any(|(other, others, _)| other == name && others == types);
        let (session, name) = (session.clone(), name.clone());
        engine.register_raw_fn(
            name.clone(),
            types,
            move |context: NativeCallContext, arguments: &mut [&mut Dynamic]| -> Thrown {
                let jail = match session.interactive.used() {
                    Some(jail) => {
                        session.interactive.narrows(&context, &session.script_name(), &jail);
                        Handle { session: session.clone(), name: jail, spec: None }
                    }
                    None if !is_taken => return Err(not_found(&context, &name, arguments)),
                    None if arguments.is_empty() => return context.call_native_fn_raw(format!("{ALL}{name}"), false, &mut []),
                    // A first text names a jail.
                    None => {
                        let named = arguments[0].clone().into_immutable_string().unwrap_or_default();
                        let mut jail = context.call_native_fn_raw("jail", false, &mut [&mut named.into()])?;
                        return call(&context, &name, &mut jail, &mut arguments[1..]);
                    }
                };
                call(&context, &name, &mut Dynamic::from(jail), arguments)
            },
        );
    }
}

/// Properties and what all values have take a reference.
fn by_value(found: &rhai::FuncMetadata) -> bool {
    found.params_info.first().is_some_and(|first| !first.contains("&mut"))
}

fn call(context: &NativeCallContext, name: &str, jail: &mut Dynamic, arguments: &mut [&mut Dynamic]) -> Thrown {
    let mut all = vec![jail];
    all.extend(arguments.iter_mut().map(|argument| &mut **argument));
    context.call_native_fn_raw(name, false, &mut all)
}

/// What Rhai says of a function that there is not.
fn not_found(context: &NativeCallContext, name: &str, arguments: &[&mut Dynamic]) -> Box<EvalAltResult> {
    let kinds: Vec<&str> = arguments.iter().map(|argument| context.engine().map_type_name(argument.type_name())).collect();
    EvalAltResult::ErrorFunctionNotFound(format!("{name} ({})", kinds.join(", ")), context.call_position()).into()
}
