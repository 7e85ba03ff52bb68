//! native: the programs on control groups, which keep reserved ports and devices where the module is not loaded. Each test
//! has ports and the kernel's list in a network namespace of its own, and pins in a scratch place.

mod crashes;
mod destinations;
mod devices;
#[path = "../support/port_range.rs"]
mod port_range;
mod ports;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/reaching.rs"]
mod reaching;
#[path = "../support/session.rs"]
mod session;
mod stage;
#[path = "../support/table.rs"]
mod table;
