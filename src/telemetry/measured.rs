//! What is told of one jail at one moment, whoever measured it.

use crate::kernel::{JailStats, Limits, Usage};

/// One jail.
pub struct Measure {
    pub stats: JailStats,
    pub usage: Usage,
    pub limits: Limits,
    /// A supervisor holds it.
    pub supervised: bool,
    /// Restarts of its services since its supervisor began; `None` where nobody tells.
    pub restarts: Option<u64>,
    /// When it was brought up, in milliseconds since the epoch; `None` where nobody noted it.
    pub started_ms: Option<u64>,
}
