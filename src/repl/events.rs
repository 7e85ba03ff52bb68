//! What happens to jails while a line is typed, told above it.

use rustyline::ExternalPrinter;

/// Tells until it is dropped.
pub struct Events;

impl Events {
    pub fn begin(_printer: impl ExternalPrinter + Send + 'static) -> Events {
        Events
    }
}
