//! Roots, entering and the life of a jail, with real namespaces and real processes but without the module. Needs root.
//!
//! The cases fork, which only a process with one thread may: so this is a harness of its own, a process and a mount namespace a
//! case.

mod archives;
#[path = "../support/asked.rs"]
mod asked;
mod bases;
mod bench;
#[path = "../support/case.rs"]
mod case;
mod entering;
mod forged;
mod hostile;
mod kernel;
mod life;
mod running;
mod snapshots;
mod terminal;
mod trees;

use std::process::ExitCode;

use asked::Asked;
use case::Case;

#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const CASES: &[$crate::Case] = &[$((stringify!($name), $name as fn())),*];
    };
}

fn main() -> ExitCode {
    let asked = Asked::of_this_process();
    let cases = [
        life::CASES,
        entering::CASES,
        running::CASES,
        terminal::CASES,
        hostile::CASES,
        bases::CASES,
        snapshots::CASES,
        archives::CASES,
        forged::CASES,
    ]
    .concat();
    let cases: Vec<Case> = cases.into_iter().filter(|(name, _)| asked.wants(name)).collect();
    if asked.list {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    case::run_all("roots", &cases)
}
