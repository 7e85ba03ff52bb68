//! What a jail of the medium profile may not ask of the kernel: each deed works for the host, is refused to a member, and
//! is counted under the right that would allow it.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::fixture::{Jail, child, errno, eventually, module, pipe, wait_for_close};

struct Deed {
    name: &'static str,
    act: fn() -> i32,
    refusal: i32,
    right: &'static str,
}

const fn deed(name: &'static str, act: fn() -> i32, refusal: i32, right: &'static str) -> Deed {
    Deed { name, act, refusal, right }
}

const DEEDS: [Deed; 17] = [
    deed("chmod in sysfs", || chmod("/sys/kernel", 0o755), libc::EPERM, "kernel_fs_write"),
    deed("chmod in proc", || chmod("/proc/sysrq-trigger", 0o200), libc::EPERM, "sysctl_write"),
    deed("write a sysctl", || open("/proc/sys/kernel/core_pattern", libc::O_WRONLY), libc::EPERM, "sysctl_write"),
    deed("list System V objects", || open("/proc/sysvipc/shm", libc::O_RDONLY), libc::EACCES, "ipc_foreign"),
    deed("make a directory in cgroupfs", make_group, libc::EPERM, "kernel_fs_write"),
    deed("make a device node", make_node, libc::EPERM, "mknod"),
    deed("open /dev/kmsg", || open("/dev/kmsg", libc::O_RDONLY), libc::EPERM, "device"),
    deed("open a packet socket", || socket(libc::AF_PACKET, libc::SOCK_RAW, 0), libc::EPERM, "packet_socket"),
    deed("open a raw socket", || socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW), libc::EPERM, "raw_socket"),
    deed("open generic netlink", || socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_GENERIC), libc::EPERM, "netlink"),
    deed("catch page faults", userfaultfd, libc::EPERM, "userfaultfd"),
    deed("poll an io_uring", polling_ring, libc::EPERM, "io_uring_poll"),
    deed("make a user namespace", || unshare(libc::CLONE_NEWUSER), libc::EPERM, "userns"),
    deed("make a mount namespace", || unshare(libc::CLONE_NEWNS), libc::EPERM, "namespaces"),
    deed("make a bpf map", make_map, libc::EPERM, "bpf"),
    deed("mount", mount_in_own_namespace, libc::EPERM, "namespaces"),
    deed("set the host's name", set_name, libc::EPERM, "namespaces"),
];

fn chmod(path: &str, mode: u32) -> i32 {
    let path = CString::new(path).unwrap();
    // SAFETY: a NUL-terminated path.
    errno(unsafe { libc::chmod(path.as_ptr(), mode) })
}

fn open(path: &str, flags: i32) -> i32 {
    let path = CString::new(path).unwrap();
    // SAFETY: a NUL-terminated path.
    errno(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) })
}

fn make_group() -> i32 {
    let made = std::fs::create_dir("/sys/fs/cgroup/jail-test");
    let _ = std::fs::remove_dir("/sys/fs/cgroup/jail-test");
    made.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |()| 0)
}

fn make_node() -> i32 {
    let path = CString::new(format!("/run/jail-test-node-{}", std::process::id())).unwrap();
    // SAFETY: a NUL-terminated path.
    let made = errno(unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 11)) });
    // SAFETY: a NUL-terminated path.
    unsafe { libc::unlink(path.as_ptr()) };
    made
}

fn socket(family: i32, kind: i32, protocol: i32) -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })
}

fn userfaultfd() -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) })
}

fn polling_ring() -> i32 {
    const SETUP_SQPOLL: u32 = 1 << 1;
    let mut parameters = [0_u32; 30];
    parameters[2] = SETUP_SQPOLL;
    // SAFETY: the parameters are as large as struct io_uring_params.
    errno(unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) })
}

fn unshare(flags: i32) -> i32 {
    // SAFETY: takes only numbers; the process ends afterwards.
    errno(unsafe { libc::unshare(flags) })
}

fn make_map() -> i32 {
    // SAFETY: a NUL-terminated name; no options.
    let map = unsafe { libbpf_sys::bpf_map_create(libbpf_sys::BPF_MAP_TYPE_ARRAY, c"test".as_ptr(), 4, 4, 1, std::ptr::null()) };
    (-map).max(0)
}

fn mount_in_own_namespace() -> i32 {
    let alone = unshare(libc::CLONE_NEWNS);
    if alone != 0 {
        return alone;
    }
    let private = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
    let made = nix::mount::mount(None::<&str>, "/", None::<&str>, private, None::<&str>);
    made.map_or_else(|errno| errno as i32, |()| 0)
}

fn set_name() -> i32 {
    let name = nix::unistd::gethostname().unwrap();
    nix::unistd::sethostname(name).map_or_else(|errno| errno as i32, |()| 0)
}

#[test]
fn what_the_host_may_do_a_member_may_not_and_it_is_counted() {
    let Some(module) = module() else { return };
    let jail = module.jail("surface", &[]);
    let mut wrong = Vec::new();
    for Deed { name, act, refusal, right } in DEEDS {
        let before = jail.denied(right);
        let (free, jailed) = (child(act).end(), jail.run(act));
        if free != 0 || jailed != refusal || jail.denied(right) == before {
            wrong.push(format!("{name}: host {free}, member {jailed}, counted {}", jail.denied(right) - before));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ordinary_work_is_not_in_the_way() {
    let Some(module) = module() else { return };
    let jail = module.jail("worker", &[]);
    type Work = (&'static str, fn() -> i32);
    let works: [Work; 6] = [
        ("open /dev/null", || open("/dev/null", libc::O_RDWR)),
        ("read a sysctl", || open("/proc/sys/kernel/osrelease", libc::O_RDONLY)),
        ("read its own status", || open("/proc/self/status", libc::O_RDONLY)),
        ("ask route netlink", || socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)),
        ("open a TCP socket", || socket(libc::AF_INET, libc::SOCK_STREAM, 0)),
        ("share memory with itself", || {
            // SAFETY: takes only numbers.
            let id = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o600) };
            // SAFETY: takes only numbers and null.
            errno(if id < 0 { id } else { unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) } })
        }),
    ];
    for (name, work) in works {
        assert_eq!(jail.run(work), 0, "{name}");
    }
}

/// A System V segment and a POSIX queue of the host, removed when dropped.
struct HostObjects {
    segment: i32,
}

const QUEUE: &std::ffi::CStr = c"/jail-test-queue";
const KEY: i32 = 0x6a61_696c;

impl HostObjects {
    fn new() -> Self {
        // SAFETY: takes only numbers.
        let segment = unsafe { libc::shmget(KEY, 4096, libc::IPC_CREAT | 0o666) };
        assert!(segment >= 0);
        // SAFETY: a NUL-terminated name; no attributes.
        let queue =
            unsafe { libc::mq_open(QUEUE.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o666, std::ptr::null::<libc::mq_attr>()) };
        assert!(queue >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: a descriptor just made.
        unsafe { libc::mq_close(queue) };
        HostObjects { segment }
    }
}

impl Drop for HostObjects {
    fn drop(&mut self) {
        // SAFETY: takes only numbers and null.
        unsafe { libc::shmctl(self.segment, libc::IPC_RMID, std::ptr::null_mut()) };
        // SAFETY: a NUL-terminated name.
        unsafe { libc::mq_unlink(QUEUE.as_ptr()) };
    }
}

#[test]
fn ipc_objects_of_the_host_and_of_other_jails_are_out_of_reach() {
    let Some(module) = module() else { return };
    let (jail, other) = (module.jail("queueing", &[]), module.jail("other-queue", &[]));
    let objects = HostObjects::new();
    let segment = objects.segment;
    let refused = |jail: &Jail<'_>, name: &str, act: &dyn Fn() -> i32| {
        let before = jail.denied("ipc_foreign");
        assert_eq!(jail.run(act), libc::EACCES, "{name}");
        assert!(jail.denied("ipc_foreign") > before, "{name} is counted");
    };
    // SAFETY: takes only numbers.
    refused(&jail, "shmget", &|| errno(unsafe { libc::shmget(KEY, 4096, 0) }));
    // SAFETY: any address will do.
    refused(&jail, "shmat", &|| errno(unsafe { libc::shmat(segment, std::ptr::null(), 0) } as i64));
    // SAFETY: takes only numbers and null.
    refused(&jail, "shmctl", &|| errno(unsafe { libc::shmctl(segment, libc::IPC_RMID, std::ptr::null_mut()) }));
    // SAFETY: a NUL-terminated name.
    refused(&jail, "mq_open", &|| errno(unsafe { libc::mq_open(QUEUE.as_ptr(), libc::O_RDONLY) }));
    // SAFETY: a NUL-terminated name.
    refused(&jail, "mq_unlink", &|| errno(unsafe { libc::mq_unlink(QUEUE.as_ptr()) }));
    drop(objects);
    let make = || {
        // SAFETY: a NUL-terminated name; no attributes.
        errno(unsafe { libc::mq_open(QUEUE.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o666, std::ptr::null::<libc::mq_attr>()) })
    };
    // SAFETY: a NUL-terminated name.
    let unlink = || errno(unsafe { libc::mq_unlink(QUEUE.as_ptr()) });
    assert_eq!(jail.run(make), 0);
    refused(&other, "mq_unlink of another jail's queue", &unlink);
    assert_eq!(jail.run(unlink), 0);
}

#[test]
fn the_host_delivers_no_signal_that_a_member_may_not_send() {
    let Some(module) = module() else { return };
    let jail = module.jail("deputy", &[]);
    let (data, go) = (pipe(), pipe());
    // SIGIO ends a process that does not expect it
    let victim = child(|| {
        wait_for_close(&go);
        0
    });
    let target = victim.pid.as_raw();
    let arm = || {
        let reader = data.0.as_raw_fd();
        // SAFETY: takes only numbers.
        let owned = errno(unsafe { libc::fcntl(reader, libc::F_SETOWN, target) });
        // SAFETY: takes only numbers.
        if owned == 0 { errno(unsafe { libc::fcntl(reader, libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK) }) } else { owned }
    };
    assert_eq!(jail.run(arm), 0);
    nix::unistd::write(&data.1, b"now").unwrap();
    assert!(eventually(|| jail.denied("process_signal") > 0));
    drop(go);
    assert_eq!(victim.end(), 0);
}

#[test]
fn a_directory_passed_over_a_socket_does_not_arrive() {
    use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair};
    let Some(module) = module() else { return };
    let jail = module.jail("receiver", &[]);
    let (near, far) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let send = |path: &str| {
        let file = std::fs::File::open(path).unwrap();
        let rights = [file.as_raw_fd()];
        let data = [std::io::IoSlice::new(b"x")];
        sendmsg::<()>(near.as_raw_fd(), &data, &[ControlMessage::ScmRights(&rights)], MsgFlags::empty(), None).unwrap();
    };
    // how many descriptors arrived
    let receive = || {
        let mut byte = [0];
        let mut data = [std::io::IoSliceMut::new(&mut byte)];
        let mut space = nix::cmsg_space!([i32; 1]);
        let message = recvmsg::<()>(far.as_raw_fd(), &mut data, Some(&mut space), MsgFlags::empty()).unwrap();
        let mut count = 0;
        // What the module holds back leaves the message cut short, which is an error to nix.
        for control in message.cmsgs().into_iter().flatten() {
            if let nix::sys::socket::ControlMessageOwned::ScmRights(received) = control {
                count += received.len() as i32;
                // SAFETY: descriptors just received, owned by nobody else.
                received.into_iter().for_each(|raw| drop(unsafe { OwnedFd::from_raw_fd(raw) }));
            }
        }
        count
    };
    for (path, arrives) in [("/etc/hostname", 1), ("/", 0), ("/proc/self/ns/mnt", 0)] {
        send(path);
        assert_eq!(child(receive).end(), 1, "the host receives {path}");
        send(path);
        assert_eq!(jail.run(receive), arrives, "{path}");
    }
    assert_eq!(jail.denied("descriptor_receive"), 2);
}

#[test]
fn abstract_sockets_of_the_host_are_out_of_reach_and_those_with_a_path_are_not() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    let Some(module) = module() else { return };
    let jail = module.jail("caller", &[]);
    let hidden = SocketAddr::from_abstract_name(b"jail-test-socket").unwrap();
    let path = format!("/run/jail-test-socket-{}", std::process::id());
    let listeners = (UnixListener::bind_addr(&hidden).unwrap(), UnixListener::bind(&path).unwrap());
    let code = |result: std::io::Result<UnixStream>| result.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0);
    assert_eq!(child(|| code(UnixStream::connect_addr(&hidden))).end(), 0);
    assert_eq!(jail.run(|| code(UnixStream::connect_addr(&hidden))), libc::ECONNREFUSED);
    assert_eq!(jail.denied("unix_foreign"), 1);
    assert_eq!(jail.run(|| code(UnixStream::connect(&path))), 0);
    drop(listeners);
    std::fs::remove_file(path).unwrap();
}
