//! What jails do and did, as text: the one column model behind every listing, the views built on it, the Prometheus
//! text, and the process tree. Pure, but for [`Observation`], which asks the other parts, and [`processes`], which reads
//! `/proc`.

mod escape;
mod observation;
pub mod processes;
mod prometheus;
mod table;
mod views;

pub use escape::printable;
pub use observation::{Observation, now};
pub use prometheus::exposition;
pub use table::{Column, Format, Table, Value};
pub use views::{jails, manager, rights, stats, status};
