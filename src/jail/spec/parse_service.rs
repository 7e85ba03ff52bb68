//! The strict parser's part for services, readiness and health.

use serde_json::{Map, Value};

use super::parse::{
    SpecError, argv, boolean, environment, grace, join, list, nearest, optional, restart, stop_signal, table, tag, text, user,
    value, wrong,
};
use super::service::{Check, Health, Ready, Service, Sign, Span};
use super::{Spec, duration};
use crate::kernel::{JailName, Port};

pub(super) const READY_KEYS: [&str; 5] = ["fd", "port", "command", "timeout", "interval"];
pub(super) const HEALTH_KEYS: [&str; 6] = ["port", "command", "inside", "interval", "timeout", "failures"];
pub(super) const SERVICE_KEYS: [&str; 13] = [
    "name",
    "command",
    "user",
    "env",
    "restart",
    "max_restarts",
    "restart_window",
    "stop_signal",
    "stop_grace",
    "ready",
    "health",
    "tag",
    "depends_on",
];
/// A jail with more should be two.
const MAX_SERVICES: usize = 32;
const MAX_COUNT: u64 = 1000;
/// Longest name of a service.
const MAX_NAME: usize = 32;

/// A number of seconds, or a text with a unit.
pub fn span(key: &str, tree: &Value) -> Result<Span, SpecError> {
    let found = match tree {
        Value::Number(number) => number.as_f64().and_then(duration::from_seconds),
        Value::String(text) => duration::parse(text).ok(),
        _ => None,
    };
    // Finer than any clock that is looked at, and what is written down in whole milliseconds.
    let found = found.filter(|found| found.as_millis() > 0);
    let millis = found.ok_or_else(|| wrong(key, "seconds above 0, or a text like \"500ms\" or \"2m\"", tree))?.as_millis();
    Ok(Span(std::time::Duration::from_millis(millis as u64)))
}

pub fn count(key: &str, tree: &Value) -> Result<u32, SpecError> {
    let number = tree.as_u64().ok_or_else(|| wrong(key, "a number from 0", tree))?;
    if number > MAX_COUNT {
        return Err(value(key, format!("{number} is more than {MAX_COUNT}")));
    }
    Ok(number as u32)
}

pub fn ready(key: &str, tree: &Value) -> Result<Ready, SpecError> {
    let map = table(key, tree, &READY_KEYS)?;
    let descriptor = inner(map, key, "fd", boolean)?;
    let sign = match (descriptor, check(map, key)?) {
        (Some(true), None) => Sign::Descriptor,
        (None | Some(false), Some(check)) => Sign::Check(check),
        _ => return Err(value(key, "name one of fd = true, port and command")),
    };
    Ok(Ready {
        sign,
        timeout: inner(map, key, "timeout", span)?.unwrap_or(Ready::TIMEOUT),
        interval: inner(map, key, "interval", span)?.unwrap_or(Ready::INTERVAL),
    })
}

pub fn health(key: &str, tree: &Value) -> Result<Health, SpecError> {
    let map = table(key, tree, &HEALTH_KEYS)?;
    let check = check(map, key)?.ok_or_else(|| value(key, "name one of port and command"))?;
    let inside = inner(map, key, "inside", boolean)?;
    if inside.is_some() && matches!(check, Check::Port(_)) {
        return Err(value(&join(key, "inside"), "a port is looked at from the host; remove the key"));
    }
    let failures = inner(map, key, "failures", count)?.unwrap_or(Health::FAILURES);
    if failures == 0 {
        return Err(value(&join(key, "failures"), "at least 1"));
    }
    Ok(Health {
        check,
        inside: inside.unwrap_or(true),
        interval: inner(map, key, "interval", span)?.unwrap_or(Health::INTERVAL),
        timeout: inner(map, key, "timeout", span)?.unwrap_or(Health::TIMEOUT),
        failures,
    })
}

fn check(map: &Map<String, Value>, key: &str) -> Result<Option<Check>, SpecError> {
    match (inner(map, key, "port", port)?, inner(map, key, "command", program)?) {
        (Some(port), None) => Ok(Some(Check::Port(port))),
        (None, Some(argv)) => Ok(Some(Check::Command(argv))),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(value(key, "name either port or command")),
    }
}

pub fn services(jail: &JailName, tree: &Value) -> Result<Vec<Service>, SpecError> {
    let items = list("services", "a list of maps", tree)?;
    if items.len() > MAX_SERVICES {
        return Err(value("services", format!("{} services, at most {MAX_SERVICES} fit into a jail", items.len())));
    }
    let mut found: Vec<Service> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let key = format!("services[{i}]");
        let service = service(jail, &key, item)?;
        if found.iter().any(|other| other.name == service.name) {
            return Err(value(&join(&key, "name"), format!("{:?} is named twice", service.name)));
        }
        found.push(service);
    }
    for (i, service) in found.iter().enumerate() {
        check_needs(&found, &format!("services[{i}].depends_on"), service)?;
    }
    match circle(&found) {
        Some(name) => Err(value("services", format!("{name:?} depends on itself, by way of the others or directly"))),
        None => Ok(found),
    }
}

fn service(jail: &JailName, key: &str, tree: &Value) -> Result<Service, SpecError> {
    let map = table(key, tree, &SERVICE_KEYS)?;
    let name = inner(map, key, "name", service_name)?.ok_or_else(|| value(&join(key, "name"), "it is missing"))?;
    let command = inner(map, key, "command", program)?.ok_or_else(|| value(&join(key, "command"), "it is missing"))?;
    let tag = match inner(map, key, "tag", tag)? {
        Some(tag) => tag,
        None => Spec::short_tag(&format!("jail-{jail}-{name}")),
    };
    Ok(Service {
        command,
        user: inner(map, key, "user", user)?,
        env: inner(map, key, "env", environment)?.unwrap_or_default(),
        restart: inner(map, key, "restart", restart)?,
        max_restarts: inner(map, key, "max_restarts", count)?,
        restart_window: inner(map, key, "restart_window", span)?,
        stop_signal: inner(map, key, "stop_signal", stop_signal)?,
        stop_grace: inner(map, key, "stop_grace", grace)?,
        ready: inner(map, key, "ready", ready)?,
        health: inner(map, key, "health", health)?,
        depends_on: inner(map, key, "depends_on", names)?.unwrap_or_default(),
        tag,
        name,
    })
}

fn check_needs(services: &[Service], key: &str, service: &Service) -> Result<(), SpecError> {
    let known = || services.iter().map(|other| other.name.as_str()).filter(|name| *name != service.name);
    match service.depends_on.iter().enumerate().find(|(_, need)| known().all(|name| name != need.as_str())) {
        None => Ok(()),
        Some((_, need)) if *need == service.name => Err(value(key, format!("{need:?} depends on itself"))),
        Some((at, need)) => Err(SpecError::UnknownWord {
            key: format!("{key}[{at}]"),
            value: format!("{need:?}"),
            hint: nearest(need, known()),
            known: known().map(str::to_owned).collect(),
        }),
    }
}

/// A service that waits for itself, if there is one.
fn circle(services: &[Service]) -> Option<&str> {
    let mut placed: Vec<&str> = Vec::new();
    loop {
        let is_open = |service: &&Service| !placed.contains(&service.name.as_str());
        let is_free = |service: &&Service| service.depends_on.iter().all(|need| placed.contains(&need.as_str()));
        match services.iter().filter(is_open).find(is_free) {
            Some(service) => placed.push(&service.name),
            None => return services.iter().find(is_open).map(|service| service.name.as_str()),
        }
    }
}

fn inner<T>(
    map: &Map<String, Value>,
    prefix: &str,
    key: &str,
    parse: impl FnOnce(&str, &Value) -> Result<T, SpecError>,
) -> Result<Option<T>, SpecError> {
    optional(map, key, |key, tree| parse(&join(prefix, key), tree))
}

fn port(key: &str, tree: &Value) -> Result<Port, SpecError> {
    let number = tree.as_i64().ok_or_else(|| wrong(key, "a port number", tree))?;
    Port::try_from(number).map_err(|error| value(key, error.to_string()))
}

/// An argv that is not empty.
fn program(key: &str, tree: &Value) -> Result<Vec<String>, SpecError> {
    match argv(key, tree)? {
        argv if argv.is_empty() => Err(value(key, "it names no program")),
        argv => Ok(argv),
    }
}

fn names(key: &str, tree: &Value) -> Result<Vec<String>, SpecError> {
    let items = list(key, "a list of services' names", tree)?;
    let mut found = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let name = text(&format!("{key}[{i}]"), item)?;
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

fn service_name(key: &str, tree: &Value) -> Result<String, SpecError> {
    let name = text(key, tree)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty()
        || name.len() > MAX_NAME
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.chars().all(fits)
    {
        return Err(value(
            key,
            format!("{name:?} is no service's name; use 1 to {MAX_NAME} letters, digits, \"_\", \"-\" and \".\""),
        ));
    }
    Ok(name)
}
