//! start, stop and supervise with real jails: roots, namespaces, processes and monitors, but a kernel body that enforces
//! nothing. Needs root.
//!
//! Entering a jail forks, which only a process with one thread may: so this is a harness of its own, a process and a mount
//! namespace a case.

#[path = "../support/asked.rs"]
mod asked;
#[allow(dead_code, reason = "shared with the tests of roots, which use all of it")]
#[path = "../roots/bench.rs"]
mod bench;
#[path = "../support/case.rs"]
mod case;
mod cases;
#[allow(dead_code, reason = "shared with the tests of roots, which use all of it")]
#[path = "../roots/kernel.rs"]
mod kernel;

use std::process::ExitCode;
use std::rc::Rc;

use jailsh::supervise::{TITLE, monitor_main_over};

use asked::Asked;

fn main() -> ExitCode {
    if std::env::args().next().is_some_and(|name| name.starts_with(TITLE)) {
        return monitor_main_over(|config| {
            let state = config.run_dir.parent().expect("a scratch directory").join("kernel");
            Ok(Rc::new(kernel::Plain::new(config, state)))
        });
    }
    let asked = Asked::of_this_process();
    let cases: Vec<_> = cases::CASES.iter().filter(|(name, _)| asked.wants(name)).copied().collect();
    if asked.list {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    case::run_all("supervisors", &cases)
}
