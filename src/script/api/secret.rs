//! `secret("name")`: a name that a script may hand on to what takes secrets, and that shows nothing else.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, Engine, ImmutableString, NativeCallContext};

use super::{Thrown, thrown};
use crate::plan::{Observe, Part};
use crate::script::{Fault, Kind, Session, secret};

/// A secret by its name; the content is read where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    pub name: String,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret({:?})", self.name)
    }
}

pub const SECRET_IS_NO_TEXT: &str = "a secret does not become text";
pub const GIVE_SECRET_TO: &str =
    "give it to env or input of exec, or to the content of a file, by itself or as one part of a list";

/// Why it cannot be written.
pub(super) fn no_text() -> Fault {
    Fault::new(Kind::Secret, format!("{SECRET_IS_NO_TEXT}; {GIVE_SECRET_TO}"))
}

fn refuse<T>() -> Thrown<T> {
    Err(no_text().into())
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    let (session, texts) = (session.clone(), session.clone());
    engine
        .register_type_with_name::<Secret>("Secret")
        .register_fn("secret", move |context: NativeCallContext, name: &str| {
            // It is read now, so that a plan fails as the run would, and known from now on in what is told.
            let read = match session.trial() {
                Some(trial) if trial.replay().is_some() => Ok(Vec::new()),
                Some(trial) => trial.world.fetch(&Part::Secret(name.to_owned())).map_err(Fault::from),
                None => secret::read(name),
            };
            if let (Ok(value), None) = (&read, session.trial()) {
                session.secrets.note(name, value);
            }
            let found = read.map(|_| Secret { name: name.to_owned() });
            if found.is_ok() {
                session.provenance.borrow_mut().secrets.insert(name.to_owned());
            }
            thrown(&context, "secret", None, found)
        })
        .register_get("name", |secret: &mut Secret| secret.name.clone())
        // What an interpolated text calls, which shows the value's type for an error and goes on; so the script is ended.
        .register_fn("to_string", move |_: &mut Secret| -> Thrown<String> {
            texts.expose();
            refuse()
        })
        .register_fn("print", |secret: &mut Secret| secret.to_string())
        .register_fn("to_debug", |secret: &mut Secret| secret.to_string())
        .register_fn("to_json", |_: &mut Secret| -> Thrown<String> { refuse() })
        .register_fn("to_map", |_: &mut Secret| -> Thrown<Dynamic> { refuse() })
        .register_fn("==", |one: &mut Secret, other: Secret| *one == other)
        .register_fn("!=", |one: &mut Secret, other: Secret| *one != other)
        .register_fn("+", |_: ImmutableString, _: Secret| -> Thrown<ImmutableString> { refuse() })
        .register_fn("+", |_: Secret, _: ImmutableString| -> Thrown<ImmutableString> { refuse() })
        .register_fn("+=", |_: &mut ImmutableString, _: Secret| -> Thrown<()> { refuse() });
}
