//! The keeper: the first process of a jail whose walls can only be inherited. It forks all others.
//!
//! A supervisor starts one as its child and asks it for the service as a sibling, which is then the supervisor's own child.
//! In a jail without supervisor the first command brings a keeper, which goes when it is idle. It listens on a socket in the
//! jail's run directory, where only host root comes to; the socket is not in the jail's root.
//!
//! The keeper is confined like any member and root in the jail may take it over. It then has what it was given: standard
//! descriptors meant for the jail anyway, a listening socket and an error pipe. What it says is checked: a process it names
//! must be a member of the jail before anything is done to it, and nobody waits for its word for ever.

mod ask;
mod channel;
mod entry;
mod launch;
pub mod message;
mod serve;
mod session;

pub use ask::{Asked, run};
pub(super) use channel::wait;
pub use entry::main;
pub use launch::Keeper;
pub use message::Order;

/// First part of a keeper's argv[0]: `jailctl: keep jail=NAME jid=N`.
pub const TITLE: &str = "jailctl: keep ";
/// The socket's name in the jail's run directory.
const SOCKET: &str = "keeper";
