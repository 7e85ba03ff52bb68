//! The kernel module by hand: secmodel_jail, whatever it is made of on this system.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "netbsd")]
use netbsd as here;

pub use here::{FILES, jails_do_without, load, loaded, refusal, unload};

use serde::Serialize;

/// A loaded module.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub loaded: bool,
    pub abi: u32,
    pub programs: usize,
    pub jails: usize,
    pub members: u64,
    pub directory: String,
}
