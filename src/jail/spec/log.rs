//! Names of syslog(3).

use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A syslog facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(usize);

/// Names and values of syslog(3), in the reference system's order.
const FACILITIES: [(&str, i32); 20] = [
    ("auth", libc::LOG_AUTH),
    ("authpriv", libc::LOG_AUTHPRIV),
    ("cron", libc::LOG_CRON),
    ("daemon", libc::LOG_DAEMON),
    ("ftp", libc::LOG_FTP),
    ("kern", libc::LOG_KERN),
    ("lpr", libc::LOG_LPR),
    ("mail", libc::LOG_MAIL),
    ("news", libc::LOG_NEWS),
    ("syslog", libc::LOG_SYSLOG),
    ("user", libc::LOG_USER),
    ("uucp", libc::LOG_UUCP),
    ("local0", libc::LOG_LOCAL0),
    ("local1", libc::LOG_LOCAL1),
    ("local2", libc::LOG_LOCAL2),
    ("local3", libc::LOG_LOCAL3),
    ("local4", libc::LOG_LOCAL4),
    ("local5", libc::LOG_LOCAL5),
    ("local6", libc::LOG_LOCAL6),
    ("local7", libc::LOG_LOCAL7),
];

impl Facility {
    pub fn names() -> impl Iterator<Item = &'static str> {
        FACILITIES.iter().map(|(name, _)| *name)
    }

    pub fn name(self) -> &'static str {
        FACILITIES[self.0].0
    }

    /// The value syslog(3) takes.
    pub fn value(self) -> i32 {
        FACILITIES[self.0].1
    }
}

impl FromStr for Facility {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        FACILITIES.iter().position(|(known, _)| *known == name).map(Facility).ok_or(())
    }
}

impl Serialize for Facility {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A syslog level, 0 (emerg) to 7 (debug).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLevel(usize);

const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

impl LogLevel {
    pub fn names() -> impl Iterator<Item = &'static str> {
        LEVELS.into_iter()
    }

    pub fn name(self) -> &'static str {
        LEVELS[self.0]
    }

    /// The value syslog(3) takes.
    pub fn value(self) -> i32 {
        self.0 as i32
    }
}

impl FromStr for LogLevel {
    type Err = ();

    /// A name, or its number.
    fn from_str(name: &str) -> Result<Self, ()> {
        if let [digit @ b'0'..=b'7'] = name.as_bytes() {
            return Ok(LogLevel(usize::from(digit - b'0')));
        }
        LEVELS.iter().position(|known| *known == name).map(LogLevel).ok_or(())
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
