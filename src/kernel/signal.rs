//! A signal as people write it: `TERM`, `SIGTERM` or `15`.

use std::fmt;
use std::str::FromStr;

use nix::sys::signal::Signal as Known;

/// A signal that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    pub const TERM: Signal = Signal(libc::SIGTERM);

    pub fn number(self) -> i32 {
        self.0
    }
}

/// The largest number there is.
#[cfg(target_os = "linux")]
fn largest() -> i32 {
    libc::SIGRTMAX()
}

/// SIGRTMAX of sys/signal.h.
#[cfg(target_os = "netbsd")]
fn largest() -> i32 {
    63
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let long = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
        let number = text.parse().ok().filter(|number| (1..=largest()).contains(number));
        let known = long.parse::<Known>().ok().map(|known| known as i32);
        number.or(known).map(Signal).ok_or_else(|| {
            format!("{text:?} is no signal; use a name such as TERM, HUP or KILL, or a number from 1 to {}", largest())
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Known::try_from(self.0) {
            Ok(known) => f.write_str(known.as_str()),
            Err(_) => write!(f, "signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_sig_and_numbers_are_the_same_signals() {
        for text in ["TERM", "SIGTERM", "term", "15"] {
            assert_eq!(text.parse(), Ok(Signal::TERM));
        }
        assert_eq!("40".parse::<Signal>().unwrap().to_string(), "signal 40");
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for text in ["", "0", "-9", "65", "SIG", "SIGSIGTERM", "TERMX", "9 "] {
            assert!(text.parse::<Signal>().is_err(), "{text:?}");
        }
    }
}
