//! What is said on a supervisor's control socket: one packet a message, versioned, of bounded size. Pure.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Status;

/// Form of the messages; both sides are the same program unless it was replaced while a jail ran.
pub const VERSION: u32 = 1;
/// Longest packet, in bytes: the status of as many services as a jail may have fits well.
pub const MAX_PACKET: usize = 64 * 1024;
/// Longest request, in bytes.
pub const MAX_REQUEST: usize = 1024;
/// Longest reason that is told.
const MAX_WHY: usize = 4096;

/// Asked of a supervisor; one a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Status,
    /// End all services, and then yourself.
    Stop,
    /// Run one service anew, or all. Answered when they are ready, or not to be.
    Restart {
        service: Option<String>,
    },
    /// Answered when all services are ready, or not to be.
    Attach,
}

/// A supervisor's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Status(Status),
    /// The stop is under way.
    Stopping,
    Done,
    Failed {
        why: String,
        /// The service's last words, escaped.
        stderr: Vec<String>,
    },
    Refused {
        why: String,
    },
}

impl Reply {
    pub fn failed(why: &str, stderr: Vec<String>) -> Reply {
        Reply::Failed { why: bounded(why), stderr }
    }

    pub fn refused(why: &str) -> Reply {
        Reply::Refused { why: bounded(why) }
    }
}

fn bounded(text: &str) -> String {
    let end = (0..=text.len().min(MAX_WHY)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}

/// Why a message cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("a message of version {0}, not {VERSION}; stop the jail and start it again with one jailsh")]
    Version(u64),
    #[error("no message: {0}")]
    Malformed(String),
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

    #[test]
    fn messages_survive_the_way() {
        let requests = [
            Request::Status,
            Request::Stop,
            Request::Attach,
            Request::Restart { service: Some("db".into()) },
            Request::Restart { service: None },
        ];
        for request in requests {
            assert_eq!(decode::<Request>(&encode(&request)), Ok(request));
        }
        for reply in [Reply::Stopping, Reply::Done, Reply::refused("no"), Reply::failed("why", vec!["word".into()])] {
            assert_eq!(decode::<Reply>(&encode(&reply)), Ok(reply));
        }
    }

    #[test]
    fn another_version_is_told_apart_from_nonsense() {
        assert_eq!(decode::<Request>(b"{\"version\":9,\"message\":{\"dance\":1}}"), Err(MessageError::Version(9)));
        for bytes in [&b""[..], b"{}", b"null", b"{\"version\":1}", b"{\"version\":1,\"message\":\"dance\"}", b"\xff\xfe"] {
            assert!(matches!(decode::<Request>(bytes), Err(MessageError::Malformed(_))), "{bytes:?}");
        }
    }

    #[test]
    fn a_reason_always_fits_into_a_packet() {
        let long = "\u{1f980}\"\\\n".repeat(MAX_PACKET);
        assert!(encode(&Reply::failed(&long, vec!["\u{1}".repeat(2048)])).len() <= MAX_PACKET);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, flip in 0_usize..60, bit in 0_u8..8) {
            let _ = decode::<Request>(&bytes);
            let mut good = encode(&Request::Restart { service: Some("db".into()) });
            let at = flip % good.len();
            good[at] ^= 1 << bit;
            let _ = decode::<Request>(&good);
        }
    }
}
