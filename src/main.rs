//! One binary, three names: `jailsh`, `jailctl` and `jailmgr` (by the name it is called under).

use std::process::ExitCode;

fn main() -> ExitCode {
    jailsh::cli::main()
}
