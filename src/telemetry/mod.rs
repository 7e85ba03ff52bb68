//! What jails do and did, as text: the one column model behind every listing, the views built on it, the Prometheus
//! text, and the process tree. Pure, but for [`Observation`] and [`measure`], which ask the other parts, [`http`], which serves, and [`processes`], which reads
//! `/proc`.

mod awaited;
mod cell;
mod denial;
mod escape;
pub mod exposure;
mod grid;
pub mod http;
mod inventory;
mod jails;
mod lines;
mod measure;
mod measured;
mod moment;
mod observation;
pub mod past;
mod probing;
pub mod processes;
mod profiles;
mod prometheus;
mod size;
mod table;
mod top;
pub mod trail;
mod views;
pub mod why;

pub use awaited::{Awaited, Waited, wait};
pub use cell::{Unit, Value};
pub use denial::{Denials, object, sentence};
pub use escape::{is_unprintable, printable, printable_json};
pub use grid::{Cell, Fitted, Grid, Heading, shortened};
pub use inventory::{archives, bases, disk, ends, garbage, snapshots, stamp};
pub use jails::{jails, stats};
pub use lines::{Line, Lines};
pub use measure::{measure, uptimes};
pub use measured::Measure;
pub use moment::{ago, clock};
pub use observation::{Observation, now};
pub use probing::{Probed, attempts, probing};
pub use profiles::{explanation, probes, proof};
pub use prometheus::{Build, exposition};
pub use size::{short, size};
pub use table::{Column, Format, Look, Table};
pub use top::{Sort, top, totals};
pub use views::{manager, rights, status};
