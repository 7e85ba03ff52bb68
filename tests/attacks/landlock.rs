//! Where the landlock body answers otherwise than the module: refused with another errno, open, or stricter. Each row has
//! its reason; one that ends otherwise than listed fails the test, so that the lists keep up with the body.

#![allow(dead_code, reason = "each test uses its part")]

use super::table::{Expectation, Row};

const SEEN: &str = "Landlock is not asked: a number that is in use answers";
const BY_MOUNT: &str = "a rule tells paths apart, not file systems: what an administrator mounts into a root is the jail's";
const PASSED: &str = "Landlock judges what is opened, not what is handed over; the descriptor opens nothing outside";

/// Rows that get through: the right they belong to, which `describe` must not call enforced, and why.
pub const OPEN: &[(&str, &str, &str)] = &[
    ("sched_getaffinity(host)", "process_see", SEEN),
    ("ioprio_get(host)", "process_see", SEEN),
    ("sched_getattr(host)", "process_see", SEEN),
    ("sched_getscheduler(host)", "process_see", SEEN),
    ("sched_rr_get_interval(host)", "process_see", SEEN),
    ("sched_getparam(host)", "process_see", SEEN),
    ("getpgid(host)", "process_see", SEEN),
    ("getsid(host)", "process_see", SEEN),
    ("capget(host)", "process_see", SEEN),
    ("open a sysfs knob for writing", "kernel_fs_write", BY_MOUNT),
    ("open any file of /sys/kernel for writing", "kernel_fs_write", BY_MOUNT),
    ("open a sysfs uevent for writing", "kernel_fs_write", BY_MOUNT),
    ("truncate a sysfs file", "kernel_fs_write", BY_MOUNT),
    ("chmod a sysfs file", "kernel_fs_write", BY_MOUNT),
    ("open cgroup.procs for writing", "kernel_fs_write", BY_MOUNT),
    ("open release_agent for writing", "kernel_fs_write", BY_MOUNT),
    ("mkdir in cgroup v2", "kernel_fs_write", BY_MOUNT),
    ("mkdir in cgroup v1", "kernel_fs_write", BY_MOUNT),
    ("rename in cgroup v1", "kernel_fs_write", BY_MOUNT),
    ("rmdir in cgroup v1", "kernel_fs_write", BY_MOUNT),
    ("mkdir in bpffs", "kernel_fs_write", BY_MOUNT),
    ("receive an O_PATH directory from the host", "descriptor_receive", PASSED),
    ("receive a namespace from the host", "descriptor_receive", PASSED),
    ("change a file's mode through a directory from the host", "descriptor_receive", "Landlock has no right for modes"),
];

const NO_CALL: &str = "what it does lies in memory, where no filter looks: as if the kernel had no such call";
const READ_ONLY: &str = "the host's part of /proc is mounted read-only, and a file may be missing from a kernel";
const OTHER_TABLE: &str = "the jail has IPC objects of its own: there is nothing of that key or number";

/// Rows that are refused as well as by the module: with which errno, and why with that one.
pub const OTHERWISE: &[(&str, &str, &str)] = &[
    ("FIOSETOWN(host) by a 32-bit call, SIGIO", "ENOSYS", "a jail has no 32-bit calls"),
    ("clone3(NEWUSER)", "ENOSYS", NO_CALL),
    ("clone3(NEWNS)", "ENOSYS", NO_CALL),
    ("clone3(chosen pid)", "ENOSYS", NO_CALL),
    ("io_uring worker opens a block node", "ENOSYS", NO_CALL),
    ("io_uring worker opens a kmsg node", "ENOSYS", NO_CALL),
    ("io_uring worker opens core_pattern for writing", "ENOSYS", NO_CALL),
    ("io_uring worker makes a packet socket", "ENOSYS", NO_CALL),
    ("io_uring worker connects to an abstract unix socket of the host", "ENOSYS", NO_CALL),
    ("io_uring worker sends to an abstract unix socket of the host", "ENOSYS", NO_CALL),
    ("io_uring worker binds a reserved port", "ENOSYS", NO_CALL),
    ("io_uring worker makes a directory in cgroup v1", "ENOSYS", NO_CALL),
    ("io_uring with a polling kernel thread", "ENOSYS", NO_CALL),
    ("io_uring with borrowed credentials", "ENOSYS", NO_CALL),
    ("open core_pattern for writing", "EROFS", READ_ONLY),
    ("open pid_max for writing", "EROFS", READ_ONLY),
    ("open modprobe for writing", "EROFS|ENOENT", READ_ONLY),
    ("open ip_local_reserved_ports for writing", "EROFS", READ_ONLY),
    ("open any sysctl for writing (CVE-2022-0811)", "EROFS", READ_ONLY),
    ("open any other file of /proc for writing", "EROFS|ENOENT|EACCES", READ_ONLY),
    ("open sysrq-trigger for writing", "EROFS|ENOENT|EACCES", READ_ONLY),
    ("open /proc/kcore", "ENOENT|EACCES|EPERM", READ_ONLY),
    ("find addresses in /proc/modules", "ENOENT|EPERM", READ_ONLY),
    ("shmget by the host's key", "ENOENT", OTHER_TABLE),
    ("shmat by the host's id", "EINVAL", OTHER_TABLE),
    ("shmctl(IPC_STAT) by the host's id", "EINVAL", OTHER_TABLE),
    ("shmctl(SHM_STAT) by the host's index", "EINVAL", OTHER_TABLE),
    ("shmctl(SHM_STAT_ANY) by the host's index", "EINVAL", OTHER_TABLE),
    ("shmctl(IPC_RMID) by the host's id", "EINVAL", OTHER_TABLE),
    ("semget by the host's key", "ENOENT", OTHER_TABLE),
    ("semctl(GETVAL) by the host's id", "EINVAL", OTHER_TABLE),
    ("semop by the host's id", "EINVAL", OTHER_TABLE),
    ("msgget by the host's key", "ENOENT", OTHER_TABLE),
    ("msgsnd by the host's id", "EINVAL", OTHER_TABLE),
    ("msgrcv by the host's id", "EINVAL", OTHER_TABLE),
    ("msgctl(IPC_RMID) by the host's id", "EINVAL", OTHER_TABLE),
    ("find the host's segment in /proc/sysvipc/shm", "ENOENT", OTHER_TABLE),
    ("find the host's semaphore in /proc/sysvipc/sem", "ENOENT", OTHER_TABLE),
    ("find the host's queue in /proc/sysvipc/msg", "ENOENT", OTHER_TABLE),
    ("mq_open the host's queue", "ENOENT|EACCES", OTHER_TABLE),
    ("mq_unlink the host's queue", "ENOENT|EACCES", OTHER_TABLE),
];

/// Rows that work under the module, or get through there, and are refused here: with which errno, and why.
pub const STRICTER: &[(&str, &str, &str)] = &[
    ("keyctl(JOIN_SESSION)", "EPERM", "the filter refuses keyrings as a whole"),
    ("process_mrelease(host)", "EPERM", "the filter refuses the call"),
    ("io_uring worker opens a plain file", "ENOSYS", NO_CALL),
    ("io_uring does nothing", "ENOSYS", NO_CALL),
];

/// Rows that are open under the module, and tell of the jail's own things alone here.
pub const OF_ITS_OWN: &[(&str, &str, &str)] =
    &[("shmctl(SHM_INFO)", "ok", "the jail has IPC objects of its own, and it tells of these")];

const NAMED: &str = "the filter cannot tell a member's number from an outsider's";

/// What a member may do under the module to another of its jail, and not here: with which errno, and why.
pub const TO_SIBLINGS: &[(&str, &str, &str)] = &[
    ("sched_setaffinity(host)", "EPERM", NAMED),
    ("setpriority(host)", "EPERM", NAMED),
    ("setpriority(group of host)", "EPERM", NAMED),
    ("ioprio_set(host)", "EPERM", NAMED),
    ("ioprio_set(group of host)", "EPERM", NAMED),
    ("sched_setscheduler(host)", "EPERM", NAMED),
    ("prlimit(host, set)", "EPERM", NAMED),
    ("FIOSETOWN(host) by a 32-bit call, SIGIO", "ENOSYS", "a jail has no 32-bit calls"),
];

/// How a connection ends to a socket of another jail, or of the host, whose path is in both roots.
pub const PATH_SOCKET: &str = "ok";

/// Refusals that need no reason: a capability that is not there, a call that the filter refuses, a path outside.
const REFUSALS: [&str; 2] = ["EPERM", "EACCES"];

fn listed(list: &[(&str, &str, &str)], row: &Row) -> Option<String> {
    list.iter().find(|(name, ..)| *name == row.name).map(|(_, what, _)| (*what).to_owned())
}

/// How a deed of a member on a member is refused, if it is.
pub fn to_sibling(name: &str) -> Option<&'static str> {
    TO_SIBLINGS.iter().find(|(row, ..)| *row == name).map(|(_, errno, _)| *errno)
}

fn is_one_of(list: &str, result: &str) -> bool {
    list.split('|').any(|one| one == result)
}

/// What is wrong with how a row ended in a jail, if anything.
pub fn verdict(row: &Row, result: &str) -> Option<String> {
    let name = &row.name;
    if listed(OPEN, row).is_some() {
        let through = row.in_chroot.iter().any(|one| one == result);
        return (!through).then(|| format!("{name}: {result} in the jail, so it is not open: take it off the list"));
    }
    if let Some(errno) = listed(STRICTER, row) {
        return (!is_one_of(&errno, result)).then(|| format!("{name}: {result} in the jail, not {errno} as listed"));
    }
    let fits = match row.expectation {
        Expectation::Denied => {
            let otherwise = listed(OTHERWISE, row);
            if let Some(errno) = otherwise {
                is_one_of(&errno, result)
            } else {
                REFUSALS.contains(&result) || row.in_jail.iter().any(|one| one == result)
            }
        }
        Expectation::Works | Expectation::Open => row.in_jail.iter().any(|one| one == result),
    };
    (!fits).then(|| format!("{name}: {result} in the jail"))
}

/// Does a row that is open over the module reach the host here, too?
pub fn is_open_too(name: &str) -> bool {
    [STRICTER, OF_ITS_OWN].concat().iter().all(|(row, ..)| *row != name)
}
