//! newest: every script of examples/, brought up, changed by hand, repaired, killed at each step, and taken away.
//!
//! Each has ports and jails of fixed names; outside of a guest it gets a network of its own, and everywhere a data
//! directory of its own. Emulated machines run a part.

#[path = "../support/body.rs"]
mod body;
mod cases;
mod crontab;
mod drift;
mod kills;
mod stage;
#[path = "../support/subject.rs"]
mod subject;
mod tracer;
