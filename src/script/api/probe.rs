//! probe: attacking a running jail from inside, harmlessly.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, Engine};
use serde::{Serialize, Serializer};

use super::verb;
use crate::jail::proof::{self, Report};
use crate::script::{Session, convert};
use crate::telemetry::{self, Format, Probed, Table};

/// What a probe found. Prints as `jailsh probe` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probing(Report);

impl Probing {
    pub(super) fn table(&self) -> Table {
        telemetry::attempts(&self.0)
    }

    /// What stands below it.
    pub(super) fn summary(&self) -> String {
        telemetry::probing(&self.0)
    }
}

impl fmt::Display for Probing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.table().render(Format::Text, false), self.summary().trim_end())
    }
}

impl Serialize for Probing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Probed(&self.0).serialize(serializer)
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Probing>(engine, "Probing");
    engine
        .register_get("jail", |probing: &mut Probing| probing.0.jail.to_string())
        .register_get("held", |probing: &mut Probing| probing.0.is_tight())
        .register_get("attempts", |probing: &mut Probing| -> Dynamic { convert::view(&probing.table()) });
    verb(engine, session, "probe", |session, name| Ok(Probing(proof::probe(session.act_now("probe", Some(name))?, name)?)));
}
