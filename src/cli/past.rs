//! How far back is looked, for the verbs that show the past of jails.

use std::time::Duration;

use super::site::Site;
use crate::kernel::JailStats;
use crate::script::duration;
use crate::supervise;
use crate::telemetry::now;
use crate::telemetry::past::{Past, Span};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A time between a minute and a day.
pub fn since(text: &str) -> Result<Duration, String> {
    let since = duration::parse(text)?;
    if (MINUTE..=DAY).contains(&since) { Ok(since) } else { Err("supervisors remember a day; use 1m to 24h".to_owned()) }
}

/// Until now; an hour, unless told.
pub fn span(since: Option<Duration>) -> Span {
    let to = now();
    Span { from: to.saturating_sub(since.unwrap_or(HOUR).as_secs()), to }
}

/// The past of these jails.
pub fn of(site: &Site, stats: &[JailStats], span: Span) -> Vec<Past> {
    stats.iter().map(|jail| Past::new(jail.name.clone(), jail.jid, supervise::history(site, &jail.name), span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_asked_for_than_is_remembered() {
        assert_eq!(since("6h"), Ok(Duration::from_secs(6 * 3600)));
        assert_eq!(since("24h"), Ok(DAY));
        for wrong in ["30s", "25h", "", "soon"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
