//! One binary: `jailsh`, `jailctl` and `jailmgr` by the name it is called under; a supervisor or a keeper by its title.

use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use jailsh::jail::keeper;
use jailsh::{cli, supervise};

fn main() -> ExitCode {
    let title = std::env::args_os().next().unwrap_or_default();
    if title.as_bytes().starts_with(supervise::TITLE.as_bytes()) {
        return supervise::monitor_main();
    }
    if title.as_bytes().starts_with(keeper::TITLE.as_bytes()) {
        return keeper::main();
    }
    cli::main(&title)
}
