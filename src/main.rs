//! One binary: `jailsh`, `jailctl` and `jailmgr` by the name it is called under, in a jail the program that tries probes; a
//! supervisor or a keeper by its title.

use std::process::ExitCode;

fn main() -> ExitCode {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use jailsh::jail::{keeper, proof};
    use jailsh::supervise;

    let title = std::env::args_os().next().unwrap_or_default();
    if title.as_bytes().starts_with(supervise::TITLE.as_bytes()) {
        return supervise::monitor_main();
    }
    if title.as_bytes().starts_with(keeper::TITLE.as_bytes()) {
        return keeper::main();
    }
    if Path::new(&title).file_name().is_some_and(|name| name == proof::PROGRAM) {
        return proof::main();
    }
    jailsh::cli::main(&title)
}
