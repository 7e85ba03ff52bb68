//! Rights that open one thing out of a larger one: with them that works, and nothing besides.

use jailsh::kernel::{Kernel, Policy};

use super::fixture::{Jail, Module, child, errno, module, right};

fn only(module: &Module, jail: &Jail<'_>, names: &[&str]) {
    let rights = names.iter().fold(jailsh::kernel::Level::High.rights(), |rights, name| rights.with(right(name)));
    module.lsm.update(jail.jid, &Policy::new(rights, Vec::new())).unwrap();
}

fn socket(family: i32, kind: i32, protocol: i32) -> i32 {
    // SAFETY: takes only numbers; the process ends with its descriptors.
    errno(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })
}

fn option(kind: i32, protocol: i32, level: i32, name: i32) -> i32 {
    let on: libc::c_int = 1;
    // SAFETY: takes only numbers.
    let fd = unsafe { libc::socket(libc::AF_INET, kind | libc::SOCK_CLOEXEC, protocol) };
    // SAFETY: an int, as long as said; a descriptor that is none is refused.
    let answer = unsafe { libc::setsockopt(fd, level, name, (&raw const on).cast(), 4) };
    errno(answer)
}

#[test]
fn who_may_ping_makes_icmp_sockets_and_forges_nothing() {
    let Some(module) = module() else { return };
    let jail = module.jail("narrow", &[]);
    let icmp = || socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP);
    let icmp6 = || socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6);
    let written = || option(libc::SOCK_RAW, libc::IPPROTO_ICMP, libc::IPPROTO_IP, libc::IP_HDRINCL);
    only(&module, &jail, &[]);
    assert_eq!([jail.run(icmp), jail.run(icmp6)], [libc::EPERM; 2]);
    only(&module, &jail, &["ping"]);
    assert_eq!([jail.run(icmp), jail.run(icmp6)], [0; 2]);
    for protocol in [libc::IPPROTO_RAW, libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
        assert_eq!(jail.run(|| socket(libc::AF_INET, libc::SOCK_RAW, protocol)), libc::EPERM, "protocol {protocol}");
    }
    assert_eq!(jail.run(|| socket(libc::AF_PACKET, libc::SOCK_RAW, 0)), libc::EPERM);
    let before = jail.denied("raw_socket");
    assert_eq!(jail.run(written), libc::EPERM, "a header written by hand");
    assert_eq!(jail.run(|| option(libc::SOCK_DGRAM, 0, libc::IPPROTO_IP, libc::IP_TRANSPARENT)), libc::EPERM);
    assert_eq!(jail.denied("raw_socket"), before + 2);
    assert_eq!(jail.run(|| option(libc::SOCK_DGRAM, 0, libc::SOL_SOCKET, libc::SO_MARK)), libc::EPERM, "a mark");
    only(&module, &jail, &["ping", "raw_socket"]);
    assert_eq!(jail.run(written), 0);
    only(&module, &jail, &["raw_socket"]);
    assert_eq!(jail.run(|| socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)), 0);
    assert_eq!(jail.run(icmp), libc::EPERM, "each of the two is a right of its own");
}

#[test]
fn a_ring_is_refused_as_a_whole_where_the_profile_says_so() {
    let Some(module) = module() else { return };
    let jail = module.jail("rings", &[]);
    let ring = || {
        // struct io_uring_params
        let mut parameters = [0_u32; 30];
        // SAFETY: room for the parameters, which outlive the call.
        errno(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) } as i32)
    };
    only(&module, &jail, &["io_uring"]);
    // In a process of its own: who holds a ring does not enter a jail.
    let unconfined = child(ring).end();
    assert_eq!(jail.run(ring), unconfined);
    only(&module, &jail, &[]);
    let before = jail.denied("io_uring");
    let refused = jail.run(ring);
    // A kernel without rings, or one that has them switched off, says so.
    assert!(refused == libc::EPERM || (refused == unconfined && refused != 0), "{refused}");
    assert!(jail.denied("io_uring") == before + 1 || unconfined != 0);
}

#[test]
fn swapping_takes_its_own_right_and_not_the_rest_of_sys_admin() {
    let Some(module) = module() else { return };
    let jail = module.jail("swaps", &[]);
    // SAFETY: a text that ends; there is no such file.
    let swap_off = || errno(unsafe { libc::swapoff(c"/jailsh-no-such-file".as_ptr()) });
    // SAFETY: takes only a number, and changes the calling process alone, which ends.
    let host_name = || errno(unsafe { libc::unshare(libc::CLONE_NEWUTS) });
    let both = |names: &[&str]| {
        only(&module, &jail, names);
        [jail.run(swap_off), jail.run(host_name)]
    };
    assert_eq!(both(&[]), [libc::EPERM, libc::EPERM]);
    assert_eq!(both(&["swap"]), [libc::ENOENT, libc::EPERM]);
    let before = jail.denied("swap");
    assert_eq!(both(&["namespaces"]), [libc::EPERM, 0]);
    assert_eq!(jail.denied("swap"), before + 1);
}

#[test]
fn a_part_of_a_right_opens_that_part_alone_and_is_given_and_taken_while_the_jail_is_up() {
    let Some(module) = module() else { return };
    let jail = module.jail("parts", &[]);
    let family = |protocol: i32| move || socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol);
    let sockets = || {
        [libc::NETLINK_GENERIC, libc::NETLINK_SOCK_DIAG, libc::NETLINK_KOBJECT_UEVENT].map(|protocol| jail.run(family(protocol)))
    };
    // SAFETY: a path that ends; the process ends with its descriptors.
    let open =
        |path: &'static std::ffi::CStr| move || errno(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_NONBLOCK) });
    let nodes = || [c"/dev/ttyS0", c"/dev/kmsg"].map(|path| jail.run(open(path)));
    let serial = child(open(c"/dev/ttyS0")).end();
    only(&module, &jail, &[]);
    assert_eq!((sockets(), nodes()), ([libc::EPERM; 3], [libc::EPERM; 2]));
    only(&module, &jail, &["netlink:generic", "device:ttyS0"]);
    assert_eq!(sockets(), [0, libc::EPERM, libc::EPERM]);
    assert_eq!(nodes(), [serial, libc::EPERM]);
    let held = jail.info().policy.rights;
    assert!(held.contains(right("netlink:generic")) && held.contains(right("device:ttyS0")) && !held.holds(right("netlink")));
    let before = jail.denied("netlink");
    only(&module, &jail, &["netlink:kobject_uevent"]);
    assert_eq!(sockets(), [libc::EPERM, libc::EPERM, 0]);
    assert_eq!(jail.denied("netlink"), before + 2, "counted under the whole right");
    only(&module, &jail, &["netlink"]);
    assert_eq!(sockets(), [0; 3]);
}

/// What the audit system says to a record of ours, as an errno; see audit_netlink_ok in kernel/audit.c.
fn write_audit_record() -> i32 {
    const AUDIT_USER: u16 = 1005;
    const REQUEST_ACK: u16 = 5;
    // struct nlmsghdr and a text of four bytes
    let mut record = Vec::new();
    record.extend(20_u32.to_ne_bytes());
    record.extend(AUDIT_USER.to_ne_bytes());
    record.extend(REQUEST_ACK.to_ne_bytes());
    record.extend([1, 0_u32].map(u32::to_ne_bytes).concat());
    record.extend(b"test");
    let mut answer = [0_u8; 64];
    // SAFETY: takes only numbers; the process ends with its descriptors.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_AUDIT) };
    // SAFETY: as many readable bytes as said; a descriptor that is none is refused.
    let sent = errno(unsafe { libc::send(fd, record.as_ptr().cast(), record.len(), 0) } as i64);
    // SAFETY: room for as many bytes as said.
    let got = unsafe { libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0) };
    match (sent, got) {
        // struct nlmsgerr comes after the header.
        (0, 20..) => -i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]),
        (0, _) => errno(-1_i64),
        (errno, _) => errno,
    }
}

fn set_file_capability() -> i32 {
    let path = std::ffi::CString::new(format!("/run/jail-test-capable-{}", std::process::id())).unwrap();
    // struct vfs_cap_data of revision 2, without any capability
    let mut none = [0_u8; 20];
    none[..4].copy_from_slice(&0x0200_0000_u32.to_le_bytes());
    // SAFETY: NUL-terminated texts, and as many bytes as said.
    unsafe {
        libc::close(libc::open(path.as_ptr(), libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC, 0o600));
        let answer = errno(libc::setxattr(path.as_ptr(), c"security.capability".as_ptr(), none.as_ptr().cast(), none.len(), 0));
        libc::unlink(path.as_ptr());
        answer
    }
}

fn count_own_ticks() -> i32 {
    // struct perf_event_attr of the first version: type PERF_TYPE_SOFTWARE, size, config PERF_COUNT_SW_CPU_CLOCK
    let mut attributes = [0_u32; 16];
    (attributes[0], attributes[1]) = (1, 64);
    // SAFETY: as many readable bytes as the structure says; the process ends with its descriptors.
    errno(unsafe { libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0) })
}

#[test]
fn each_of_these_rights_is_refused_to_who_holds_what_is_asked_before_it() {
    let Some(module) = module() else { return };
    let jail = module.jail("lacking", &[]);
    type Deed = fn() -> i32;
    let deeds: [(&str, Deed, i32); 4] = [
        ("audit_write", write_audit_record, libc::EPERM),
        ("file_capability", set_file_capability, libc::EPERM),
        ("netlink_route", || socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE), libc::EPERM),
        ("perf", count_own_ticks, libc::EACCES),
    ];
    for (name, deed, refusal) in deeds {
        assert_eq!(child(deed).end(), 0, "{name}: of the host");
        only(&module, &jail, &["netlink:audit", "namespaces", name]);
        assert_eq!(jail.run(deed), 0, "{name}: held");
        only(&module, &jail, &["netlink:audit", "namespaces"]);
        let before = jail.denied(name);
        assert_eq!(jail.run(deed), refusal, "{name}: not held");
        assert!(jail.denied(name) > before, "{name}");
    }
}
