//! What jails do and did, as text: the one column model behind every listing, the views built on it, the Prometheus
//! text, and the process tree. Pure, but for [`Observation`], which asks the other parts, and [`processes`], which reads
//! `/proc`.

mod awaited;
mod denial;
mod escape;
pub mod exposure;
mod inventory;
mod lines;
mod moment;
mod observation;
pub mod processes;
mod profiles;
mod prometheus;
mod table;
mod top;
mod views;

pub use awaited::{Awaited, Waited, wait};
pub use denial::{Denials, object, sentence};
pub use escape::{printable, printable_json};
pub use inventory::{archives, bases, disk, ends, garbage, snapshots, stamp};
pub use lines::{Line, Lines};
pub use moment::ago;
pub use observation::{Observation, now};
pub use profiles::{explanation, probes, proof};
pub use prometheus::exposition;
pub use table::{Column, Format, Look, Table, Value, short};
pub use top::{Sort, top, totals};
pub use views::{jails, manager, rights, stats, status};
