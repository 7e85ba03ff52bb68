//! Doing what a plan says, and looking at what is there: the host's side of [`crate::plan`]. Touches jails through
//! [`crate::jail`] and [`crate::supervise`].

mod files;
mod journal;
mod look;
mod step;
#[cfg(test)]
mod tests;

pub use journal::{Failed, Journal, Outcome, Tally};
pub use look::{Fetch, View, noted};
pub use step::{Done, PerformError, checked, perform};
