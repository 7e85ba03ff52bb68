//! landlock: many jails at once, the files for boot, and hosts that lack something.

#[path = "../support/body.rs"]
mod body;
#[path = "../support/subject.rs"]
mod subject;

mod boot;
mod crowd;
mod order;
mod scarce;
mod stage;
