//! What is asked about: an example as profiles have them, or a destination. Pure.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::jail::spec::probe::{Example, ExampleError};
use crate::kernel::Protocol;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Example(Example),
    /// `connect 10.0.0.1:5432`, `connect [fd00::1]:53/udp`: connecting or sending to there.
    Connect(SocketAddr, Protocol),
}

/// Why a text is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    #[error(transparent)]
    Example(#[from] ExampleError),
    #[error("{0:?} names no address with a port; write connect 10.0.0.1:5432 or connect [fd00::1]:53/udp")]
    Destination(String),
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Action, ActionError> {
        let Some(rest) = text.trim().strip_prefix("connect ") else { return Ok(Action::Example(text.parse()?)) };
        let (address, protocol) = match rest.trim().rsplit_once('/') {
            Some((address, "udp")) => (address, Protocol::Udp),
            Some((address, "tcp")) => (address, Protocol::Tcp),
            _ => (rest.trim(), Protocol::Tcp),
        };
        let to: SocketAddr = address.parse().map_err(|_| ActionError::Destination(text.to_owned()))?;
        if to.port() == 0 {
            return Err(ActionError::Destination(text.to_owned()));
        }
        Ok(Action::Connect(to, protocol))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Example(example) => example.fmt(f),
            Action::Connect(to, protocol) => write!(f, "connect {to}/{protocol}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_destination_needs_an_address_and_a_port() {
        for text in ["connect", "connect 10.0.0.1:5432", "connect [fd00::1]:53/udp", "mount", "bind 80"] {
            assert!(text.parse::<Action>().is_ok(), "{text}");
        }
        for text in ["connect example.org:80", "connect 10.0.0.1", "connect 10.0.0.1:0", "connect 10.0.0.1:5432/sctp", "muont"] {
            assert!(text.parse::<Action>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_action_reads_back_as_it_prints(text in "connect \\[?[0-9a-f.:]{2,12}\\]?:[0-9]{1,5}(/udp|/tcp)?|[a-z_ ]{1,12}") {
            if let Ok(action) = text.parse::<Action>() {
                prop_assert_eq!(action.to_string().parse::<Action>().unwrap(), action);
            }
        }
    }
}
