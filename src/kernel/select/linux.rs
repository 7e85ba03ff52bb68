//! The bodies of Linux.

use std::rc::Rc;

use crate::kernel::{Kernel, KernelError, RightSet, landlock, lsm, sim};

/// What `--kernel` says of itself.
pub const BODIES: &str = "Kernel body: auto, lsm, landlock or sim (a simulation, gone at the end)";

/// `--kernel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyChoice {
    /// lsm if this kernel takes it, else landlock, else an error that says what either lacks; never sim.
    Auto,
    Lsm,
    Landlock,
    Sim,
}

/// As `--kernel` takes them.
pub const NAMES: [(&str, BodyChoice); 4] =
    [("auto", BodyChoice::Auto), ("lsm", BodyChoice::Lsm), ("landlock", BodyChoice::Landlock), ("sim", BodyChoice::Sim)];

/// Opens the chosen body, loading the module if the kernel takes it and it is not loaded yet.
pub fn select(choice: BodyChoice) -> Result<Rc<dyn Kernel>, KernelError> {
    select_accepting(choice, RightSet::EMPTY)
}

/// The same; jails are created even where these rights, fences included, cannot be enforced.
pub fn select_accepting(choice: BodyChoice, accepted: RightSet) -> Result<Rc<dyn Kernel>, KernelError> {
    match choice {
        BodyChoice::Auto => auto(accepted),
        BodyChoice::Lsm => Ok(Rc::new(only_module()?.accepting(accepted))),
        BodyChoice::Landlock => Ok(Rc::new(landlock::Landlock::open()?.accepting(accepted))),
        BodyChoice::Sim => Ok(Rc::new(sim::Sim::new())),
    }
}

/// The body whose jails have a keeper, for that.
pub fn keepers_body() -> Result<Rc<dyn Kernel>, KernelError> {
    select(BodyChoice::Landlock)
}

fn auto(accepted: RightSet) -> Result<Rc<dyn Kernel>, KernelError> {
    let module = match open_module() {
        Ok(lsm) => return Ok(Rc::new(lsm.accepting(accepted))),
        Err(KernelError::Refused { why, remedy }) => Some((why, remedy)),
        Err(KernelError::NotLoaded) => None,
        // A module of another ABI, a lost pin: jails may live there, and another body would not see them.
        Err(error) => return Err(error),
    };
    match (landlock::Landlock::open(), module) {
        (Ok(landlock), _) => Ok(Rc::new(landlock.accepting(accepted))),
        (Err(KernelError::NoLandlock { why, remedy }), Some((module, _))) => {
            Err(KernelError::NoBody { module, landlock: why, remedy })
        }
        (Err(error), _) => Err(error),
    }
}

/// The module, loaded if need be. [`KernelError::NotLoaded`] where jails live that the landlock body made: they are
/// not left behind for a module that could be loaded by now.
fn open_module() -> Result<lsm::Lsm, KernelError> {
    match lsm::Lsm::open() {
        Err(KernelError::NotLoaded) if !landlock::Landlock::has_jails() => lsm::Lsm::open_or_load(),
        opened => opened,
    }
}

/// The module was asked for by name: where only that is refused, says what there is instead.
fn only_module() -> Result<lsm::Lsm, KernelError> {
    lsm::Lsm::open_or_load().map_err(|error| match error {
        KernelError::Refused { why, remedy } if landlock::Landlock::probe().is_ok() => {
            KernelError::Refused { why, remedy: format!("use --kernel landlock here, or {}", remedy.trim_start_matches("use ")) }
        }
        other => other,
    })
}
