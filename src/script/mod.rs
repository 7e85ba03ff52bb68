//! The Rhai host: runs scripts whose verbs are the same functions that jailctl and jailmgr call. Touches the host only
//! through [`crate::jail`], [`crate::supervise`] and [`crate::telemetry`].

mod api;
pub mod assist;
mod bounded;
pub mod check;
mod code;
pub mod console;
mod convert;
mod deadline;
mod diagnostics;
mod engine;
pub mod explain;
pub mod facts;
mod fault;
mod guard;
mod http;
mod interrupt;
mod library;
mod memory;
mod modules;
mod narrow;
mod profiles;
pub mod reference;
mod secret;
mod session;
mod source;
mod stack;
pub mod stdlib;
pub mod testing;
pub mod text;

pub use crate::jail::spec::duration;
pub use api::seen;
pub use code::Code;
pub use diagnostics::Problem;
#[cfg(test)]
pub use engine::of_session;
pub use engine::{Limits, Parser, Script, run};
pub use fault::{Fault, Kind};
pub use interrupt::Hearing;
pub use profiles::profiles;
pub use session::{Back, Deed, Event, Fate, Interactive, Mode, Narrowed, Planned, Session, Watch, secrets};
