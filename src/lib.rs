//! jailsh: jails that the kernel enforces, driven by scripts.
//!
//! Imports go one way: `cli` -> `lsp`, `repl` -> `script` -> `simulate` -> `perform`, `fleet` -> `plan` -> `supervise`, `telemetry` -> `jail` ->
//! `kernel`; `live` stands on `telemetry`.
//!
//! On NetBSD the program is `jailctl` alone, over the kauth(9) module: there the parts that differ are the directories
//! `netbsd` of `kernel`, `jail`, `supervise` and `cli`, and a part that is not named below is not there.

#[cfg_attr(target_os = "netbsd", path = "cli/netbsd/mod.rs")]
pub mod cli;
#[cfg(target_os = "linux")]
pub mod fleet;
#[cfg_attr(target_os = "netbsd", path = "jail/netbsd/mod.rs")]
pub mod jail;
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod live;
#[cfg(target_os = "linux")]
pub mod lsp;
#[cfg(target_os = "linux")]
pub mod perform;
#[cfg(target_os = "linux")]
pub mod plan;
#[cfg(target_os = "linux")]
pub mod repl;
#[cfg(target_os = "linux")]
pub mod script;
#[cfg(target_os = "linux")]
pub mod simulate;
#[cfg_attr(target_os = "netbsd", path = "supervise/netbsd/mod.rs")]
pub mod supervise;
#[cfg_attr(target_os = "netbsd", path = "telemetry/netbsd.rs")]
pub mod telemetry;
