//! The strict parser: from a neutral tree (TOML or a script's map) to a [`Spec`]. Unknown keys fail with a suggestion,
//! and every error names the key.

use std::collections::BTreeMap;
use std::str::FromStr;

use nix::sys::signal::Signal;
use serde_json::{Map, Value};

use super::limits;
use super::{
    Facility, Log, LogLevel, Profile, Restart, Spec, StopSignal, connect_anywhere, parse_network, parse_service, profile,
    way_past, way_past_disk,
};
use crate::jail::base::Base;
use crate::kernel::{ConnectRule, JailName, Level, NameError};

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("unknown key {key:?}{}", suggestion(.hint))]
    UnknownKey { key: String, hint: Option<String> },
    #[error("{key}: {value} is not known{}; use {}", suggestion(.hint), .known.join(", "))]
    UnknownWord { key: String, value: String, hint: Option<String>, known: Vec<String> },
    #[error("{key}: expected {expected}, found {found}")]
    Type { key: String, expected: &'static str, found: String },
    #[error("{key}: {why}")]
    Value { key: String, why: String },
    /// The text is no TOML at all; the message names line and column.
    #[error("{0}")]
    Syntax(String),
}

fn suggestion(hint: &Option<String>) -> String {
    hint.as_ref().map(|hint| format!("; did you mean {hint:?}?")).unwrap_or_default()
}

/// The known word nearest to `word`, if near enough to be a slip.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

pub(super) const KEYS: [&str; 19] = [
    "command",
    "profile",
    "base",
    "ports",
    "connect",
    "limits",
    "log",
    "autostart",
    "depends_on",
    "restart",
    "max_restarts",
    "restart_window",
    "user",
    "env",
    "stop_signal",
    "stop_grace",
    "ready",
    "health",
    "services",
];
pub(super) const LOG_KEYS: [&str; 4] = ["facility", "stdout", "stderr", "tag"];
pub const STOP_SIGNALS: [Signal; 7] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGKILL];
const MAX_ARGUMENTS: usize = 1024;
const MAX_TEXT: usize = 64 * 1024;
pub(super) const MAX_TAG: usize = 63;

impl Spec {
    /// Parses a spec. `name` gives the default log tag, `jail-NAME`.
    ///
    /// # Errors
    /// The first thing wrong, with its key.
    pub fn parse(name: &JailName, tree: &Value) -> Result<Spec, SpecError> {
        let map = table("", tree, &KEYS)?;
        let log = match map.get("log") {
            Some(tree) => parse_log(name, tree)?,
            None => parse_log(name, &Value::Object(Map::new()))?,
        };
        let command = optional(map, "command", argv)?.unwrap_or_default();
        let services = optional(map, "services", |_, tree| parse_service::services(name, tree))?.unwrap_or_default();
        if !services.is_empty() {
            let single = ["ready", "health"].into_iter().find(|key| map.get(*key).is_some_and(|tree| !tree.is_null()));
            if let Some(key) = single.or((!command.is_empty()).then_some("command")) {
                return Err(value(key, "it is for a jail with one service; move it into an entry of `services`"));
            }
        }
        let profile = optional(map, "profile", profile::profile)?.unwrap_or_else(|| Profile::built_in(Level::High));
        let connect = optional(map, "connect", parse_network::connect)?;
        refuse_ways_past(&profile, connect.as_deref())?;
        let limits = optional(map, "limits", limits::limits)?.unwrap_or_default();
        if let (Some(_), Some(right)) = (limits.disk, way_past_disk(profile.policy(Vec::new()).open())) {
            return Err(value(
                "limits.disk",
                format!("the profile holds {right}, with which a jail takes more all the same; let the profile deny {right}"),
            ));
        }
        Ok(Spec {
            command,
            profile,
            base: optional(map, "base", base)?.unwrap_or_default(),
            ports: optional(map, "ports", parse_network::ports)?.unwrap_or_default(),
            connect,
            limits,
            log,
            autostart: optional(map, "autostart", boolean)?.unwrap_or(false),
            depends_on: optional(map, "depends_on", |key, tree| others(name, key, tree))?.unwrap_or_default(),
            restart: optional(map, "restart", restart)?.unwrap_or(Restart::Always),
            max_restarts: optional(map, "max_restarts", parse_service::count)?,
            restart_window: optional(map, "restart_window", parse_service::span)?.unwrap_or(Spec::RESTART_WINDOW),
            user: optional(map, "user", user)?,
            env: optional(map, "env", environment)?.unwrap_or_default(),
            stop_signal: optional(map, "stop_signal", stop_signal)?.unwrap_or(StopSignal(Signal::SIGTERM)),
            stop_grace: optional(map, "stop_grace", grace)?.unwrap_or(5),
            ready: optional(map, "ready", parse_service::ready)?,
            health: optional(map, "health", parse_service::health)?,
            services,
        })
    }

    /// As much of a tag as syslog shows.
    pub(super) fn short_tag(tag: &str) -> String {
        tag.chars().take(MAX_TAG).collect()
    }

    /// Parses the text of a `jail.toml`.
    pub fn from_toml(name: &JailName, text: &str) -> Result<Spec, SpecError> {
        let tree: toml::Value =
            toml::from_str(text).map_err(|error| SpecError::Syntax(error.to_string().trim_end().to_owned()))?;
        let tree = serde_json::to_value(tree).map_err(|error| SpecError::Syntax(error.to_string()))?;
        Spec::parse(name, &tree)
    }
}

pub(super) fn value(key: &str, why: impl Into<String>) -> SpecError {
    SpecError::Value { key: key.to_owned(), why: why.into() }
}

pub(super) fn wrong(key: &str, expected: &'static str, found: &Value) -> SpecError {
    let found = match found {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    };
    SpecError::Type { key: key.to_owned(), expected, found }
}

pub(super) fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

pub(super) fn table<'a>(prefix: &str, tree: &'a Value, keys: &[&str]) -> Result<&'a Map<String, Value>, SpecError> {
    let map = tree.as_object().ok_or_else(|| wrong(if prefix.is_empty() { "the spec" } else { prefix }, "a map", tree))?;
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(map),
        Some(key) => {
            let hint = nearest(key, keys.iter().copied()).map(|near| join(prefix, &near));
            Err(SpecError::UnknownKey { key: join(prefix, key), hint })
        }
    }
}

pub(super) fn optional<T>(
    map: &Map<String, Value>,
    key: &str,
    parse: impl FnOnce(&str, &Value) -> Result<T, SpecError>,
) -> Result<Option<T>, SpecError> {
    map.get(key).filter(|tree| !tree.is_null()).map(|tree| parse(key, tree)).transpose()
}

pub(super) fn text(key: &str, tree: &Value) -> Result<String, SpecError> {
    let text = tree.as_str().ok_or_else(|| wrong(key, "a text", tree))?;
    if text.contains('\0') {
        return Err(value(key, "a NUL byte cannot be passed to a program"));
    }
    if text.len() > MAX_TEXT {
        return Err(value(key, format!("longer than {MAX_TEXT} bytes")));
    }
    Ok(text.to_owned())
}

pub(super) fn boolean(key: &str, tree: &Value) -> Result<bool, SpecError> {
    tree.as_bool().ok_or_else(|| wrong(key, "true or false", tree))
}

pub(super) fn list<'a>(key: &str, expected: &'static str, tree: &'a Value) -> Result<&'a Vec<Value>, SpecError> {
    tree.as_array().ok_or_else(|| wrong(key, expected, tree))
}

/// A word of a closed set, with the nearest one suggested.
pub(super) fn word<T: FromStr>(key: &str, tree: &Value, known: Vec<&str>) -> Result<T, SpecError> {
    let name = text(key, tree)?;
    name.parse().map_err(|_| SpecError::UnknownWord {
        key: key.to_owned(),
        value: format!("{name:?}"),
        hint: nearest(&name, known.iter().copied()),
        known: known.iter().map(|word| (*word).to_owned()).collect(),
    })
}

pub(super) fn argv(key: &str, tree: &Value) -> Result<Vec<String>, SpecError> {
    let items = list(key, "a list of texts, the program first", tree)?;
    if items.len() > MAX_ARGUMENTS {
        return Err(value(key, format!("more than {MAX_ARGUMENTS} arguments")));
    }
    let argv = items.iter().enumerate().map(|(i, item)| text(&format!("{key}[{i}]"), item)).collect::<Result<Vec<_>, _>>()?;
    match argv.first() {
        Some(program) if program.is_empty() => Err(value(key, "the program's name is empty")),
        _ => Ok(argv),
    }
}

fn base(key: &str, tree: &Value) -> Result<Base, SpecError> {
    text(key, tree)?.parse().map_err(|why| value(key, why))
}

/// A list of destinations takes the place of the right `connect`, so a profile cannot grant that on purpose as well; and it
/// means nothing to who makes packets by hand or sets the routes.
fn refuse_ways_past(profile: &Profile, connect: Option<&[ConnectRule]>) -> Result<(), SpecError> {
    let anywhere = connect_anywhere();
    let limited = if connect.is_some() { profile.rights().without(anywhere) } else { profile.rights() };
    if connect.is_some() && profile.grant.contains(anywhere) {
        return Err(value(
            "connect",
            "the profile grants the right connect, which is to connect anywhere; remove one of the two",
        ));
    }
    match way_past(limited) {
        Some(right) => Err(value(
            if connect.is_some() { "connect" } else { "profile" },
            format!("the profile holds {right}, which sends anywhere all the same; let the profile deny {right}"),
        )),
        None => Ok(()),
    }
}

fn parse_log(name: &JailName, tree: &Value) -> Result<Log, SpecError> {
    let map = table("log", tree, &LOG_KEYS)?;
    let level = |key: &str, default: &str| match map.get(key) {
        Some(tree) => word(&join("log", key), tree, LogLevel::names().chain(["or 0 to 7"]).collect()),
        None => Ok(default.parse().expect("a level's name")),
    };
    let facility = match map.get("facility") {
        Some(tree) => word("log.facility", tree, Facility::names().collect())?,
        None => "daemon".parse().expect("a facility's name"),
    };
    let tag = match map.get("tag") {
        Some(tree) => tag("log.tag", tree)?,
        None => Spec::default_tag(name),
    };
    Ok(Log { facility, stdout: level("stdout", "notice")?, stderr: level("stderr", "err")?, tag })
}

pub(super) fn tag(key: &str, tree: &Value) -> Result<String, SpecError> {
    let tag = text(key, tree)?;
    if tag.is_empty() || tag.len() > MAX_TAG || !tag.bytes().all(|b| b.is_ascii_graphic() && b != b'%') {
        return Err(value(key, format!("{tag:?} is no tag; use 1 to {MAX_TAG} printable characters without spaces or %")));
    }
    Ok(tag)
}

fn others(name: &JailName, key: &str, tree: &Value) -> Result<Vec<JailName>, SpecError> {
    let items = list(key, "a list of jails", tree)?;
    let mut found = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = format!("{key}[{i}]");
        let other: JailName = text(&at, item)?.parse().map_err(|error: NameError| value(&at, error.to_string()))?;
        if other == *name {
            return Err(value(&at, "a jail cannot depend on itself"));
        }
        if found.contains(&other) {
            return Err(value(&at, format!("jail {other} is named twice")));
        }
        found.push(other);
    }
    Ok(found)
}

pub(super) fn restart(key: &str, tree: &Value) -> Result<Restart, SpecError> {
    word(key, tree, Restart::ALL.iter().map(|(name, _)| *name).collect())
}

/// A user's name or number, as useradd(8) would take it: never an option, a path or a field separator.
pub(super) fn user(key: &str, tree: &Value) -> Result<String, SpecError> {
    let user = text(key, tree)?;
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if user.len() > 32 || !user.starts_with(first) || !user.chars().all(rest) {
        return Err(value(key, format!("{user:?} is no user; use a name of the jail's /etc/passwd or a number")));
    }
    Ok(user)
}

pub(super) fn environment(key: &str, tree: &Value) -> Result<BTreeMap<String, String>, SpecError> {
    let map = tree.as_object().ok_or_else(|| wrong(key, "a map of texts", tree))?;
    let mut found = BTreeMap::new();
    for (name, item) in map {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() || !name.bytes().all(fits) {
            return Err(value(key, format!("{name:?} is no name of a variable; use letters, digits and \"_\"")));
        }
        found.insert(name.clone(), text(&join(key, name), item)?);
    }
    Ok(found)
}

pub(super) fn stop_signal(key: &str, tree: &Value) -> Result<StopSignal, SpecError> {
    let name = text(key, tree)?;
    let short = |signal: &Signal| signal.as_str().trim_start_matches("SIG").to_owned();
    let wanted = name.strip_prefix("SIG").unwrap_or(&name);
    STOP_SIGNALS.into_iter().find(|signal| short(signal) == wanted).map(StopSignal).ok_or_else(|| SpecError::UnknownWord {
        key: key.to_owned(),
        value: format!("{name:?}"),
        hint: None,
        known: STOP_SIGNALS.iter().map(short).collect(),
    })
}

pub(super) fn grace(key: &str, tree: &Value) -> Result<u64, SpecError> {
    let seconds = tree.as_u64().ok_or_else(|| wrong(key, "a number of seconds", tree))?;
    if seconds > Spec::MAX_GRACE {
        return Err(value(key, format!("{seconds} is more than {} seconds", Spec::MAX_GRACE)));
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(tree: Value) -> Result<Spec, String> {
        Spec::parse(&"web".parse().unwrap(), &tree).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_spec_is_a_jail_of_the_strictest_profile_without_service() {
        let spec = parse(json!({})).unwrap();
        assert_eq!(spec.profile, Profile::built_in(Level::High));
        assert!(spec.command.is_empty() && spec.ports.is_empty() && !spec.autostart);
        assert_eq!(spec.log.tag, "jail-web");
    }

    #[test]
    fn every_mistake_names_its_key_and_the_remedy() {
        let wrong = [
            json!({"comand": ["a"]}),
            json!({"command": "httpd -f"}),
            json!({"command": ["a", 1]}),
            json!({"profile": "hgih"}),
            json!({"profile": {"base": "medium", "grant": ["rawsocket"]}}),
            json!({"profile": {"grant": ["process_signal"]}}),
            json!({"profile": {"grant": ["mount"], "deny": ["mount"]}}),
            json!({"ports": 8080}),
            json!({"ports": [0]}),
            json!({"ports": [80, 80]}),
            json!({"ports": ["80/sctp"]}),
            json!({"ports": [true]}),
            json!({"ports": [80.5]}),
            json!({"ports": ["[::1]:80", "80/tcp"]}),
            json!({"ports": ["5000-6024"]}),
            json!({"connect": "any"}),
            json!({"connect": ["localhost:80"]}),
            json!({"connect": ["any", "any"]}),
            json!({"connect": [], "profile": "low"}),
            json!({"connect": ["any:53/udp"], "profile": {"base": "medium", "grant": ["connect"]}}),
            json!({"profile": {"base": "low", "deny": ["connect"]}}),
            json!({"log": {"facility": "local9"}}),
            json!({"log": {"tags": "x"}}),
            json!({"log": {"tag": "a b"}}),
            json!({"autostart": "yes"}),
            json!({"depends_on": "db"}),
            json!({"depends_on": ["../db"]}),
            json!({"depends_on": ["db", "db"]}),
            json!({"depends_on": ["web"]}),
            json!({"restart": "allways"}),
            json!({"user": "-x"}),
            json!({"env": {"A=B": "c"}}),
            json!({"stop_signal": "STOP"}),
            json!({"stop_grace": 99999}),
            json!({"base": "/srv/root"}),
            json!({"base": "dir:root"}),
            json!({"limits": {"memory": "1 GB"}}),
            json!({"limits": {"memory": true}}),
            json!({"limits": {"memory": "64K"}}),
            json!({"limits": {"memory": "1G", "memory_soft": "2G"}}),
            json!({"limits": {"memoy": "1G"}}),
            json!({"limits": {"cpu": 50}}),
            json!({"limits": {"cpu": "50"}}),
            json!({"limits": {"cpu_weight": 0}}),
            json!({"limits": {"processes": 0}}),
            json!({"limits": "1G"}),
            json!({"ready": {"fd": true, "port": 80}}),
            json!({"ready": {"ports": 80}}),
            json!({"ready": {"port": 80, "timeout": "soon"}}),
            json!({"health": {"interval": 5}}),
            json!({"health": {"port": 80, "inside": true}}),
            json!({"health": {"command": []}}),
            json!({"health": {"port": 80, "failures": 0}}),
            json!({"max_restarts": -1}),
            json!({"restart_window": 0}),
            json!({"command": ["a"], "services": [{"name": "b", "command": ["b"]}]}),
            json!({"ready": {"fd": true}, "services": [{"name": "b", "command": ["b"]}]}),
            json!({"services": [{"name": "b"}]}),
            json!({"services": [{"name": "../b", "command": ["b"]}]}),
            json!({"services": [{"name": "b", "command": ["b"]}, {"name": "b", "command": ["b"]}]}),
            json!({"services": [{"name": "b", "command": ["b"], "depends_on": ["dbb"]}, {"name": "db", "command": ["b"]}]}),
            json!({"services": [{"name": "b", "command": ["b"], "depend_on": ["db"]}]}),
            json!({"services": [{"name": "a", "command": ["b"], "depends_on": ["b"]}, {"name": "b", "command": ["b"], "depends_on": ["a"]}]}),
            json!([]),
        ];
        let messages: Vec<String> = wrong.into_iter().map(|tree| parse(tree).unwrap_err()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn a_rendered_spec_parses_to_itself() {
        let name: JailName = "web".parse().unwrap();
        let spec = parse(json!({
            "command": ["/bin/sh", "-c", "echo \"hi\"\n"], "profile": {"base": "medium", "grant": ["raw_socket"], "deny": ["ptrace"]},
            "base": "debian@12.5", "ports": [80, "53/udp", "[::1]:8000-8010/tcp"], "log": {"facility": "local3", "stdout": "info", "stderr": "3", "tag": "t"}, "autostart": true,
            "depends_on": ["db", "cache"], "restart": "on-failure", "user": "www-data", "env": {"A": "b"}, "stop_signal": "SIGINT", "stop_grace": 9,
        }))
        .unwrap();
        assert_eq!(Spec::from_toml(&name, &spec.to_toml()).unwrap(), spec);
        let empty = parse(json!({})).unwrap();
        assert_eq!(Spec::from_toml(&name, &empty.to_toml()).unwrap(), empty);
        let checked = json!({
            "command": ["a"], "max_restarts": 5, "restart_window": "90s", "ready": {"command": ["t"], "timeout": "1.5", "interval": "20ms"},
            "health": {"command": ["h"], "inside": false, "interval": 1, "timeout": 2, "failures": 9},
        });
        let several = json!({"services": [
            {"name": "db", "command": ["db"], "ready": {"fd": true}, "health": {"port": 80}, "user": "pg", "env": {"A": "b"}},
            {"name": "web", "command": ["web", "-f"], "depends_on": ["db"], "tag": "w", "restart": "never", "stop_signal": "INT",
             "stop_grace": 1, "max_restarts": 0, "restart_window": 7},
        ]});
        let limited = json!({"limits": {
            "cpu": "150%", "cpu_weight": 200, "memory": "512M", "memory_soft": 402653184, "swap": 0, "processes": 64,
        }});
        for tree in [checked, several, limited] {
            let spec = parse(tree).unwrap();
            assert_eq!(Spec::from_toml(&name, &spec.to_toml()).unwrap(), spec, "{}", spec.to_toml());
        }
    }
}
