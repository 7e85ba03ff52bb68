//! Doing what a right is about, by calls that leave nothing behind: many are wrong on purpose, in a way that the kernel
//! finds only after it asked for the right.
//!
//! For a child process of its own each: what it changes of itself ends with it.

use std::ffi::{CStr, c_int, c_long};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{UnlinkatFlags, chroot, mkdir, unlink, unlinkat};

use crate::kernel::detached;
use crate::kernel::system::DISCARD;

/// Jails can be tried out here.
pub const HAS_FEATS: bool = true;

type Tried = Result<(), Errno>;

/// Names in the jail's own /tmp.
const DIRECTORY: &str = "/tmp/.jailsh-probe";
const FILE: &str = "/tmp/.jailsh-probe-file";
/// The host's first process, which no jail is to reach.
const FIRST: c_long = 1;

/// A tmpfs that is mounted nowhere.
pub fn new_tmpfs() -> Result<OwnedFd, Errno> {
    detached::file_system(c"tmpfs", &[(c"mode", c"0755")])
}

/// Tries the feat of this name (`jail::spec::probe`).
///
/// # Errors
/// What the kernel answered.
pub fn try_feat(name: &str) -> Tried {
    match name {
        "ping" => socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        "raw_socket" => socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW),
        "packet_socket" => socket(libc::AF_PACKET, libc::SOCK_RAW, 0),
        "socket_family" => socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        "netlink_route" => socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE),
        "netlink" => socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_GENERIC),
        "connect" => UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.connect(("127.0.0.1", DISCARD))).map_err(errno),
        "net_admin" => large_buffer(),
        "mount" => mount(),
        "chroot" => chroot("/"),
        "mknod" => node(),
        "ptrace" => ask(libc::SYS_ptrace, [libc::PTRACE_TRACEME.into(), 0, 0, 0, 0]),
        "userns" => ask(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0]),
        "namespaces" => ask(libc::SYS_unshare, [libc::CLONE_NEWUTS.into(), 0, 0, 0, 0]),
        "swap" => reaches(Errno::ENOENT, ask(libc::SYS_swapoff, [address(c"/tmp/.jailsh-no-such-file"), 0, 0, 0, 0])),
        "time" => wrong_tick(),
        // Without the magic numbers of reboot(2) nothing but the right is looked at.
        "reboot" => reaches(Errno::EINVAL, ask(libc::SYS_reboot, [0; 5])),
        "kernel_module" => {
            let name = c"jailsh_no_such_module";
            reaches(Errno::ENOENT, ask(libc::SYS_delete_module, [address(name), libc::O_NONBLOCK.into(), 0, 0, 0]))
        }
        "bpf" => map(),
        "perf" => counter(),
        "keyring" => key(),
        "syslog_read" => ask(libc::SYS_syslog, [SYSLOG_ACTION_SIZE_BUFFER, 0, 0, 0, 0]),
        "raw_io" => io_port(),
        "accounting" => reaches(Errno::ENOENT, ask(libc::SYS_acct, [address(c"/tmp/.jailsh-no-such-file"), 0, 0, 0, 0])),
        "quota" => ask(libc::SYS_quotactl, [Q_SYNC_ALL, 0, 0, 0, 0]),
        "file_handle" => handle(),
        "priority" => ask(libc::SYS_setpriority, [libc::PRIO_PROCESS.into(), 0, -1, 0, 0]),
        "resource" => raised_limit(),
        "tty" => ask(libc::SYS_vhangup, [0; 5]),
        "immutable" => immutable(),
        "io_uring" => ring(0),
        "io_uring_poll" => ring(IORING_SETUP_SQPOLL),
        "userfaultfd" => ask(libc::SYS_userfaultfd, [libc::O_CLOEXEC.into(), 0, 0, 0, 0]),
        "ipc_override" => locked_memory(),
        "file_capability" => file_capability(),
        "wake" => ask(libc::SYS_timerfd_create, [libc::CLOCK_REALTIME_ALARM.into(), 0, 0, 0, 0]),
        "see host" => nix::sys::stat::stat("/proc/1").map(drop),
        "signal host" => ask(libc::SYS_kill, [FIRST, 0, 0, 0, 0]),
        "trace host" => open("/proc/1/mem", OFlag::O_RDONLY, Mode::empty()).map(drop),
        "schedule host" => schedule_host(),
        other => unreachable!("{other} is in the catalogue, whose every feat a test tries"),
    }
}

/// syslog(2).
const SYSLOG_ACTION_SIZE_BUFFER: c_long = 10;
/// quotactl(2): QCMD(Q_SYNC, USRQUOTA), which for no device means all.
const Q_SYNC_ALL: c_long = 0x8000_0100;
/// keyctl(2): the keyring that ends with the process.
const KEY_SPEC_PROCESS_KEYRING: c_long = -2;
/// bpf(2).
const BPF_MAP_CREATE: c_long = 0;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
/// perf_event_open(2): a counter of the CPU clock, off, without the kernel's and the hypervisor's time.
const PERF_TYPE_SOFTWARE: u64 = 1;
const PERF_ATTR_SIZE_VER0: u64 = 64;
const PERF_DISABLED_USER_ONLY: u64 = 1 | 1 << 5 | 1 << 6;
/// io_uring_setup(2).
const IORING_SETUP_SQPOLL: u32 = 2;
/// ioctl_iflags(2).
const FS_IMMUTABLE_FL: c_int = 0x10;
/// capabilities(7): an empty set in the form of version 2.
const NO_CAPABILITIES: [u8; 20] = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A system call whose result does not matter.
fn ask(number: c_long, [a, b, c, d, e]: [c_long; 5]) -> Tried {
    call(number, [a, b, c, d, e]).map(drop)
}

fn call(number: c_long, [a, b, c, d, e]: [c_long; 5]) -> Result<c_long, Errno> {
    // SAFETY: arguments of this file's callers are numbers, or addresses of values of the right size that they keep.
    Errno::result(unsafe { libc::syscall(number, a, b, c, d, e) })
}

fn address<T: ?Sized>(value: &T) -> c_long {
    std::ptr::from_ref(value).cast::<u8>() as c_long
}

/// A call that is wrong on purpose: this error says that the right was there.
fn reaches(error: Errno, tried: Tried) -> Tried {
    match tried {
        Err(errno) if errno == error => Ok(()),
        other => other,
    }
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn socket(family: c_int, kind: c_int, protocol: c_int) -> Tried {
    ask(libc::SYS_socket, [family.into(), (kind | libc::SOCK_CLOEXEC).into(), protocol.into(), 0, 0])
}

fn large_buffer() -> Tried {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(errno)?;
    let size: c_int = 1 << 16;
    let option = [socket.as_raw_fd().into(), libc::SOL_SOCKET.into(), libc::SO_RCVBUFFORCE.into(), address(&size), 4];
    ask(libc::SYS_setsockopt, option)
}

fn mount() -> Tried {
    mkdir(DIRECTORY, Mode::S_IRWXU)?;
    let mounted = nix::mount::mount(Some("none"), DIRECTORY, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, None::<&str>);
    if mounted.is_ok() {
        umount2(DIRECTORY, MntFlags::MNT_DETACH)?;
    }
    unlinkat(AT_FDCWD, DIRECTORY, UnlinkatFlags::RemoveDir)?;
    mounted
}

/// A node of a loop device, admin-guide/devices.txt.
fn node() -> Tried {
    mknod(FILE, SFlag::S_IFBLK, Mode::S_IRUSR, makedev(7, 0))?;
    unlink(FILE)
}

fn wrong_tick() -> Tried {
    // SAFETY: plain numbers, for which zero is a value.
    let mut change: libc::timex = unsafe { std::mem::zeroed() };
    change.modes = libc::ADJ_TICK;
    reaches(Errno::EINVAL, ask(libc::SYS_adjtimex, [std::ptr::from_mut(&mut change) as c_long, 0, 0, 0, 0]))
}

fn map() -> Tried {
    let mut attributes = [0_u32; 32];
    attributes[..4].copy_from_slice(&[BPF_MAP_TYPE_ARRAY, 4, 4, 1]);
    ask(libc::SYS_bpf, [BPF_MAP_CREATE, address(&attributes), size_of_val(&attributes) as c_long, 0, 0])
}

fn counter() -> Tried {
    let attributes = [PERF_TYPE_SOFTWARE | PERF_ATTR_SIZE_VER0 << 32, 0, 0, 0, 0, PERF_DISABLED_USER_ONLY, 0, 0];
    ask(libc::SYS_perf_event_open, [address::<[u64; 8]>(&attributes), 0, -1, -1, 0])
}

fn key() -> Tried {
    let arguments = [address(c"user"), address(c"jailsh-probe"), address(c"x"), 1, KEY_SPEC_PROCESS_KEYRING];
    ask(libc::SYS_add_key, arguments)
}

/// Port 0x80, which machines write progress codes to.
#[cfg(target_arch = "x86_64")]
fn io_port() -> Tried {
    ask(libc::SYS_ioperm, [0x80, 1, 1, 0, 0])
}

#[cfg(not(target_arch = "x86_64"))]
fn io_port() -> Tried {
    Err(Errno::ENOSYS)
}

/// open_by_handle_at(2): two numbers, then the handle.
fn handle() -> Tried {
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mut mount: c_int = 0;
    let to = [std::ptr::from_mut(&mut handle) as c_long, std::ptr::from_mut(&mut mount) as c_long];
    ask(libc::SYS_name_to_handle_at, [libc::AT_FDCWD.into(), address(c"/"), to[0], to[1], 0])?;
    let root = open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
    ask(libc::SYS_open_by_handle_at, [root.as_raw_fd().into(), to[0], libc::O_RDONLY.into(), 0, 0])
}

fn limit(resource: c_long, value: u64) -> Tried {
    let limit = [value, value];
    ask(libc::SYS_prlimit64, [0, resource, address(&limit), 0, 0])
}

fn raised_limit() -> Tried {
    limit(libc::RLIMIT_CORE.into(), 0)?;
    limit(libc::RLIMIT_CORE.into(), 1)
}

fn locked_memory() -> Tried {
    limit(libc::RLIMIT_MEMLOCK.into(), 0)?;
    let page = [0_u8; 1];
    ask(libc::SYS_mlock, [address(&page), 1, 0, 0, 0])
}

fn ring(flags: u32) -> Tried {
    // struct io_uring_params, whose third number are the flags.
    let mut parameters = [0_u32; 30];
    parameters[2] = flags;
    ask(libc::SYS_io_uring_setup, [1, std::ptr::from_mut(&mut parameters) as c_long, 0, 0, 0])
}

/// On a fresh file, which goes again.
fn on_file(work: impl FnOnce(c_long) -> Tried) -> Tried {
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
    let file = open(FILE, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let done = work(file.as_raw_fd().into());
    unlink(FILE)?;
    done
}

fn immutable() -> Tried {
    on_file(|file| {
        let mut before: c_int = 0;
        ask(libc::SYS_ioctl, [file, libc::FS_IOC_GETFLAGS as c_long, std::ptr::from_mut(&mut before) as c_long, 0, 0])?;
        let after = before | FS_IMMUTABLE_FL;
        ask(libc::SYS_ioctl, [file, libc::FS_IOC_SETFLAGS as c_long, address(&after), 0, 0])?;
        ask(libc::SYS_ioctl, [file, libc::FS_IOC_SETFLAGS as c_long, address(&before), 0, 0])
    })
}

fn file_capability() -> Tried {
    let name: &CStr = c"security.capability";
    on_file(|file| ask(libc::SYS_fsetxattr, [file, address(name), address(&NO_CAPABILITIES), NO_CAPABILITIES.len() as c_long, 0]))
}

/// The kernel gives 20 less the niceness, getpriority(2).
fn schedule_host() -> Tried {
    let priority = call(libc::SYS_getpriority, [libc::PRIO_PROCESS.into(), FIRST, 0, 0, 0])?;
    ask(libc::SYS_setpriority, [libc::PRIO_PROCESS.into(), FIRST, 20 - priority, 0, 0])
}
