//! The strict parser's part for ports and destinations.

use serde_json::Value;

use super::parse::{SpecError, list, text, value, wrong};
use crate::kernel::{ConnectRule, DestinationError, Port, Reservation, ReservationError};

pub(super) fn ports(key: &str, tree: &Value) -> Result<Vec<Reservation>, SpecError> {
    let items = list(key, "a list of ports", tree)?;
    if items.len() > Reservation::MAX {
        return Err(value(key, format!("{} entries, at most {} can be reserved", items.len(), Reservation::MAX)));
    }
    let mut found: Vec<Reservation> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = format!("{key}[{i}]");
        let wanted = reservation(&at, item)?;
        match found.iter().find(|other| other.overlaps(wanted)) {
            Some(same) if *same == wanted => return Err(value(&at, format!("port {wanted} is named twice"))),
            Some(other) => return Err(value(&at, format!("port {wanted} overlaps with {other}; leave one of them out"))),
            None => found.push(wanted),
        }
    }
    let count: usize = found.iter().map(|wanted| wanted.count()).sum();
    match count > Reservation::MAX_PORTS {
        true => Err(value(key, format!("{count} ports in all, at most {} can be reserved", Reservation::MAX_PORTS))),
        false => Ok(found),
    }
}

/// A number, or a text that says more.
fn reservation(at: &str, item: &Value) -> Result<Reservation, SpecError> {
    match item {
        Value::Number(number) if number.is_i64() => {
            let port = Port::try_from(number.as_i64().unwrap_or_default()).map_err(|error| value(at, error.to_string()))?;
            Ok(port.into())
        }
        Value::String(text) => text.parse().map_err(|error: ReservationError| value(at, error.to_string())),
        other => Err(wrong(at, "a port, as 8080 or \"53/udp\"", other)),
    }
}

pub(super) fn connect(key: &str, tree: &Value) -> Result<Vec<ConnectRule>, SpecError> {
    let items = list(key, "a list of destinations", tree)?;
    if items.len() > ConnectRule::MAX {
        return Err(value(key, format!("{} destinations, at most {} can be named", items.len(), ConnectRule::MAX)));
    }
    let mut found = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = format!("{key}[{i}]");
        let rule: ConnectRule = text(&at, item)?.parse().map_err(|error: DestinationError| value(&at, error.to_string()))?;
        if found.contains(&rule) {
            return Err(value(&at, format!("{rule} is named twice")));
        }
        found.push(rule);
    }
    Ok(found)
}
