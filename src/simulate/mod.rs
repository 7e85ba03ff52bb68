//! A host in memory, for tests of scripts: jails, files, users and services behave as a plan says and as the supervisor
//! decides, rights and ports as the kernel module's policy judges. Nothing of the real host is touched, nothing is run; what
//! a command or a server would say comes from doubles.

mod act;
mod double;
mod look;
pub mod tape;
#[cfg(test)]
mod tests;
mod tree;
mod world;

pub use double::{Page, Pattern, Reply};
pub use world::{Deed, Given, World};
