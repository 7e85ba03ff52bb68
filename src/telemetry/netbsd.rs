//! What jails do, as text, on NetBSD: the one column model behind every listing, and the listings of the jails in the kernel.
//! Pure.

mod cell;
mod escape;
mod grid;
pub mod http;
mod jails;
mod measured;
// Listings of Linux use more of it.
#[allow(dead_code)]
mod moment;
mod prometheus;
mod size;
mod table;

pub use cell::{Unit, Value};
pub use escape::{is_unprintable, printable, printable_json};
pub use grid::{Cell, Fitted, Grid, Heading, shortened};
pub use jails::{jails, stats};
pub use measured::Measure;
pub use moment::{ago, clock};
pub use prometheus::{Build, exposition};
pub use size::{short, size};
pub use table::{Column, Format, Look, Table};
