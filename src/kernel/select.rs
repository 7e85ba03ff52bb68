//! Which body to use: asked for, or the best the machine offers.

use std::rc::Rc;
use std::str::FromStr;

use super::{Kernel, KernelError, lsm, sim};

/// `--kernel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyChoice {
    /// lsm if this kernel takes it, else an error; never sim.
    Auto,
    Lsm,
    Sim,
}

impl FromStr for BodyChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(BodyChoice::Auto),
            "lsm" => Ok(BodyChoice::Lsm),
            "sim" => Ok(BodyChoice::Sim),
            _ => Err(format!("{name:?} is no kernel body; use auto, lsm or sim")),
        }
    }
}

/// Opens the chosen body, loading the module if the kernel takes it and it is not loaded yet.
pub fn select(choice: BodyChoice) -> Result<Rc<dyn Kernel>, KernelError> {
    match choice {
        BodyChoice::Auto | BodyChoice::Lsm => Ok(Rc::new(lsm::Lsm::open_or_load()?)),
        BodyChoice::Sim => Ok(Rc::new(sim::Sim::new())),
    }
}
