//! What a jail lacks the right to do is refused by the kernel, with the errno that programs expect.
//!
//! The arguments are ones that the kernel itself refuses with another errno, or whose effect ends with the process.

use jailsh::kernel::{Level, Right};
use nix::errno::Errno;

use crate::stage::{behind, in_a_medium_jail, syscall};

crate::cases![
    calls_that_take_a_right_are_refused,
    sockets_that_take_a_right_are_refused,
    scheduling_of_others_is_refused,
    namespaces_are_refused_one_by_one,
    nodes_of_devices_are_refused,
    a_debugger_is_refused_where_the_profile_says_so,
    who_may_ping_makes_icmp_sockets_and_forges_nothing,
    swapping_takes_its_own_right,
    a_netlink_family_is_opened_by_name_and_no_other,
    thirty_two_bit_calls_do_not_exist,
    capabilities_are_gone_from_every_set,
];

const NOWHERE: i64 = -1;
const NONSENSE: i64 = 0x7fff;

fn calls_that_take_a_right_are_refused() {
    let refused: &[(&str, i64, &[i64])] = &[
        ("mount", libc::SYS_mount, &[0, 0, 0, 0, 0]),
        ("umount2", libc::SYS_umount2, &[0, 0]),
        ("pivot_root", libc::SYS_pivot_root, &[0, 0]),
        ("fsopen", libc::SYS_fsopen, &[0, 0]),
        ("fspick", libc::SYS_fspick, &[NOWHERE, 0, 0]),
        ("fsconfig", libc::SYS_fsconfig, &[NOWHERE, 0, 0, 0, 0]),
        ("fsmount", libc::SYS_fsmount, &[NOWHERE, 0, 0]),
        ("move_mount", libc::SYS_move_mount, &[NOWHERE, 0, NOWHERE, 0, 0]),
        ("open_tree", libc::SYS_open_tree, &[NOWHERE, 0, 1]),
        ("mount_setattr", libc::SYS_mount_setattr, &[NOWHERE, 0, 0, 0, 0]),
        ("open_tree_attr", 467, &[NOWHERE, 0, 0, 0, 0]),
        ("chroot", libc::SYS_chroot, &[0]),
        ("setns", libc::SYS_setns, &[NOWHERE, 0]),
        ("init_module", libc::SYS_init_module, &[0, 0, 0]),
        ("finit_module", libc::SYS_finit_module, &[NOWHERE, 0, 0]),
        ("delete_module", libc::SYS_delete_module, &[0, 0]),
        ("kexec_load", libc::SYS_kexec_load, &[0, NONSENSE, 0, NONSENSE]),
        ("kexec_file_load", libc::SYS_kexec_file_load, &[NOWHERE, NOWHERE, 0, 0, NONSENSE]),
        ("reboot", libc::SYS_reboot, &[0, 0, 0, 0]),
        ("clock_settime", libc::SYS_clock_settime, &[0, 0]),
        ("settimeofday", libc::SYS_settimeofday, &[1, 0]),
        ("bpf", libc::SYS_bpf, &[NONSENSE, 0, 0]),
        ("perf_event_open", libc::SYS_perf_event_open, &[0, 0, NOWHERE, NOWHERE, 0]),
        ("swapon", libc::SYS_swapon, &[0, 0]),
        ("swapoff", libc::SYS_swapoff, &[0]),
        ("acct", libc::SYS_acct, &[1]),
        ("sethostname", libc::SYS_sethostname, &[0, NOWHERE]),
        ("setdomainname", libc::SYS_setdomainname, &[0, NOWHERE]),
        ("syslog", libc::SYS_syslog, &[NONSENSE, 0, 0]),
        ("quotactl", libc::SYS_quotactl, &[NONSENSE, 0, 0, 0]),
        ("quotactl_fd", libc::SYS_quotactl_fd, &[NOWHERE, NONSENSE, 0, 0]),
        ("vhangup", libc::SYS_vhangup, &[]),
        ("ioctl(TIOCSTI)", libc::SYS_ioctl, &[NOWHERE, libc::TIOCSTI as i64, 0]),
        ("ioctl(TIOCSTI), bits above", libc::SYS_ioctl, &[NOWHERE, 1 << 32 | libc::TIOCSTI as i64, 0]),
        ("ioctl(TIOCLINUX)", libc::SYS_ioctl, &[NOWHERE, 0x541c, 0]),
        ("add_key", libc::SYS_add_key, &[0, 0, 0, 0, 0]),
        ("request_key", libc::SYS_request_key, &[0, 0, 0, 0]),
        ("keyctl", libc::SYS_keyctl, &[NONSENSE, 0, 0, 0, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, &[NONSENSE]),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, &[NOWHERE, 0, 0]),
        ("fanotify_init", libc::SYS_fanotify_init, &[NONSENSE << 16, 0]),
        #[cfg(target_arch = "x86_64")]
        ("iopl", libc::SYS_iopl, &[4]),
        #[cfg(target_arch = "x86_64")]
        ("ioperm", libc::SYS_ioperm, &[1 << 20, 1, 1]),
    ];
    let absent: &[(&str, i64, &[i64])] = &[
        ("clone3", libc::SYS_clone3, &[0, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, &[0, 0]),
        ("io_uring_enter", libc::SYS_io_uring_enter, &[NOWHERE, 0, 0, 0, 0, 0]),
        ("io_uring_register", libc::SYS_io_uring_register, &[NOWHERE, 0, 0, 0]),
    ];
    in_a_medium_jail(|| {
        for (name, number, arguments) in refused {
            assert_eq!(syscall(*number, arguments), Err(Errno::EPERM), "{name}");
        }
        for (name, number, arguments) in absent {
            assert_eq!(syscall(*number, arguments), Err(Errno::ENOSYS), "{name}");
        }
    });
}

fn sockets_that_take_a_right_are_refused() {
    let (raw, packet, dgram, stream) = (libc::SOCK_RAW, 10, libc::SOCK_DGRAM, libc::SOCK_STREAM);
    let refused = [
        (libc::AF_INET, raw, libc::IPPROTO_ICMP),
        (libc::AF_INET, raw | libc::SOCK_CLOEXEC, libc::IPPROTO_RAW),
        (libc::AF_INET6, raw, 58),
        (libc::AF_INET, stream, 132),
        (libc::AF_INET, packet, 0x300),
        (libc::AF_PACKET, raw, 0x300),
        (libc::AF_PACKET, dgram, 0),
        (libc::AF_NETLINK, raw, 9),
        (libc::AF_NETLINK, dgram, 16),
        (libc::AF_VSOCK, stream, 0),
        (libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        (63, stream, 0),
        (1000, stream, 0),
        (-1, stream, 0),
    ];
    in_a_medium_jail(|| {
        for (family, kind, protocol) in refused {
            let answer = syscall(libc::SYS_socket, &[family.into(), kind.into(), protocol.into()]);
            assert_eq!(answer, Err(Errno::EPERM), "socket({family}, {kind}, {protocol})");
        }
    });
}

fn scheduling_of_others_is_refused() {
    let host = i64::from(std::process::id());
    in_a_medium_jail(|| {
        let refused: &[(i64, &[i64])] = &[
            (libc::SYS_sched_setscheduler, &[host, 0, 0]),
            (libc::SYS_sched_setparam, &[host, 0]),
            (libc::SYS_sched_setaffinity, &[host, 0, 0]),
            (libc::SYS_sched_setattr, &[host, 0, 0]),
            (libc::SYS_setpriority, &[0, host, 0]),
            (libc::SYS_setpriority, &[2, 0, 0]),
            (libc::SYS_ioprio_set, &[1, host, 0]),
            (libc::SYS_ioprio_set, &[3, 0, 0]),
            (libc::SYS_prlimit64, &[host, NONSENSE, 1, 0]),
            (libc::SYS_process_mrelease, &[NOWHERE, 0]),
        ];
        for (number, arguments) in refused {
            assert_eq!(syscall(*number, arguments), Err(Errno::EPERM), "call {number} with {arguments:?}");
        }
        assert_eq!(syscall(libc::SYS_setpriority, &[0, 0, -5]), Err(Errno::EACCES), "a raised priority of one's own");
    });
}

fn namespaces_are_refused_one_by_one() {
    let kinds = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWUSER,
    ];
    in_a_medium_jail(|| {
        for kind in kinds {
            assert_eq!(syscall(libc::SYS_unshare, &[kind.into()]), Err(Errno::EPERM), "unshare({kind:#x})");
            // A thread without its process's memory: the kernel would answer EINVAL.
            let flags = i64::from(kind) | i64::from(libc::CLONE_THREAD);
            assert_eq!(syscall(libc::SYS_clone, &[flags, 0, 0, 0, 0]), Err(Errno::EPERM), "clone({kind:#x})");
        }
        assert_eq!(syscall(libc::SYS_unshare, &[0x80]), Err(Errno::EPERM), "unshare(NEWTIME)");
    });
}

fn nodes_of_devices_are_refused() {
    in_a_medium_jail(|| {
        for kind in [libc::S_IFCHR, libc::S_IFBLK] {
            let answer = syscall(libc::SYS_mknodat, &[NOWHERE, 0, kind.into(), 0]);
            assert_eq!(answer, Err(Errno::EPERM));
        }
    });
    // With the filter and the capability out of the way, the right is what decides.
    let with_nodes = Level::Medium.rights().with("mknod".parse::<Right>().unwrap());
    behind(with_nodes, || {
        use nix::sys::stat::{Mode, SFlag, makedev, mknod};
        mknod("/tmp/null", SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 3)).expect("the right is held");
    });
}

fn a_debugger_is_refused_where_the_profile_says_so() {
    behind(Level::High.rights(), || {
        for number in [libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_pidfd_getfd, libc::SYS_kcmp] {
            assert_eq!(syscall(number, &[NOWHERE, 0, 0, 0, 0, 0]), Err(Errno::EPERM), "call {number}");
        }
    });
}

fn who_may_ping_makes_icmp_sockets_and_forges_nothing() {
    let ping = Level::High.rights().with("ping".parse::<Right>().unwrap());
    let socket = |kind: i32, protocol: i32| syscall(libc::SYS_socket, &[libc::AF_INET.into(), kind.into(), protocol.into()]);
    behind(ping, || {
        let raw = socket(libc::SOCK_RAW, libc::IPPROTO_ICMP).expect("what ping opens");
        for protocol in [libc::IPPROTO_RAW, libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
            assert_eq!(socket(libc::SOCK_RAW, protocol), Err(Errno::EPERM), "protocol {protocol}");
        }
        let on = 1_i32;
        let set = |level: i32, option: i32| {
            syscall(libc::SYS_setsockopt, &[raw, level.into(), option.into(), std::ptr::from_ref(&on) as i64, 4])
        };
        for option in [libc::IP_HDRINCL, libc::IP_TRANSPARENT] {
            assert_eq!(set(libc::IPPROTO_IP, option), Err(Errno::EPERM), "option {option}");
        }
        assert_eq!(set(libc::SOL_SOCKET, libc::SO_MARK), Err(Errno::EPERM));
        set(libc::IPPROTO_IP, libc::IP_TTL).expect("an ordinary option");
    });
    behind(Level::High.rights(), || {
        assert_eq!(socket(libc::SOCK_RAW, libc::IPPROTO_ICMP), Err(Errno::EPERM));
        assert_eq!(socket(libc::SOCK_DGRAM, libc::IPPROTO_ICMP), Err(Errno::EPERM));
    });
}

fn a_netlink_family_is_opened_by_name_and_no_other() {
    let generic = Level::High.rights().with("netlink:generic".parse::<Right>().unwrap());
    behind(generic, || {
        for kind in [libc::SOCK_RAW, libc::SOCK_DGRAM, libc::SOCK_RAW | libc::SOCK_CLOEXEC] {
            for protocol in 0..32 {
                let made = syscall(libc::SYS_socket, &[libc::AF_NETLINK.into(), kind.into(), protocol]);
                let expected = if protocol == i64::from(libc::NETLINK_GENERIC) { None } else { Some(Errno::EPERM) };
                assert_eq!(made.err(), expected, "type {kind:#x}, protocol {protocol}");
            }
        }
    });
}

fn swapping_takes_its_own_right() {
    let with = |names: &[&str]| names.iter().fold(Level::High.rights(), |set, name| set.with(name.parse::<Right>().unwrap()));
    let swap_off = || syscall(libc::SYS_swapoff, &[c"/no-such-file".as_ptr() as i64]);
    behind(with(&["namespaces"]), || assert_eq!(swap_off(), Err(Errno::EPERM)));
    behind(with(&["namespaces", "swap"]), || assert_eq!(swap_off(), Err(Errno::ENOENT)));
}

#[cfg(target_arch = "x86_64")]
fn thirty_two_bit_calls_do_not_exist() {
    const GETPID_OF_I386: i64 = 20;
    const X32: i64 = 0x4000_0000;
    in_a_medium_jail(|| {
        let mut answer = GETPID_OF_I386;
        // SAFETY: a call without arguments; the registers it may change are said.
        unsafe {
            std::arch::asm!("int 0x80", inlateout("rax") answer, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
        }
        assert_eq!(answer as i32, -libc::ENOSYS);
        assert_eq!(syscall(X32 | libc::SYS_getpid, &[]), Err(Errno::ENOSYS));
    });
}

#[cfg(not(target_arch = "x86_64"))]
fn thirty_two_bit_calls_do_not_exist() {}

fn capabilities_are_gone_from_every_set() {
    in_a_medium_jail(|| {
        let allowed = jailsh::kernel::landlock::walls::capabilities(Level::Medium.rights());
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let set = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
        };
        for name in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(set(name) & !allowed, 0, "{name}");
            assert_ne!(set(name) & 1, 0, "{name} keeps chown");
        }
        assert_eq!((set("CapInh"), set("CapAmb")), (0, 0));
    });
}
