//! A jail on this host: its spec, its files, its root, and the way in. Touches the data directory, the run directory and
//! mounts; asks the kernel through [`crate::kernel::Kernel`].

mod enter;
mod error;
mod exec;
mod host;
mod lifecycle;
mod root;
pub mod spec;
mod store;

pub use enter::{Child, Command, Stdio, spawn};
pub use error::JailError;
pub use exec::{ExecRequest, Output, apply, exec};
pub use host::{Config, Host};
pub use lifecycle::{Change, Observed, Running, bring_up, create, destroy, observe, observe_all, tear_down};
pub use spec::{Log, Restart, Spec};
pub use store::Lock;
