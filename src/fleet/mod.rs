//! Many jails at once: which of them start or stop, in which order, several at a time. [`plan`], [`schedule`] and
//! [`summary`] are pure; [`run`] forks a process for each jail. [`boot`] has the host do so by itself, and touches its
//! init system's directories.

pub mod boot;
mod cycle;
mod plan;
mod run;
mod schedule;
mod summary;

pub use plan::{Again, Known, Plan, Service, restarting, starting, stopping};
pub use run::{Said, run};
pub use schedule::{Jobs, Schedule};
pub use summary::{End, Summary};
