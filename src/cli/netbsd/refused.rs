//! What Linux has and NetBSD has not: said, with what there is instead.

use super::Outcome;
use super::failure::{Exit, Failure};

/// Verbs of jailctl on Linux, and what to do here.
const VERBS: [(&str, &str); 8] = [
    ("denials", "the module counts denials, see jailctl stats -v, and names each right in the kernel's log"),
    ("freeze", "kauth(9) has no way to stop a process for good: use jailctl kill -s STOP, which a member can undo"),
    ("logs", "a service's lines are in the system's log, under the tag of jailctl supervise -t"),
    ("metrics", "jailctl stats -P has the numbers"),
    ("status", "jailctl list has the jails, and jailctl info NAME says who supervises one"),
    ("thaw", "nothing is ever frozen: use jailctl kill -s CONT for what was stopped"),
    ("top", "use top(1), or jailctl stats again and again"),
    ("wait", "jailctl supervise returns when the service runs, and jailctl destroy --stop when it has ended"),
];

fn unavailable(what: &str, instead: &str) -> Failure {
    Failure::new(Exit::UNAVAILABLE, format!("{what} is not there on NetBSD; {instead}"))
}

pub fn verb(name: &str) -> Outcome {
    Err(match VERBS.iter().find(|(verb, _)| *verb == name) {
        Some((_, instead)) => unavailable(&format!("jailctl {name}"), instead),
        None => Failure::new(Exit::USAGE, format!("{name:?} is no verb; see jailctl --help")),
    })
}

pub fn tool(name: &str) -> Outcome {
    Err(unavailable(name, "of the three tools jailctl alone is; docs/netbsd.md says how jails are kept over a boot"))
}
