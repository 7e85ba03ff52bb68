//! A jail on this host: its spec, its files, its root, and the way in. Touches the data directory, the run directory and
//! mounts; asks the kernel through [`crate::kernel::Kernel`].

mod configure;
mod data;
mod descendants;
mod enter;
mod error;
mod exec;
pub(crate) mod fork;
mod host;
pub mod keeper;
mod lifecycle;
pub(crate) mod relaunch;
mod relay;
mod root;
mod script_file;
pub mod spec;
mod store;
mod terminal;
mod update;

pub use configure::{configure, spec_text};
pub use enter::{Child, Command, Stdio, spawn, spawn_service};
pub use error::JailError;
pub use exec::{ExecRequest, Output, apply, exec};
pub use host::{Config, Host};
pub use lifecycle::{Change, Observed, Running, bring_up, create, destroy, observe, observe_all, tear_down};
pub use root::prepare_run_dir;
pub use spec::{Log, Restart, Spec};
pub use store::Lock;
pub use update::{PolicyChange, Wanted, update};
