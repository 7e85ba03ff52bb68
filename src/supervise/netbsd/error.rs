//! What can go wrong with a supervisor.

use std::time::Duration;

use crate::jail::JailError;
use crate::kernel::{JailName, KernelError};

/// How long a supervisor may take to end its service and the rest of the jail.
pub const STOP_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    #[error("jail {name} is supervised by pid {pid} already; jailctl destroy --stop {name} ends that")]
    Supervised { name: JailName, pid: i32 },
    #[error("the supervisor of jail {name}, pid {pid}, did not end in {} s; look at the system's log", STOP_PATIENCE.as_secs())]
    Stuck { name: JailName, pid: i32 },
    #[error("the service did not start: {0}")]
    NotStarted(String),
    #[error(transparent)]
    Jail(#[from] JailError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
}
