//! Doing what a plan says, and looking at what is there: the host's side of [`crate::plan`]. Touches jails through
//! [`crate::jail`] and [`crate::supervise`].

mod files;
mod journal;
mod look;
mod secrets;
mod step;
#[cfg(test)]
mod tests;

pub use journal::{Failed, Journal, Outcome, Tally};
pub use look::{View, noted};
pub use secrets::{Fetch, Secrets};
pub use step::{Done, PerformError, checked, perform};
