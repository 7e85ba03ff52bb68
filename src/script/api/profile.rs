//! `profile(...)`: a profile as a value. Its methods give new ones; nothing is touched.

use std::fmt;
use std::rc::Rc;

use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::observe::Listing;
use super::thrown;
use crate::jail::proof::{self, Finding};
use crate::jail::spec;
use crate::jail::spec::exposure::Exposure;
use crate::jail::spec::profile::{Extension, ProfileDiff, auditable_right, grantable_right, reason, right, whole_right};
use crate::jail::why;
use crate::script::convert::{self, Options};
use crate::script::{Fault, Kind, Session};
use crate::telemetry::{self, Format, Table};

/// A profile as a script holds it. Its properties are the keys of a profile's map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile(pub spec::Profile);

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_tree().serialize(serializer)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What changes from one profile to another. Prints a line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Difference(pub(super) ProfileDiff);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("no difference") } else { self.0.fmt(f) }
    }
}

/// What became of a profile's examples. Prints as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof(Vec<(String, Finding)>);

impl Proof {
    pub(super) fn table(&self) -> Table {
        telemetry::proof(&self.0)
    }

    fn rows(&self, wanted: impl Fn(&Finding) -> bool) -> Dynamic {
        let found: Vec<_> = self.0.iter().filter(|(_, finding)| wanted(finding)).cloned().collect();
        convert::view(&telemetry::proof(&found))
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table().render(Format::Text, false).trim_end())
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("ok", &self.0.iter().all(|(_, finding)| finding.is_met()))?;
        map.serialize_entry("findings", &self.table())?;
        map.end()
    }
}

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Proof>(engine, "Proof");
    engine
        .register_get("ok", |proof: &mut Proof| proof.0.iter().all(|(_, finding)| finding.is_met()))
        .register_get("findings", |proof: &mut Proof| proof.rows(|_| true))
        .register_fn("failed", |proof: &mut Proof| proof.rows(|finding| !finding.is_met()))
        .register_fn("check", |context: NativeCallContext, profile: Profile| {
            thrown(&context, "check", None, check(None, &profile.0, &Map::new()))
        });
    let session = session.clone();
    engine.register_fn("check", move |context: NativeCallContext, profile: Profile, options: Map| {
        thrown(&context, "check", None, check(Some(&session), &profile.0, &options))
    });
    convert::register::<Profile>(engine, "Profile");
    convert::register::<Difference>(engine, "Difference");
    engine
        .register_fn("len", |difference: &mut Difference| difference.0.lines().len() as i64)
        .register_fn("is_empty", |difference: &mut Difference| difference.0.is_empty())
        .register_get("is_empty", |difference: &mut Difference| difference.0.is_empty())
        .register_fn("lines", |difference: &mut Difference| list(difference.0.lines()))
        .register_fn("profile", |context: NativeCallContext, given: Dynamic| {
            thrown(&context, "profile", None, any("profile", &given))
        });
    algebra(engine);
    looking(engine);
}

/// Methods that give another profile.
fn algebra(engine: &mut Engine) {
    engine
        .register_fn("extend", |context: NativeCallContext, profile: Profile, by: Dynamic| {
            thrown(&context, "extend", None, extend(&profile.0, &by))
        })
        .register_fn("restrict", |context: NativeCallContext, profile: Profile, to: Dynamic| {
            let restricted = any("restrict", &to).map(|to| Profile(profile.0.restricted(&to.0)));
            thrown(&context, "restrict", None, restricted)
        });
    for (verb, change) in [("grant", Change::Grant), ("deny", Change::Deny), ("audit", Change::Audit)] {
        engine
            .register_fn(verb, move |context: NativeCallContext, profile: Profile, rights: Dynamic| {
                thrown(&context, verb, None, change.made(&profile, verb, &rights, ""))
            })
            .register_fn(verb, move |context: NativeCallContext, profile: Profile, rights: Dynamic, reason: &str| {
                thrown(&context, verb, None, change.made(&profile, verb, &rights, reason))
            });
    }
}

/// Methods that tell something.
fn looking(engine: &mut Engine) {
    engine
        .register_fn("diff", |context: NativeCallContext, profile: Profile, other: Dynamic| {
            thrown(&context, "diff", None, any("diff", &other).map(|other| Difference(profile.0.diff(&other.0))))
        })
        .register_fn("why", |context: NativeCallContext, profile: Profile, action: &str| {
            thrown(&context, "why", None, why_of(&profile.0, action))
        })
        .register_fn("explain", |profile: &mut Profile| Listing(telemetry::explanation(&profile.0)))
        .register_fn("score", |profile: &mut Profile| Exposure::of_profile(&profile.0).score.value())
        .register_fn("to_toml", |profile: &mut Profile| profile.0.to_toml())
        .register_fn("rights", |profile: &mut Profile| {
            profile.0.rights().iter().map(|right| Dynamic::from(right.name())).collect::<Array>()
        })
        .register_fn("holds", |context: NativeCallContext, profile: Profile, name: &str| {
            thrown(
                &context,
                "holds",
                None,
                right("right", name).map(|right| profile.0.rights().holds(right)).map_err(Fault::from),
            )
        })
        .register_get("label", |profile: &mut Profile| profile.0.label())
        .register_get("name", |profile: &mut Profile| profile.0.name.clone().map_or(Dynamic::UNIT, Dynamic::from))
        .register_get("must_allow", |profile: &mut Profile| list(profile.0.must_allow.iter().map(ToString::to_string)))
        .register_get("must_deny", |profile: &mut Profile| list(profile.0.must_deny.iter().map(ToString::to_string)))
        .register_fn("!=", |profile: &mut Profile, level: &str| !is(&profile.0, level))
        .register_fn("==", |profile: &mut Profile, level: &str| is(&profile.0, level));
}

/// For a jail with this profile that owns no port.
fn why_of(profile: &spec::Profile, action: &str) -> Result<Dynamic, Fault> {
    let action: why::Action = action.parse().map_err(|error| Fault::new(Kind::Spec, format!("why: {error}")))?;
    let policy = profile.policy(Vec::new());
    let (owner, place) = (&|_, _| None, &|_, _| None);
    let subject = why::Subject { profile: Some(profile), policy: &policy, owner, place, kernel: None };
    Ok(convert::view(&why::why(&subject, &action)))
}

fn is(profile: &spec::Profile, level: &str) -> bool {
    profile.is_built_in() && profile.level.name() == level
}

fn list<T: Into<ImmutableString>>(texts: impl IntoIterator<Item = T>) -> Array {
    texts.into_iter().map(|text| Dynamic::from(text.into())).collect()
}

/// A profile, a level's name or a profile's map.
pub(super) fn any(verb: &str, given: &Dynamic) -> Result<Profile, Fault> {
    let tree = convert::tree(given)?;
    match tree {
        Value::String(_) | Value::Object(_) => Ok(Profile(spec::Profile::parse(verb, &tree)?)),
        _ => {
            let kind = convert::type_name(given.type_name());
            Err(Fault::new(
                Kind::Spec,
                format!("{verb}: a value of type {kind} is no profile; use \"low\", \"medium\", \"high\" or a map"),
            ))
        }
    }
}

/// By the policy, or for real in a jail that is thrown away.
fn check(session: Option<&Session>, profile: &spec::Profile, options: &Map) -> Result<Proof, Fault> {
    let real = Options::new("check", options, &["real"])?.flag("real", false)?;
    let findings = match session.filter(|_| real) {
        Some(session) => proof::attempt_all(session.act_now("check with real", None)?, profile)?,
        None => proof::judge(profile),
    };
    let label = profile.label();
    Ok(Proof(findings.into_iter().map(|finding| (label.clone(), finding)).collect()))
}

/// By a map, which adds and takes away, or by all that another profile holds.
fn extend(profile: &spec::Profile, by: &Dynamic) -> Result<Profile, Fault> {
    if by.is_map() {
        return Ok(Profile(profile.extended(&Extension::parse("extend", &convert::tree(by)?)?)));
    }
    Ok(Profile(profile.joined(&any("extend", by)?.0)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Grant,
    Deny,
    Audit,
}

impl Change {
    /// For one right or a list of them.
    fn made(self, profile: &Profile, verb: &str, rights: &Dynamic, why: &str) -> Result<Profile, Fault> {
        let why = reason(verb, &Value::String(why.to_owned()))?;
        let names = match rights.as_array_ref() {
            Ok(names) => convert::texts(verb, &names)?,
            Err(_) => vec![text(verb, rights)?],
        };
        let mut changed = profile.0.clone();
        for name in names {
            changed = match self {
                Change::Grant => changed.with(grantable_right(verb, &name)?, why.clone()),
                Change::Deny => changed.without(whole_right(verb, &name)?, why.clone()),
                Change::Audit => changed.auditing(auditable_right(verb, &name)?, why.clone()),
            };
        }
        Ok(Profile(changed))
    }
}

fn text(verb: &str, value: &Dynamic) -> Result<String, Fault> {
    let kind = convert::type_name(value.type_name());
    let wrong = || Fault::new(Kind::Spec, format!("{verb}: a value of type {kind} is no right; use its name or a list of names"));
    value.as_immutable_string_ref().map(|text| text.to_string()).map_err(|_| wrong())
}
