//! The body of NetBSD: the kauth(9) module, which the administrator loads.

use std::rc::Rc;

use crate::kernel::netbsd::{Netbsd, Sysctl};
use crate::kernel::{Kernel, KernelError, RightSet, sim};

/// What `--kernel` says of itself.
pub const BODIES: &str = "Kernel body: auto, netbsd or sim (a simulation, gone at the end)";

/// `--kernel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyChoice {
    /// The module; never sim.
    Auto,
    Netbsd,
    Sim,
}

/// As `--kernel` takes them.
pub const NAMES: [(&str, BodyChoice); 3] = [("auto", BodyChoice::Auto), ("netbsd", BodyChoice::Netbsd), ("sim", BodyChoice::Sim)];

/// Opens the chosen body.
pub fn select(choice: BodyChoice) -> Result<Rc<dyn Kernel>, KernelError> {
    select_accepting(choice, RightSet::EMPTY)
}

/// The same; what cannot be enforced here is refused whoever accepts it.
pub fn select_accepting(choice: BodyChoice, _accepted: RightSet) -> Result<Rc<dyn Kernel>, KernelError> {
    match choice {
        BodyChoice::Auto | BodyChoice::Netbsd => Ok(Rc::new(Netbsd::open(Sysctl)?)),
        BodyChoice::Sim => Ok(Rc::new(sim::Sim::new())),
    }
}

/// No jails here have a keeper.
pub fn keepers_body() -> Result<Rc<dyn Kernel>, KernelError> {
    Err(KernelError::NotEnforceable { what: "a keeper".into(), body: "netbsd", why: "every process enters by itself".into() })
}
