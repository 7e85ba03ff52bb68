//! What a value is, for who shows it to people: a verb's result taken apart, its type in the words of the reference, its
//! JSON.

use std::collections::BTreeSet;

use rhai::Dynamic;
use serde_json::Value;

pub use super::change::Change;
pub use super::copies::Copied;
use super::handle::Handle;
use super::host::Facts;
use super::observe::{Body, Listing, Record};
use super::output::Output;
use super::probe::Probing;
use super::profile::{Difference, Profile, Proof};
use super::secret::Secret;
use super::waiting::Log;
use crate::jail::{Spec, spec};
use crate::kernel::{Description, JailName};
use crate::script::http::Response;
use crate::script::reference::{Type, View, properties, type_named};
use crate::script::{Fault, Kind, convert};
use crate::supervise;
use crate::telemetry::processes::Tree;
use crate::telemetry::{Observation, Table};

/// A value that a verb gave.
pub enum Seen {
    Jail(SeenJail),
    Change(Change),
    Output(Result<Ran, String>),
    Listing(Table),
    Record(Table),
    Processes(Tree),
    Kernel(Description),
    Log(Vec<supervise::Record>),
    Profile(spec::Profile),
    /// A line each.
    Difference(Vec<String>),
    Proof(Table),
    /// And what stands below it.
    Probing(Table, String),
    Error(Fault),
    Copied(Copied),
    Response(Response),
    /// By name.
    Facts(Result<Value, Fault>),
    /// Its name.
    Secret(String),
}

/// How a command in a jail ended.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    /// Its guard said that it need not run.
    pub skipped: bool,
}

/// A jail as a script holds it.
pub struct SeenJail(Handle);

impl SeenJail {
    pub fn name(&self) -> &JailName {
        &self.0.name
    }

    /// What the script says that it is to be.
    pub fn spec(&self) -> Option<&Spec> {
        self.0.spec.as_deref()
    }

    /// How it is on the host, which is asked now; and the time there, in seconds since the epoch.
    ///
    /// # Errors
    /// [`Kind::NoSuchJail`], and whatever keeps the host from being asked.
    pub fn look(&self) -> Result<(Observation, u64), Fault> {
        Ok((self.0.session.observation(&self.0.name)?, self.0.session.now()))
    }
}

/// `None` for what Rhai itself brings.
pub fn seen(value: &Dynamic) -> Option<Seen> {
    /// The value as one of its type.
    macro_rules! of {
        ($kind:ty, $value:ident => $seen:expr) => {
            if let Some($value) = value.read_lock::<$kind>() {
                return Some($seen);
            }
        };
    }
    of!(Handle, jail => Seen::Jail(SeenJail(jail.clone())));
    of!(Change, change => Seen::Change(change.clone()));
    of!(Output, output => Seen::Output(output.seen()));
    of!(Listing, listing => Seen::Listing(listing.0.clone()));
    of!(Record, record => Seen::Record(record.0.clone()));
    of!(Tree, tree => Seen::Processes(tree.clone()));
    of!(Body, body => Seen::Kernel(body.0.clone()));
    of!(Log, log => Seen::Log(log.0.clone()));
    of!(Profile, profile => Seen::Profile(profile.0.clone()));
    of!(Difference, difference => Seen::Difference(difference.0.lines()));
    of!(Proof, proof => Seen::Proof(proof.table()));
    of!(Probing, probing => Seen::Probing(probing.table(), probing.summary()));
    of!(Fault, fault => Seen::Error(fault.clone()));
    of!(Copied, copied => Seen::Copied(copied.clone()));
    of!(Response, response => Seen::Response(response.clone()));
    of!(Facts, facts => Seen::Facts(facts.all()));
    of!(Secret, secret => Seen::Secret(secret.name.clone()));
    None
}

/// A value that JSON holds.
pub fn of_json(tree: &Value) -> Dynamic {
    convert::dynamic(tree)
}

/// Nesting beyond this is a mistake (or a value that holds itself).
const MAX_DEPTH: usize = 32;

/// The JSON that its `to_json()` gives; of lists and maps, with that of the values in them.
///
/// # Errors
/// [`Kind::Secret`] and [`Kind::Unknown`], which never become text; [`Kind::Spec`] for what is no data, such as a function.
pub fn json(value: &Dynamic) -> Result<Value, Fault> {
    json_within(value, MAX_DEPTH)
}

fn json_within(value: &Dynamic, depth: usize) -> Result<Value, Fault> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::new(Kind::Spec, format!("the value is nested more than {MAX_DEPTH} deep")));
    };
    /// As its type serializes.
    macro_rules! plain {
        ($($kind:ty),*) => {
            $(if let Some(known) = value.read_lock::<$kind>() {
                return Ok(serde_json::to_value(&*known).unwrap_or_default());
            })*
        };
    }
    plain!(Change, Listing, Record, Tree, Body, Log, Profile, Difference, Proof, Probing, Fault, Copied, Response);
    if let Some(jail) = value.read_lock::<Handle>() {
        let spec = jail.spec.as_ref().map_or(Value::Null, |spec| spec.to_tree());
        return Ok(serde_json::json!({ "name": jail.name.to_string(), "spec": spec }));
    }
    if let Some(output) = value.read_lock::<Output>() {
        return output.tree();
    }
    if let Some(facts) = value.read_lock::<Facts>() {
        return facts.all();
    }
    if value.is::<Secret>() {
        return Err(super::secret::no_text());
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(|item| json_within(item, depth)).collect::<Result<_, _>>().map(Value::Array);
    }
    if let Ok(map) = value.as_map_ref() {
        let pairs = map.iter().map(|(key, value)| Ok((key.to_string(), json_within(value, depth)?)));
        return Ok(Value::Object(pairs.collect::<Result<_, Fault>>()?));
    }
    convert::tree(value)
}

/// The name of the jail that it is.
pub fn jail_name(value: &Dynamic) -> Option<String> {
    value.read_lock::<Handle>().map(|jail| jail.name.to_string())
}

/// Which listing it is.
pub fn view(table: &Table) -> Option<View> {
    let keys: BTreeSet<String> = table.keys().collect();
    let of = |view: View| properties(Type::Record(view)).map(|property| property.name.to_owned()).collect::<BTreeSet<_>>();
    View::ALL.into_iter().find(|view| of(*view) == keys)
}

/// Its type in the words of the reference, as far as it has one there.
pub fn kind(value: &Dynamic) -> Type {
    if let Some(listing) = value.read_lock::<Listing>() {
        return view(&listing.0).map_or(Type::Value("Listing"), Type::Listing);
    }
    if let Some(record) = value.read_lock::<Record>() {
        return view(&record.0).map_or(Type::Value("Record"), Type::Record);
    }
    match convert::type_name(value.type_name()) {
        "nothing" => Type::Nothing,
        "bool" => Type::Bool,
        "integer" => Type::Integer,
        "float" => Type::Float,
        "text" => Type::Text,
        "list" => Type::List,
        "map" => Type::Map,
        "function" => Type::Function,
        // Where the type is called otherwise here than there.
        "Handle" => Type::Value("Jail"),
        "Tree" => Type::Value("Processes"),
        "Body" => Type::Value("Kernel"),
        "Fault" => Type::Value("Error"),
        other => type_named(other).map_or(Type::Any, |known| Type::Value(known.name)),
    }
}
