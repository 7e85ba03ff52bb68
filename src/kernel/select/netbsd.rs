//! The body of NetBSD: the kauth(9) module, which the administrator loads.

use std::rc::Rc;
use std::str::FromStr;

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

impl BodyChoice {
    /// As `--kernel` takes it.
    pub fn name(self) -> &'static str {
        match self {
            BodyChoice::Auto => "auto",
            BodyChoice::Netbsd => "netbsd",
            BodyChoice::Sim => "sim",
        }
    }
}

impl FromStr for BodyChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(BodyChoice::Auto),
            "netbsd" => Ok(BodyChoice::Netbsd),
            "sim" => Ok(BodyChoice::Sim),
            _ => Err(format!("{name:?} is no kernel body here; use auto, netbsd or sim")),
        }
    }
}

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
