//! Base layers: the read-only programs that jails share. `host` is the host's own /usr; others are imported once from a
//! directory or a verified archive, versioned, and pinned by each jail. Touches `base` in the data directory, and the pins
//! of jails.

mod adopt;
mod catalog;
mod collect;
mod import;
mod packages;
mod reference;
mod upgrade;

pub(super) use adopt::{adopt, derive, made};
pub use catalog::{Derived, Imported, find, list, newest, tree};
pub use collect::{Garbage, gc, remove};
pub use import::{Import, ImportRequest, Origin, hold, import, keeps, resolve};
pub(super) use packages::STATUS_LIMIT;
pub use packages::{files, package_status};
pub use reference::{Base, Pin};
pub(super) use upgrade::settle;
pub use upgrade::{Move, Upgrade, previous, upgrade};
