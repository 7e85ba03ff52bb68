//! Which system calls each right is about: the table that the filter is generated from and `describe` reads.
//!
//! A rule compares registers, never memory: what a pointer leads to can be changed by another thread between the filter's
//! look and the kernel's. Calls whose meaning lies in memory (clone3, io_uring, bpf) are refused as a whole.

use libc::{ENOSYS, EPERM};

/// One system call of the machine at hand.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    symbol: &'static str,
    pub number: i64,
}

impl Call {
    pub fn name(&self) -> &'static str {
        self.symbol.strip_prefix("SYS_").unwrap_or(self.symbol)
    }
}

/// A condition on one argument register. The kernel reads an int or unsigned from the lower half alone, so that is what is
/// compared; a pointer is compared whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    pub index: u8,
    pub compare: Compare,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Is(u32),
    IsNot(u32),
    AtLeast(u32),
    AtMost(u32),
    /// The bits under the mask are these.
    Bits {
        mask: u32,
        value: u32,
    },
    /// A pointer that leads somewhere.
    NotNull,
}

/// All of them hold.
pub type Case = &'static [Argument];

/// Refused to a jail that lacks any of the rights: these calls, in any of the cases (in every case if none is listed).
pub struct Row {
    pub rights: &'static [&'static str],
    pub calls: &'static [Call],
    pub cases: &'static [Case],
    pub errno: i32,
}

const fn is(index: u8, value: u32) -> Argument {
    Argument { index, compare: Compare::Is(value) }
}

const fn is_not(index: u8, value: u32) -> Argument {
    Argument { index, compare: Compare::IsNot(value) }
}

const fn at_least(index: u8, value: u32) -> Argument {
    Argument { index, compare: Compare::AtLeast(value) }
}

const fn not_null(index: u8) -> Argument {
    Argument { index, compare: Compare::NotNull }
}

/// The flag is set.
const fn has(index: u8, flag: i32) -> Argument {
    bits(index, flag as u32, flag as u32)
}

const fn bits(index: u8, mask: u32, value: u32) -> Argument {
    Argument { index, compare: Compare::Bits { mask, value } }
}

macro_rules! calls {
    ($($name:ident),*) => { &[$(Call { symbol: stringify!($name), number: libc::$name }),*] };
}

macro_rules! row {
    ($($right:literal)|+, [$($name:ident),*]) => { row!($($right)|+, [$($name),*], &[]) };
    ($($right:literal)|+, [$($name:ident),*], $cases:expr) => { row!($($right)|+, [$($name),*], $cases, EPERM) };
    ($($right:literal)|+, [$($name:ident),*], $cases:expr, $errno:ident) => {
        Row { rights: &[$($right),+], calls: calls![$($name),*], cases: $cases, errno: $errno }
    };
}

/// Newer than the libc crate. Numbers from 424 on are those of every architecture.
const SYS_OPEN_TREE_ATTR: Call = Call { symbol: "open_tree_attr", number: 467 };
const SYS_FILE_SETATTR: Call = Call { symbol: "file_setattr", number: 469 };

/// unshare(2) takes it; in clone(2) the bit belongs to the exit signal.
const NEWTIME: i32 = 0x80;
const NODE_KINDS: [u32; 2] = [libc::S_IFCHR, libc::S_IFBLK];
/// ioprio_set(2): a process, a group; beyond is a user.
const IOPRIO_WHO_USER: u32 = 3;
/// setpriority(2): a process and a group come before it.
const PRIO_USER: u32 = 2;
/// ioctl_console(2): pastes and scrolls like a keyboard would.
const TIOCLINUX: u32 = 0x541c;
const TIOCSTI: u32 = libc::TIOCSTI as u32;
/// linux/fs.h: a file's project and flags, which its owner may change.
const FS_IOC_FSSETXATTR: u32 = 0x401c_5820;
const FS_IOC_SETFLAGS: u32 = libc::FS_IOC_SETFLAGS as u32;
/// linux/in6.h
const IPV6_2292RTHDR: u32 = 5;
const IPV6_2292PKTOPTIONS: u32 = 6;

/// Namespaces asked for by the flags in register 0.
const NAMESPACES: &[Case] = &[
    &[has(0, libc::CLONE_NEWNS)],
    &[has(0, libc::CLONE_NEWCGROUP)],
    &[has(0, libc::CLONE_NEWUTS)],
    &[has(0, libc::CLONE_NEWIPC)],
    &[has(0, libc::CLONE_NEWPID)],
    &[has(0, libc::CLONE_NEWNET)],
];

/// Level and name of what the kernel gives to CAP_NET_RAW, which ping opens too, see jp_right_of_socket_option.
const FORGING: &[Case] = &[
    &[is(1, libc::IPPROTO_IP as u32), is(2, libc::IP_HDRINCL as u32)],
    &[is(1, libc::IPPROTO_IP as u32), is(2, libc::IP_TRANSPARENT as u32)],
    &[is(1, libc::IPPROTO_IPV6 as u32), is(2, libc::IPV6_HDRINCL as u32)],
    &[is(1, libc::IPPROTO_IPV6 as u32), is(2, libc::IPV6_TRANSPARENT as u32)],
];
const MARKS: &[Case] = &[&[is(1, libc::SOL_SOCKET as u32), is(2, libc::SO_MARK as u32)]];

/// Level and name of what has packets pass another machine first.
const SOURCE_ROUTES: &[Case] = &[
    &[is(1, libc::IPPROTO_IP as u32), is(2, libc::IP_OPTIONS as u32)],
    &[is(1, libc::IPPROTO_IP as u32), is(2, libc::IP_RETOPTS as u32)],
    &[is(1, libc::IPPROTO_IPV6 as u32), is(2, IPV6_2292RTHDR)],
    &[is(1, libc::IPPROTO_IPV6 as u32), is(2, IPV6_2292PKTOPTIONS)],
    &[is(1, libc::IPPROTO_IPV6 as u32), is(2, libc::IPV6_RTHDR as u32)],
];

/// Somebody is named by number. The filter cannot tell a member from an outsider, so 0, the caller, is all that is left.
const ANOTHER: &[Case] = &[&[is_not(0, 0)]];

/// What every architecture has. A name that tests find missing in the rights table fails the build's tests, not the jail:
/// a right that nobody can hold is refused to everybody.
pub const TABLE: &[Row] = &[
    // A fence: outsiders' priorities, affinity and limits. Landlock keeps tracing apart, but not these.
    row!("process_schedule", [SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setaffinity, SYS_sched_setattr], ANOTHER),
    row!("process_schedule", [SYS_setpriority], &[&[at_least(0, PRIO_USER)], &[is_not(1, 0)]]),
    row!("process_schedule", [SYS_ioprio_set], &[&[at_least(0, IOPRIO_WHO_USER)], &[is_not(1, 0)]]),
    row!("process_schedule", [SYS_prlimit64], &[&[is_not(0, 0), not_null(2)]]),
    row!("process_schedule", [SYS_process_mrelease]),
    row!("ptrace", [SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_kcmp]),
    row!("mount", [SYS_mount, SYS_umount2, SYS_pivot_root, SYS_fsopen, SYS_fsmount, SYS_fsconfig, SYS_fspick]),
    row!("mount", [SYS_move_mount, SYS_open_tree, SYS_mount_setattr]),
    Row { rights: &["mount"], calls: &[SYS_OPEN_TREE_ATTR], cases: &[], errno: EPERM },
    row!("chroot", [SYS_chroot]),
    row!("mknod", [SYS_mknodat], &[&[bits(2, libc::S_IFMT, NODE_KINDS[0])], &[bits(2, libc::S_IFMT, NODE_KINDS[1])]]),
    row!("kernel_module", [SYS_init_module, SYS_finit_module, SYS_delete_module]),
    row!("bpf", [SYS_bpf]),
    row!("perf", [SYS_perf_event_open]),
    row!("keyring", [SYS_add_key, SYS_request_key, SYS_keyctl]),
    row!("userns", [SYS_unshare, SYS_clone], &[&[has(0, libc::CLONE_NEWUSER)]]),
    row!("namespaces", [SYS_unshare], &[&[has(0, NEWTIME)]]),
    row!("namespaces", [SYS_unshare, SYS_clone], NAMESPACES),
    // With no kind named, setns(2) takes it from the descriptor: it may always be a user namespace.
    row!("namespaces" | "userns", [SYS_setns]),
    // Its flags lie in memory. Libraries fall back to clone when there is none.
    row!("namespaces" | "userns", [SYS_clone3], &[], ENOSYS),
    row!("swap", [SYS_swapon, SYS_swapoff]),
    row!("namespaces", [SYS_sethostname, SYS_setdomainname, SYS_lookup_dcookie, SYS_fanotify_init]),
    // Reading the clock by adjtimex(2) needs nothing; whether it sets lies in memory, and takes the capability.
    row!("time", [SYS_settimeofday, SYS_clock_settime]),
    row!("reboot", [SYS_reboot, SYS_kexec_load, SYS_kexec_file_load]),
    row!("syslog_read", [SYS_syslog]),
    row!("accounting", [SYS_acct]),
    row!("quota", [SYS_quotactl, SYS_quotactl_fd]),
    // Out of a project's quota: by another project, or by the flag that a directory hands its own on.
    row!("quota", [SYS_ioctl], &[&[is(1, FS_IOC_FSSETXATTR)]]),
    row!("immutable", [SYS_ioctl], &[&[is(1, FS_IOC_SETFLAGS)]]),
    Row { rights: &["quota", "immutable"], calls: &[SYS_FILE_SETATTR], cases: &[], errno: EPERM },
    row!("file_handle", [SYS_open_by_handle_at]),
    row!("tty", [SYS_vhangup]),
    row!("tty", [SYS_ioctl], &[&[is(1, TIOCSTI)], &[is(1, TIOCLINUX)]]),
    row!("userfaultfd", [SYS_userfaultfd]),
    // Source routes and routing headers, see jp_right_of_socket_option; in a message's control data no filter sees them.
    row!("connect", [SYS_setsockopt], SOURCE_ROUTES),
    row!("raw_socket", [SYS_setsockopt], FORGING),
    row!("net_admin", [SYS_setsockopt], MARKS),
    // What a ring is asked to do passes no filter, sockets of every family included.
    row!(
        "io_uring"
            | "io_uring_poll"
            | "io_uring_command"
            | "raw_socket"
            | "ping"
            | "packet_socket"
            | "socket_family"
            | "netlink"
            | "netlink_route"
            | "connect",
        [SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register],
        &[],
        ENOSYS
    ),
];

/// What this architecture has besides.
#[cfg(target_arch = "x86_64")]
pub const TABLE_OF_ARCHITECTURE: &[Row] = &[
    row!("mknod", [SYS_mknod], &[&[bits(1, libc::S_IFMT, NODE_KINDS[0])], &[bits(1, libc::S_IFMT, NODE_KINDS[1])]]),
    row!("raw_io", [SYS_iopl, SYS_ioperm]),
];

/// What this architecture has besides.
#[cfg(not(target_arch = "x86_64"))]
pub const TABLE_OF_ARCHITECTURE: &[Row] = &[];

pub fn all() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().chain(TABLE_OF_ARCHITECTURE)
}
