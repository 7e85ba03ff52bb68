//! Stands in for `src/supervise/netbsd`, whose calls are NetBSD's: its types, and words for what it would do.

use std::cell::Cell;

use crate::kernel::{JailName, Kernel};
use crate::told::tell;

#[allow(dead_code)]
#[path = "../../../src/supervise/netbsd/error.rs"]
mod error;
#[path = "../../../src/supervise/netbsd/service.rs"]
mod service;

pub use error::SuperviseError;
pub use service::Service;

thread_local! {
    /// Has each jail a supervisor?
    pub static SUPERVISED: Cell<bool> = const { Cell::new(false) };
}

pub fn supervise(service: &Service, _kernel: &dyn Kernel) -> Result<(), SuperviseError> {
    let [stdout, stderr] = service.levels.map(|level| level.name());
    let ground = if service.foreground { ", here" } else { "" };
    let (argv, facility) = (&service.command.argv, service.facility.name());
    tell(format!("supervise {}: {argv:?} to {facility}.{stdout} and {stderr} as {}{ground}", service.name, service.tag));
    Ok(())
}

pub fn supervisor(_name: &JailName) -> Result<Option<i32>, SuperviseError> {
    Ok(SUPERVISED.get().then_some(77))
}

pub fn stop(name: &JailName) -> Result<(), SuperviseError> {
    tell(format!("stop {name}"));
    Ok(())
}
