//! jailsh: jails that the kernel enforces, driven by scripts.
//!
//! Imports go one way: `cli` -> `lsp`, `repl` -> `script` -> `simulate` -> `perform`, `fleet` -> `plan` -> `supervise`, `telemetry` -> `jail` ->
//! `kernel`; `live` stands on `telemetry`.

pub mod cli;
pub mod fleet;
pub mod jail;
pub mod kernel;
pub mod live;
pub mod lsp;
pub mod perform;
pub mod plan;
pub mod repl;
pub mod script;
pub mod simulate;
pub mod supervise;
pub mod telemetry;
