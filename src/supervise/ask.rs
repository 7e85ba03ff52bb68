//! Asking a live supervisor. One that does not answer is no reason to hang.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::message::{Reply, Request, decode, encode};
use super::wire::Wire;

/// A supervisor does nothing slow but to let its services start and stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("its control socket: {}", .0.desc())]
    Socket(Errno),
    #[error("its answer cannot be read: {0}")]
    Answer(#[from] super::message::MessageError),
}

/// Asks for what is answered at once.
pub fn ask(dir: &Path, request: &Request) -> Result<Reply, AskError> {
    ask_patiently(dir, request, Duration::ZERO)
}

/// Asks for what may take so much longer.
pub fn ask_patiently(dir: &Path, request: &Request, extra: Duration) -> Result<Reply, AskError> {
    let wire = Wire::connect(dir).map_err(AskError::Socket)?;
    wire.send(&encode(request)).map_err(AskError::Socket)?;
    let answer = wire.receive_until(Instant::now() + PATIENCE + extra).map_err(AskError::Socket)?;
    Ok(decode(&answer)?)
}
