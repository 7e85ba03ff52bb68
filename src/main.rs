//! One binary: `jailsh`, `jailctl` and `jailmgr` by the name it is called under, and the monitor process by its title.

use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use jailsh::{cli, supervise};

fn main() -> ExitCode {
    let title = std::env::args_os().next().unwrap_or_default();
    if title.as_bytes().starts_with(supervise::TITLE.as_bytes()) {
        return supervise::monitor_main();
    }
    cli::main(&title)
}
