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
    Enforcement::Enforced { by: live.join(", ") }
}

/// Every right, on a kernel that has every hook.
pub fn with_every_hook() -> Vec<RightStatus> {
    let table = hooks::all();
    let attached = table.iter().map(|hook| hook.program.to_owned()).collect();
    Right::all().map(|right| RightStatus { right, enforcement: enforcement(right, &table, &attached) }).collect()
}

/// What no hook of any kernel we know lets the module refuse.
const NOT_HELD: &str = "a member can tell that a pid is in use (pidfd_open, kill's errno), read its priority, limits and CPU clock, \
                        and see the totals of shared memory: the kernel asks no security module there";

pub fn describe() -> Description {
    let (table, attached) = (hooks::all(), attached());
    let mut notes = vec![NOT_HELD.to_owned()];
    if cgroup::mount().is_none() {
        notes.push("no cgroup2 file system is mounted: jails cannot be frozen, and CPU time is the module's own count".into());
    }
    let rights = Right::all().map(|right| RightStatus { right, enforcement: enforcement(right, &table, &attached) });
    Description { body: "lsm", abi: ABI, kernel: super::kernel_release(), rights: rights.collect(), notes }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn one_of_two_programs_for_a_hook_is_enough() {
        let attached = HashSet::from(["on_inode_setattr_unmapped".to_owned()]);
        let right: Right = "sysctl_write".parse().unwrap();
        assert_eq!(enforcement(right, &hooks::all(), &attached), Enforcement::Enforced { by: "inode_setattr".into() });
    }
}
