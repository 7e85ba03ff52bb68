//! Which body to use: asked for, or the best that the machine offers.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "netbsd")]
use netbsd as here;

pub use here::{BODIES, BodyChoice, keepers_body, select, select_accepting};
