//! What the loaded module enforces, told from what is attached, not from what should be.

use std::collections::HashSet;
use std::fs;

use super::abi::ABI;
use super::hooks::{self, Hook};
use super::pins;
use crate::kernel::{Description, Enforcement, Right, RightStatus, cgroup};

/// Names of the pinned programs and links of the generation in use.
pub fn attached() -> HashSet<String> {
    let Ok(entries) = fs::read_dir(pins::current("")) else { return HashSet::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// What gets through all the same, on every kernel: no hook is asked there. Of rights that capabilities take none may be here:
/// a jail without one would lose the capability, and the module could neither count nor audit its use.
const GAPS: &[(&str, &str)] = &[
    (
        "process_see",
        "that a pid is in use can be told, and of one that is: its priority, limits and CPU clock; and what /proc tells of the whole \
         host names some (locks, timers)",
    ),
    ("ipc_foreign", "the totals of shared memory can be read, whoever made it"),
    ("keyring", "a named session keyring of the same user can be joined, though its keys are neither read nor listed"),
];

/// How one right is held.
pub fn enforcement(right: Right, table: &[Hook], attached: &HashSet<String>) -> Enforcement {
    let holding: Vec<&Hook> = table.iter().filter(|hook| hook.rights.mask() >> right.index() & 1 == 1).collect();
    let (mut live, mut missing): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for hook in holding {
        if attached.contains(hook.program) { &mut live } else { &mut missing }.push(hook.name());
    }
    // Some hooks have a program for each of their signatures.
    live.dedup();
    missing.retain(|name| !live.contains(name));
    if live.is_empty() {
        return Enforcement::NotEnforceable { why: format!("this kernel has no hook {}", missing.join(" or ")) };
    }
    let by = live.join(", ");
    match GAPS.iter().find(|(name, _)| *name == right.name()) {
        Some((_, gap)) => Enforcement::Weaker { by, gap: (*gap).into() },
        None => Enforcement::Enforced { by },
    }
}

/// Every right, on a kernel that has every hook.
pub fn with_every_hook() -> Vec<RightStatus> {
    let table = hooks::all();
    let attached = table.iter().map(|hook| hook.program.to_owned()).collect();
    Right::all().map(|right| RightStatus { right, enforcement: enforcement(right, &table, &attached) }).collect()
}

/// What belongs to no right.
const NOTES: [&str; 4] = [
    "what the host mounts of sysfs or control groups in a jail's root can be read, as its modes allow; so can what /proc tells of the whole \
     host, as load, memory and the paths of unix sockets",
    "files that the host shares with a jail, as those of its base, can be watched by inotify and locked by whoever may read them",
    "inotify instances and whatever else the kernel counts by user id are shared with the host's users of the same number",
    "directory reads by root ask for file_handle before they do without, so some of its denials were no attempt at anything",
];

/// Of every kernel.
pub fn notes() -> impl Iterator<Item = &'static str> {
    NOTES.into_iter()
}

pub fn describe() -> Description {
    let (table, attached) = (hooks::all(), attached());
    let mut notes: Vec<String> = notes().map(str::to_owned).collect();
    if cgroup::mount().is_none() {
        notes.push("no cgroup2 file system is mounted: jails cannot be frozen, and CPU time is the module's own count".into());
    }
    let rights = Right::all().map(|right| RightStatus { right, enforcement: enforcement(right, &table, &attached) });
    Description { body: "lsm", abi: ABI, kernel: super::kernel_release(), rights: rights.collect(), notes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::policy::{self, Action};

    #[test]
    fn a_right_without_an_attached_hook_is_not_enforceable() {
        let table = hooks::all();
        let right: Right = "userfaultfd".parse().unwrap();
        let why = enforcement(right, &table, &HashSet::new());
        assert_eq!(why, Enforcement::NotEnforceable { why: "this kernel has no hook inode_init_security_anon".into() });
        let attached = HashSet::from(["on_inode_init_security_anon".to_owned()]);
        assert_eq!(enforcement(right, &table, &attached), Enforcement::Enforced { by: "inode_init_security_anon".into() });
    }

    #[test]
    fn what_gets_through_is_told_of_rights_that_exist_and_that_no_capability_takes() {
        let statuses = with_every_hook();
        for (name, gap) in GAPS {
            let right: Right = name.parse().unwrap();
            let status = statuses.iter().find(|status| status.right == right).unwrap();
            assert!(matches!(&status.enforcement, Enforcement::Weaker { gap: told, .. } if told == gap), "{status:?}");
            let by_capability = (0..64).filter_map(|cap| policy::right_of(Action::Capability(cap)));
            assert!(by_capability.into_iter().all(|taken| taken != right), "{name}");
        }
    }

    #[test]
    fn one_of_two_programs_for_a_hook_is_enough() {
        let attached = HashSet::from(["on_inode_setattr_unmapped".to_owned()]);
        let right: Right = "sysctl_write".parse().unwrap();
        assert_eq!(enforcement(right, &hooks::all(), &attached), Enforcement::Enforced { by: "inode_setattr".into() });
    }
}
