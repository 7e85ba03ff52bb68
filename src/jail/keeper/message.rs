//! What is said between a keeper and those who ask it: one packet a message, versioned, of bounded size. Pure.
//!
//! The keeper is a member of its jail, and root in there can take it over: nothing it says is trusted further than a member
//! may reach. What is said to it may come from a taken-over process as well, so it is judged the same way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Form of the messages; both sides are the same program unless it was replaced while a jail ran.
pub const VERSION: u32 = 1;
/// Longest packet, in bytes.
pub const MAX_PACKET: usize = 4096;
/// Longest [`Order`], in bytes: more than execve takes.
pub const MAX_ORDER: usize = 4 << 20;
/// Longest reason that is told.
const MAX_WHY: usize = 1024;

/// Descriptors that come with [`Request::Run`]: the order, the error pipe, and what becomes 0, 1 and 2. One more may follow,
/// on which the program says that it is ready.
pub const RUN_DESCRIPTORS: usize = 5;

/// Asked of a keeper; one a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Run what the [`Order`] in the first descriptor says.
    Run,
    /// Make room for another keeper, if nobody but the keeper is in the jail.
    Retire,
}

/// A keeper's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The first word on a connection: ask now.
    Ready,
    /// The process, with a pidfd of it.
    Started {
        pid: i32,
    },
    /// It ended, with this exit status or 128+n for signal n. Not said of a sibling, which its own parent reaps.
    Ended {
        status: i32,
    },
    Retiring,
    /// Others are in the jail.
    Busy,
    Refused {
        why: String,
    },
}

impl Reply {
    pub fn refused(why: &str) -> Reply {
        let end = (0..=why.len().min(MAX_WHY)).rev().find(|at| why.is_char_boundary(*at)).unwrap_or(0);
        Reply::Refused { why: why[..end].to_owned() }
    }
}

/// What to run, in a sealed memory file because it can be as long as execve takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Empty: the user's shell.
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// Descriptor 0 is the slave side of a pty, which becomes the controlling terminal.
    pub terminal: bool,
    pub term: Option<String>,
    /// Make it a child of the keeper's parent, the supervisor.
    pub sibling: bool,
    /// Its orphaned descendants become its children, so that it can be ended with all it started.
    pub adopts: bool,
    /// Its user may bind ports below 1024 although it is not root.
    #[serde(default)]
    pub low_ports: bool,
}

/// Why a message cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("a message of version {0}, not {VERSION}: stop the jail and start it again with one jailsh")]
    Version(u64),
    #[error("no message: {0}")]
    Malformed(String),
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    version: u32,
    message: T,
}

pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(&Envelope { version: VERSION, message }).expect("texts, numbers and flags are JSON")
}

pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MessageError> {
    let malformed = |error: serde_json::Error| MessageError::Malformed(error.to_string());
    // The version first: the fields of another one need not fit.
    let Version { version } = serde_json::from_slice(bytes).map_err(malformed)?;
    if version != u64::from(VERSION) {
        return Err(MessageError::Version(version));
    }
    Ok(serde_json::from_slice::<Envelope<T>>(bytes).map_err(malformed)?.message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order() -> Order {
        Order {
            argv: vec!["/bin/ls".into(), "\n\u{1f980}".into()],
            env: BTreeMap::from([("A".into(), "b=c".into())]),
            user: Some("www".into()),
            workdir: None,
            terminal: true,
            term: Some("xterm".into()),
            sibling: false,
            adopts: true,
            low_ports: true,
        }
    }

    #[test]
    fn messages_survive_the_way() {
        assert_eq!(decode::<Order>(&encode(&order())), Ok(order()));
        for request in [Request::Run, Request::Retire] {
            assert_eq!(decode::<Request>(&encode(&request)), Ok(request));
        }
        let replies = [Reply::Ready, Reply::Started { pid: 7 }, Reply::Ended { status: 137 }, Reply::Busy, Reply::refused("no")];
        for reply in replies {
            assert_eq!(decode::<Reply>(&encode(&reply)), Ok(reply));
        }
    }

    #[test]
    fn another_version_is_told_apart_from_nonsense() {
        assert_eq!(decode::<Request>(b"{\"version\":2,\"message\":{\"dance\":1}}"), Err(MessageError::Version(2)));
        for bytes in [&b""[..], b"{}", b"null", b"{\"version\":1}", b"{\"version\":1,\"message\":\"dance\"}", b"\xff\xfe"] {
            assert!(matches!(decode::<Request>(bytes), Err(MessageError::Malformed(_))), "{bytes:?}");
        }
    }

    #[test]
    fn a_reason_always_fits_into_a_packet() {
        let long = "\u{1f980}\"\\\n".repeat(MAX_PACKET);
        assert!(encode(&Reply::refused(&long)).len() <= MAX_PACKET);
        assert_eq!(Reply::refused("why"), Reply::Refused { why: "why".into() });
    }

    proptest! {
        #[test]
        fn a_damaged_order_is_refused_or_another_order_but_never_a_panic(cut in 0_usize..400, flip in 0_usize..400, bit in 0_u8..8) {
            let mut bytes = encode(&order());
            let at = flip % bytes.len();
            bytes[at] ^= 1 << bit;
            bytes.truncate(cut.max(1));
            let _ = decode::<Order>(&bytes);
        }
    }
}
