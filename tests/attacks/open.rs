//! The rows that get through in a jail of either body (one that landlock.rs calls stricter is refused there): what each tells
//! or takes, of which right, and why it stays. A row that is open and not listed here fails the tests, and so does one that is
//! listed and not open, and a body that says it holds the right in full.

#![allow(dead_code, reason = "each test uses its part")]

use jailsh::kernel::{Description, Enforcement, Right};

const NUMBERS: &str = "no hook is asked; it tells that a pid is in use, or a number of its process, and changes nothing";
const OWN: &str = "it reaches nothing of anybody else's";
const LISTING: &str = "reading is not writing: it tells root about the whole host, by name and number";

/// Rows of this belong to no right: they reach nothing that one keeps.
pub const NO_RIGHT: &str = "";

/// Name, the right it belongs to, and reason.
pub const OPEN: &[(&str, &str, &str)] = &[
    ("pidfd_open(host)", "process_see", NUMBERS),
    ("waitid(P_PIDFD, host)", "process_see", NUMBERS),
    ("getpriority(host)", "process_see", NUMBERS),
    ("prlimit(host, get)", "process_see", NUMBERS),
    ("clock_gettime(cpu clock of host)", "process_see", NUMBERS),
    (
        "tell a used pid from a free one by kill",
        "process_see",
        "the hook may answer EPERM alone: with ESRCH, kill(2) would try again for ever",
    ),
    (
        "tell a used pid from a free one by a path below /proc/PID, after the host looked",
        "process_see",
        "once somebody of the host looked a process up in the jail's own /proc, its name is remembered there",
    ),
    ("process_mrelease(host)", "process_see", "it takes a process that is being killed; of any other it says EINVAL"),
    (
        "see by inotify that the host opens a shared file",
        NO_RIGHT,
        "who may read a file may watch it; a jail with a base of its own shares none with the host",
    ),
    (
        "hold a lock on a shared file",
        NO_RIGHT,
        "who may open a file may lock it; a jail with a base of its own shares none with the host",
    ),
    (
        "take every inotify instance of the user id",
        NO_RIGHT,
        "the kernel counts them by user id, and root of a jail has the host's; run services under users of their own",
    ),
    ("shmctl(SHM_INFO)", "ipc_foreign", "it tells how many segments there are in all"),
    (
        "keyctl(JOIN_SESSION)",
        "keyring",
        "no hook is asked; a named session of root's can be joined, and its keys still be neither read nor listed",
    ),
    ("memfd_secret", NO_RIGHT, OWN),
    ("lookup_dcookie", NO_RIGHT, "the call is gone from the kernel, or asks for a cookie that only a profiler has"),
    ("personality", NO_RIGHT, OWN),
    ("name_to_handle_at", NO_RIGHT, "a handle tells an inode's number; opening by it is refused"),
    ("open(O_PATH) a kmsg node", NO_RIGHT, "it opens no device, and what is opened through it is judged"),
    ("open /proc/net/unix", NO_RIGHT, LISTING),
    ("open /proc/locks", "process_see", LISTING),
    ("open /proc/timer_list", "process_see", LISTING),
    ("open /proc/kpagecount", NO_RIGHT, LISTING),
];

/// Rows that are open over a body, of rights that it claims to hold in full.
pub fn untold(description: &Description, is_open: impl Fn(&str) -> bool) -> Vec<String> {
    let rows = OPEN.iter().filter(|(name, right, _)| *right != NO_RIGHT && is_open(name));
    claimed(description, rows)
}

/// Of these rows, that are open, those of rights that are described as enforced.
pub fn claimed<'a>(description: &Description, rows: impl Iterator<Item = &'a (&'a str, &'a str, &'a str)>) -> Vec<String> {
    let is_claimed = |right: &str| {
        let right: Right = right.parse().unwrap_or_else(|()| panic!("no right {right}"));
        matches!(description.enforcement(right), None | Some(Enforcement::Enforced { .. }))
    };
    let claimed = rows.filter(|(_, right, _)| is_claimed(right));
    claimed.map(|(name, right, _)| format!("{name}: open, but {right} is described as enforced")).collect()
}

/// Why a row gets through in every jail, if it does.
pub fn reason(name: &str) -> Option<&'static str> {
    OPEN.iter().find(|(row, ..)| *row == name).map(|(.., reason)| *reason)
}
