//! Which right is held by what here, told from what this kernel really takes.
//!
//! System calls and capabilities come from the tables that enforce them. What else holds a right, and what gets through,
//! is written down here.

use super::{calls, sockets};
use crate::kernel::policy::{Action, right_asked};
use crate::kernel::{CAPABILITIES, Description, Enforcement, Right, RightSet, RightStatus};

/// What was found out about this machine.
pub struct Facts {
    pub abi: u32,
    /// Do the programs that keep reserved ports load? Else why not.
    pub ports: Result<(), String>,
    /// Do those that judge the opening of devices?
    pub devices: Result<(), String>,
}

const NODES: &str = "Landlock make_char make_block";

/// Walls that no table lists, by right.
const OTHER_WALLS: &[(&str, &str)] = &[
    ("process_see", "hidepid mount of /proc, Landlock domain"),
    ("process_signal", "Landlock scope signal"),
    ("process_trace", "Landlock domain"),
    ("ipc_foreign", "IPC namespace"),
    ("unix_foreign", "Landlock scope abstract_unix_socket, mount namespace"),
    ("descriptor_receive", "Landlock domain"),
    ("jail_enter", "Landlock domain, control groups not mounted inside"),
    ("module_tamper", "not mounted inside, Landlock domain"),
    ("process_table", "control group pids, cgroup.kill"),
    ("mount", "Landlock domain"),
    ("mknod", NODES),
    ("mknod", "capability mknod"),
    ("device", "nodev mounts"),
    ("device", NODES),
    ("sysctl_write", "read-only binds in the jail's /proc, Landlock domain"),
    ("kernel_fs_write", "not mounted inside, Landlock domain"),
    ("foreign_mount", "mount namespace, Landlock domain"),
    ("setuid_exec", "no_new_privs"),
];

/// What gets through all the same.
const GAPS: &[(&str, &str)] = &[
    (
        "process_see",
        "whether a pid is in use can be told, and of one that is: its group, session, scheduling, priority, limits, CPU clock and \
         capabilities",
    ),
    (
        "process_table",
        "what is born while the jail is being stopped is not refused but killed with the rest; open files are not counted",
    ),
    ("ptrace", "a process can still read and write the memory of its user's processes in the jail by /proc/PID/mem"),
    (
        "kernel_module",
        "the kernel still loads a module that the host has installed when it needs one itself, as for a terminal's line discipline \
         or a format of programs",
    ),
    (
        "foreign_mount",
        "a descriptor that was handed in works as it was opened, and mode, owner, times and attributes can be changed through it",
    ),
    (
        "kernel_fs_write",
        "nothing of the kind is in a jail's root, nor can a member mount it; where the host mounts one there, its modes decide",
    ),
];

/// Rights that the programs about destinations hold, and what gets through those.
const DESTINATIONS: [(&str, &str); 2] = [
    (
        "connect",
        "a datagram socket that was connected elsewhere sends on, and a source route given with a single message makes it pass \
         another machine first",
    ),
    ("loopback_foreign", "an address that this machine got after a jail was last made or destroyed is not known as its own"),
];

/// Of a directory handed in, whatever the ABI.
const RECEIVED: &str = "a directory can be received, and nothing opened, made, renamed, removed or run through it, but its names can be \
                        listed, and mode, owner, times and attributes of what it holds changed";
/// Landlock judges connecting to a socket by its path since this ABI.
const ABI_OF_UNIX_PATHS: u32 = 9;

const NOTES: [&str; 8] = [
    "the policy of a live jail cannot be changed, for a domain and a filter are for ever: that takes the lsm body",
    "there is no audit mode, and denials are neither counted nor told: that takes the lsm body",
    "32-bit and x32 programs do not run in a jail: system calls by their numbers are answered ENOSYS",
    "io_uring is answered ENOSYS, for no filter sees what a ring is asked to do, unless the jail holds io_uring, io_uring_poll, \
     io_uring_command and every right to sockets",
    "setuid programs work where setuid_exec is held: what they can become is bounded by the jail's capabilities; where it is not, \
     they run as who started them",
    "scheduling, priority and limits are changed by a process for itself alone, named by 0: any other number is refused, that of \
     its own threads and of other members as well",
    "mounting is refused to every jail, also one that holds mount; a jail with mknod makes nodes of devices that every jail may open, with device of all, and can open none of them",
    "the kernel takes the capability that namespaces grants for the right checkpoint too: a jail that holds one has both",
];

pub fn describe(facts: &Facts) -> Description {
    let mut notes: Vec<String> = NOTES.map(str::to_owned).into();
    if let Err(why) = &facts.devices {
        notes.push(format!("no program judges the opening of devices a second time: {why}"));
    }
    let rights = Right::all().map(|right| RightStatus { right, enforcement: enforcement(right, facts) });
    let kernel = nix::sys::utsname::uname().map_or_else(|_| "?".into(), |names| names.release().to_string_lossy().into_owned());
    Description { body: "landlock", abi: facts.abi, kernel, rights: rights.collect(), notes }
}

fn enforcement(right: Right, facts: &Facts) -> Enforcement {
    if right.name() == "port_foreign" {
        return match &facts.ports {
            Ok(()) => Enforcement::Weaker {
                by: "cgroup programs bind4 bind6 post_bind4 post_bind6, ip_local_reserved_ports".into(),
                gap: "SCTP asks no program: no jail without socket_family has such sockets, but the host could take a reserved \
                      port by one; and a socket that held the port before it was reserved keeps it"
                    .into(),
            },
            Err(why) => Enforcement::NotEnforceable { why: why.clone() },
        };
    }
    if let Some(gap) = DESTINATIONS.iter().find(|(name, _)| *name == right.name()).map(|(_, gap)| *gap) {
        return match &facts.ports {
            Ok(()) => {
                let programs = Some(String::from("cgroup programs connect4 connect6 sendmsg4 sendmsg6"));
                let by = programs.into_iter().chain(listed("seccomp", system_calls(right))).collect::<Vec<_>>().join(", ");
                Enforcement::Weaker { by, gap: gap.into() }
            }
            Err(why) => Enforcement::NotEnforceable { why: why.clone() },
        };
    }
    let mut walls: Vec<String> = written(OTHER_WALLS, right).map(str::to_owned).collect();
    if right.name() == "device" && facts.devices.is_ok() {
        walls.push("cgroup program device".into());
    }
    walls.extend(listed("seccomp", system_calls(right)));
    walls.extend(listed("capability", capabilities(right)));
    if walls.is_empty() {
        return Enforcement::NotEnforceable { why: "nothing in this body refuses it".into() };
    }
    let by = walls.join(", ");
    match gap(right, facts.abi) {
        Some(gap) => Enforcement::Weaker { by, gap },
        None => Enforcement::Enforced { by },
    }
}

fn written(table: &[(&str, &'static str)], right: Right) -> impl Iterator<Item = &'static str> {
    table.iter().filter(move |(name, _)| *name == right.name()).map(|(_, text)| *text)
}

fn listed(what: &str, names: Vec<&str>) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what} {}", names.join(" ")))
}

/// Those that are refused, in whole or by argument, to a jail without the right.
fn system_calls(right: Right) -> Vec<&'static str> {
    let rows = calls::all().filter(|row| row.rights.contains(&right.name()));
    let mut names: Vec<&str> = rows.flat_map(|row| row.calls).map(calls::Call::name).collect();
    if sockets::are_about(right) {
        names.extend(["socket", "socketpair"]);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

fn capabilities(right: Right) -> Vec<&'static str> {
    let held = RightSet::EMPTY.with(right);
    let takes = |cap: &u32| right_asked(Action::Capability(*cap), held, RightSet::EMPTY) == Some(right);
    (0..).zip(CAPABILITIES).filter(|(cap, _)| takes(cap)).map(|(_, name)| name).collect()
}

fn gap(right: Right, abi: u32) -> Option<String> {
    if right.name() != "descriptor_receive" {
        return written(GAPS, right).next().map(str::to_owned);
    }
    let sockets = if abi < ABI_OF_UNIX_PATHS { ", and unix sockets in it connected to" } else { "" };
    Some(format!("{RECEIVED}{sockets}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { abi: 6, ports: Ok(()), devices: Ok(()) }
    }

    #[cfg(target_arch = "x86_64")]
    fn told(facts: &Facts) -> String {
        let description = Description { kernel: "6.12.0".into(), ..describe(facts) };
        serde_json::to_string_pretty(&description).unwrap()
    }

    // Other architectures lack some of the calls.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_right_has_a_wall_and_every_gap_is_told() {
        insta::assert_snapshot!(told(&facts()));
    }

    #[test]
    fn what_is_written_by_hand_is_about_rights_that_exist() {
        for (name, text) in OTHER_WALLS.iter().chain(GAPS) {
            assert!(name.parse::<Right>().is_ok(), "{name}: {text}");
        }
    }

    #[test]
    fn ports_that_no_program_keeps_are_not_enforceable_and_devices_are_held_without_one() {
        let facts = Facts { ports: Err("no cgroup2".into()), devices: Err("no cgroup2".into()), ..facts() };
        let description = describe(&facts);
        let of = |name: &str| description.enforcement(name.parse().unwrap()).unwrap().clone();
        assert_eq!(of("port_foreign"), Enforcement::NotEnforceable { why: "no cgroup2".into() });
        assert_eq!(of("device"), Enforcement::Enforced { by: "nodev mounts, Landlock make_char make_block".into() });
        assert!(description.notes.iter().any(|note| note.contains("no cgroup2")));
    }

    #[test]
    fn a_newer_landlock_closes_the_sockets_of_a_received_directory() {
        let gap_with = |abi| match enforcement("descriptor_receive".parse().unwrap(), &Facts { abi, ..facts() }) {
            Enforcement::Weaker { gap, .. } => gap,
            other => panic!("{other:?}"),
        };
        assert!(gap_with(8).contains("connected to"));
        assert!(!gap_with(9).contains("connected to"));
    }
}
