//! `jail(name, #{...})`: a jail as a script holds it. Making one checks everything and touches nothing.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::{Thrown, thrown};
use crate::jail::Spec;
use crate::kernel::JailName;
use crate::script::{Fault, Kind, Session, convert};

/// A jail's name, and its spec if the script gave one.
#[derive(Clone)]
pub struct Handle {
    pub session: Rc<Session>,
    pub name: JailName,
    pub spec: Option<Rc<Spec>>,
}

impl Handle {
    pub fn new(session: &Rc<Session>, name: &str, spec: Option<&Map>) -> Result<Handle, Fault> {
        let name: JailName = name.parse()?;
        let spec = match spec {
            Some(map) => {
                let tree = convert::tree_of_map(map)?;
                Some(Rc::new(Spec::parse(&name, &tree)?))
            }
            None => None,
        };
        Ok(Handle { session: session.clone(), name, spec })
    }

    fn tree(&self) -> Dynamic {
        self.spec.as_ref().map_or(Dynamic::UNIT, |spec| convert::dynamic(&spec.to_tree()))
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jail {}", self.name)
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    let with_spec = session.clone();
    let by_name = session.clone();
    engine
        .register_type_with_name::<Handle>("Jail")
        .register_fn("jail", move |context: NativeCallContext, name: &str, spec: Map| {
            thrown(&context, "jail", name.parse().ok().as_ref(), Handle::new(&with_spec, name, Some(&spec)))
        })
        .register_fn("jail", move |context: NativeCallContext, name: &str| {
            thrown(&context, "jail", None, Handle::new(&by_name, name, None))
        })
        .register_fn("to_string", |jail: &mut Handle| jail.to_string())
        .register_fn("to_debug", |jail: &mut Handle| format!("jail({:?})", jail.name.as_str()))
        .register_fn("to_map", |jail: &mut Handle| -> Thrown<Dynamic> { Ok(map(jail)) })
        .register_fn("to_json", |jail: &mut Handle| -> Thrown<String> {
            Ok(serde_json::to_string(&convert::tree(&map(jail))?).unwrap_or_default())
        })
        .register_fn("==", |a: &mut Handle, b: Handle| a.name == b.name && a.spec == b.spec)
        .register_fn("!=", |a: &mut Handle, b: Handle| a.name != b.name || a.spec != b.spec)
        .register_get("name", |jail: &mut Handle| jail.name.to_string())
        .register_get("spec", |jail: &mut Handle| jail.tree())
        .register_get("jid", |jail: &mut Handle| -> Thrown<Dynamic> {
            let found = jail.session.look(Some(&jail.name))?.kernel.find(&jail.name).map_err(Fault::from)?;
            Ok(found.map_or(Dynamic::UNIT, |found| i64::from(found.jid.get()).into()))
        })
        .register_indexer_get(|_: &mut Handle, key: &str| -> Thrown<Dynamic> {
            let known = ["name", "jid", "spec"];
            let near = crate::jail::spec::nearest(key, known)
                .map_or("it has name, jid and spec".into(), |near| format!("did you mean {near}?"));
            Err(Fault::new(Kind::Value, format!("a jail has no property {key:?}; {near}")).into())
        });
}

fn map(jail: &Handle) -> Dynamic {
    let mut map = Map::new();
    map.insert("name".into(), jail.name.to_string().into());
    map.insert("spec".into(), jail.tree());
    Dynamic::from_map(map)
}
