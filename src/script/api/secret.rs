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

/// Why it cannot be written.
pub(super) fn no_text() -> Fault {
    const WHY: &str = "a secret does not become text; give it to env or input of exec, or to the content of a file, \
                       by itself or as one part of a list";
    Fault::new(Kind::Secret, WHY)
}

fn refuse<T>() -> Thrown<T> {
    Err(no_text().into())
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    let session = session.clone();
    engine
        .register_type_with_name::<Secret>("Secret")
        .register_fn("secret", move |context: NativeCallContext, name: &str| {
            // It is read now, so that a plan fails as the run would, and forgotten again.
            let read = match session.trial() {
                Some(trial) if trial.replay().is_some() => Ok(Vec::new()),
                Some(trial) => trial.world.fetch(&Part::Secret(name.to_owned())).map_err(Fault::from),
                None => secret::read(name),
            };
            let found = read.map(|_| Secret { name: name.to_owned() });
            if found.is_ok() {
                session.provenance.borrow_mut().secrets.insert(name.to_owned());
            }
            thrown(&context, "secret", None, found)
        })
        .register_get("name", |secret: &mut Secret| secret.name.clone())
        .register_fn("to_string", |secret: &mut Secret| secret.to_string())
        .register_fn("to_debug", |secret: &mut Secret| secret.to_string())
        .register_fn("to_json", |_: &mut Secret| -> Thrown<String> { refuse() })
        .register_fn("to_map", |_: &mut Secret| -> Thrown<Dynamic> { refuse() })
        .register_fn("==", |one: &mut Secret, other: Secret| *one == other)
        .register_fn("!=", |one: &mut Secret, other: Secret| *one != other)
        // Also what an interpolated text does.
        .register_fn("+", |_: ImmutableString, _: Secret| -> Thrown<ImmutableString> { refuse() })
        .register_fn("+", |_: Secret, _: ImmutableString| -> Thrown<ImmutableString> { refuse() })
        .register_fn("+=", |_: &mut ImmutableString, _: Secret| -> Thrown<()> { refuse() });
}
