//! The rows that get through in a jail of either body (one that landlock.rs calls stricter is refused there): what each tells
//! or takes, and why it stays. A row that is open and not listed here fails the tests, and so does one that is listed and not open.

#![allow(dead_code, reason = "each test uses its part")]

const NUMBERS: &str = "no hook is asked; it tells that a pid is in use, or a number of its process, and changes nothing";
const OWN: &str = "it reaches nothing of anybody else's";
const LISTING: &str = "reading is not writing: it tells root about the whole host, by name and number";

/// Name and reason.
pub const OPEN: &[(&str, &str)] = &[
    ("pidfd_open(host)", NUMBERS),
    ("waitid(P_PIDFD, host)", NUMBERS),
    ("getpriority(host)", NUMBERS),
    ("prlimit(host, get)", NUMBERS),
    ("clock_gettime(cpu clock of host)", NUMBERS),
    ("tell a used pid from a free one by kill", "the hook may answer EPERM alone: with ESRCH, kill(2) would try again for ever"),
    (
        "tell a used pid from a free one by a path below /proc/PID, after the host looked",
        "once somebody of the host looked a process up in the jail's own /proc, its name is remembered there",
    ),
    ("process_mrelease(host)", "it takes a process that is being killed; of any other it says EINVAL"),
    (
        "see by inotify that the host opens a shared file",
        "who may read a file may watch it; a jail with a base of its own shares none with the host",
    ),
    ("hold a lock on a shared file", "who may open a file may lock it; a jail with a base of its own shares none with the host"),
    (
        "take every inotify instance of the user id",
        "the kernel counts them by user id, and root of a jail has the host's; run services under users of their own",
    ),
    ("shmctl(SHM_INFO)", "it tells how many segments there are in all"),
    (
        "keyctl(JOIN_SESSION)",
        "no hook is asked; a named session of root's can be joined, and its keys still be neither read nor listed",
    ),
    ("memfd_secret", OWN),
    ("lookup_dcookie", "the call is gone from the kernel, or asks for a cookie that only a profiler has"),
    ("personality", OWN),
    ("name_to_handle_at", "a handle tells an inode's number; opening by it is refused"),
    ("open(O_PATH) a kmsg node", "it opens no device, and what is opened through it is judged"),
    ("open /proc/net/unix", LISTING),
    ("open /proc/locks", LISTING),
    ("open /proc/timer_list", LISTING),
    ("open /proc/kpagecount", LISTING),
];

/// Why a row gets through in every jail, if it does.
pub fn reason(name: &str) -> Option<&'static str> {
    OPEN.iter().find(|(row, _)| *row == name).map(|(_, reason)| *reason)
}
