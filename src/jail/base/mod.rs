//! Base layers: the read-only programs that jails share. `host` is the host's own /usr; others are imported once from a
//! directory or a verified archive, versioned, and pinned by each jail. Touches `base` in the data directory, and the pins
//! of jails.

mod catalog;
mod collect;
mod import;
mod packages;
mod reference;
mod upgrade;

pub use catalog::{Imported, find, list, newest, tree};
pub use collect::{Garbage, gc, remove};
pub use import::{Import, ImportRequest, Origin, hold, import, keeps, resolve};
pub use packages::package_status;
pub use reference::{Base, Pin, Sum};
pub use upgrade::{Move, Upgrade, previous, upgrade};
