//! Rights that are audited: let through and told, switched while the jail is up, and never a fence.

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use jailsh::kernel::{Denial, Kernel, Object, Policy, Right, RightSet};

use super::fixture::{Jail, Module, errno, eventually, module, right};

const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";

fn open(path: &str, flags: i32) -> i32 {
    let path = CString::new(path).unwrap();
    // SAFETY: a NUL-terminated path.
    let answer = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
    let result = errno(answer);
    if answer >= 0 {
        // SAFETY: the descriptor just made.
        unsafe { libc::close(answer) };
    }
    result
}

fn raw_socket() -> i32 {
    // SAFETY: takes only numbers.
    let answer = unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_RAW) };
    let result = errno(answer);
    if answer >= 0 {
        // SAFETY: the descriptor just made.
        unsafe { libc::close(answer) };
    }
    result
}

fn audit(module: &Module, jail: &Jail<'_>, names: &[&str]) {
    let before = jail.info().policy;
    let audited = names.iter().map(|name| right(name)).collect();
    module.lsm.update(jail.jid, &Policy { audited, ..before }).unwrap();
}

fn grant(module: &Module, jail: &Jail<'_>, names: &[&str]) {
    let before = jail.info().policy;
    let rights = names.iter().fold(before.rights, |set, name| set.with(right(name)));
    module.lsm.update(jail.jid, &Policy { rights, ..before }).unwrap();
}

fn audits(module: &Module, jail: &Jail<'_>, name: &str) -> u64 {
    let stats = module.lsm.stats(Some(jail.jid)).unwrap();
    stats[0].audits.as_ref().unwrap().get(&right(name)).copied().unwrap_or(0)
}

fn told(module: &Module, jail: &Jail<'_>, name: &str) -> Vec<Denial> {
    let (denials, _) = module.lsm.denials().unwrap();
    denials.into_iter().filter(|denial| denial.jid == jail.jid && denial.right == right(name)).collect()
}

#[test]
fn a_right_is_audited_and_enforced_again_while_an_attack_loops() {
    let Some(module) = module() else { return };
    let jail = module.jail("switched", &[]);
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    // Each byte asks for a try; the answer is its errno.
    let attacker = jail.start(|| {
        let mut byte = [0];
        while theirs.read(&mut byte).is_ok_and(|read| read == 1 && byte[0] == b'?') {
            if theirs.write_all(&[raw_socket() as u8]).is_err() {
                return 1;
            }
        }
        0
    });
    let mut tries = |count: u64| -> Vec<i32> {
        let mut answer = [0];
        let mut one = || {
            ours.write_all(b"?").unwrap();
            ours.read_exact(&mut answer).unwrap();
            i32::from(answer[0])
        };
        (0..count).map(|_| one()).collect()
    };
    assert_eq!(tries(3), [libc::EPERM; 3]);
    for round in 1..=2 {
        audit(&module, &jail, &["raw_socket"]);
        assert_eq!(tries(5), [0; 5], "let through from the first try on");
        assert_eq!(jail.info().policy.audited.iter().collect::<Vec<_>>(), [right("raw_socket")]);
        // The socket and the capability are asked for.
        let let_through = audits(&module, &jail, "raw_socket");
        assert!(let_through >= 5 * round, "{let_through}");
        let denied = jail.denied("raw_socket");
        audit(&module, &jail, &[]);
        assert_eq!(tries(3), [libc::EPERM; 3], "refused from the first try on");
        assert_eq!(audits(&module, &jail, "raw_socket"), let_through);
        assert_eq!(jail.denied("raw_socket"), denied + 3, "what was let through was no denial");
    }
    ours.write_all(b".").unwrap();
    assert_eq!(attacker.end(), 0);
    let told = told(&module, &jail, "raw_socket");
    assert!(told.iter().any(|denial| denial.audited) && told.iter().any(|denial| !denial.audited));
    let socket = Object::Socket { family: 2, kind: 3, protocol: 255 };
    assert!(told.iter().any(|denial| denial.object == socket), "{told:?}");
}

#[test]
fn a_denial_names_the_path_where_the_kernel_tells_it_and_the_name_elsewhere() {
    let Some(module) = module() else { return };
    let jail = module.jail("paths", &[]);
    module.lsm.denials().unwrap();
    assert_eq!(jail.run(|| open(CORE_PATTERN, libc::O_WRONLY)), libc::EPERM);
    audit(&module, &jail, &["accounting"]);
    assert_eq!(jail.run(|| open("/dev/kmsg", libc::O_RDONLY)), libc::EPERM);
    // SAFETY: a NUL-terminated path, of nothing that could be written to.
    let account = || errno(unsafe { libc::acct(c"/no/such/file".as_ptr()) });
    assert_eq!(jail.run(account), libc::ENOENT, "let through as far as the file");
    // SAFETY: NUL-terminated texts; only looks whether it may.
    let mount = || errno(unsafe { libc::mount(c"none".as_ptr(), c"/mnt".as_ptr(), c"no-such-fs".as_ptr(), 0, std::ptr::null()) });
    assert_eq!(jail.run(mount), libc::EPERM);
    // SAFETY: a NUL-terminated path.
    assert_eq!(jail.run(|| errno(unsafe { libc::chmod(c"/proc/sysrq-trigger".as_ptr(), 0o200) })), libc::EPERM);
    let (denials, _) = module.lsm.denials().unwrap();
    let of = |name: &str| -> Vec<(Option<&str>, bool)> {
        let own = denials.iter().filter(|denial| denial.jid == jail.jid && denial.right == right(name));
        own.map(|denial| (denial.subject.as_deref(), denial.audited)).collect()
    };
    assert_eq!(of("sysctl_write"), [(Some(CORE_PATTERN), false), (Some("sysrq-trigger"), false)]);
    assert_eq!(of("device"), [(Some("/dev/kmsg"), false)]);
    assert_eq!(of("mount"), [(Some("/mnt"), false)]);
    assert_eq!(of("accounting"), [(None, true)]);
    let kmsg = denials.iter().find(|denial| denial.right == right("device")).unwrap();
    assert_eq!(kmsg.object, Object::Device { major: 1, minor: 11 });
}

#[test]
fn a_fence_in_the_mask_opens_nothing() {
    let Some(module) = module() else { return };
    let jail = module.jail("fenced", &[]);
    let everything = RightSet::from_mask(u64::MAX);
    let before = jail.info().policy;
    module.lsm.update(jail.jid, &Policy { audited: everything, ..before }).unwrap();
    // SAFETY: takes only numbers; signal 0 does nothing.
    assert_eq!(jail.run(|| errno(unsafe { libc::kill(1, 0) })), libc::EPERM);
    assert_eq!(jail.run(raw_socket), 0);
    assert!(eventually(|| jail.denied("process_signal") == 1));
    assert_eq!(audits(&module, &jail, "process_signal"), 0);
}

/// What a member gets who reaches for the host's kernel, by the right that it takes; each changes nothing if it goes.
fn reach_for_the_host() -> Vec<(&'static str, i32)> {
    let no_path = c"/no/such/file".as_ptr();
    // SAFETY: numbers and NUL-terminated texts; each asks for what is not there, or for what is so already.
    unsafe {
        vec![
            ("mount", errno(libc::mount(c"none".as_ptr(), c"/mnt".as_ptr(), c"no-such-fs".as_ptr(), 0, std::ptr::null()))),
            ("device", open("/dev/kmsg", libc::O_RDONLY)),
            ("kernel_module", errno(libc::syscall(libc::SYS_finit_module, -1, c"".as_ptr(), 0))),
            ("bpf", errno(libc::syscall(libc::SYS_bpf, libbpf_sys::BPF_PROG_GET_NEXT_ID, [0_u64; 16].as_ptr(), 128))),
            ("namespaces", errno(libc::sethostname(c"".as_ptr(), usize::MAX))),
            ("reboot", errno(libc::reboot(-1))),
            ("sysctl_write", open(CORE_PATTERN, libc::O_WRONLY)),
            ("kernel_fs_write", open("/sys/kernel/mm/ksm/run", libc::O_WRONLY)),
            ("raw_io", errno(libc::ioperm(0x80, 1, 1))),
            ("file_handle", errno(libc::syscall(libc::SYS_open_by_handle_at, libc::AT_FDCWD, no_path, 0))),
            ("swap", errno(libc::swapon(no_path, 0))),
        ]
    }
}

#[test]
fn what_can_end_the_host_or_the_walls_stays_denied_and_is_told_whatever_is_audited_or_learned() {
    let Some(module) = module() else { return };
    let jail = module.jail("grave", &[]);
    let names: Vec<&str> = reach_for_the_host().iter().map(|(name, _)| *name).collect();
    let grave: Vec<&str> = Right::all().filter(|right| right.is_grave()).map(Right::name).collect();
    assert!(grave.iter().all(|name| names.contains(name)), "{grave:?}, of which {names:?} are tried");
    let refused = || jail.run(|| i32::from(!reach_for_the_host().iter().all(|(_, errno)| *errno == libc::EPERM)));
    let counts = || names.iter().map(|name| jail.denied(name)).collect::<Vec<_>>();
    let before = jail.info().policy;
    module.lsm.update(jail.jid, &Policy { audited: RightSet::from_mask(u64::MAX), ..before.clone() }).unwrap();
    assert_eq!(refused(), 0, "all audited");
    let first = counts();
    module.lsm.update(jail.jid, &before).unwrap();
    module.lsm.learn(jail.jid, Duration::from_secs(30)).unwrap();
    assert_eq!(refused(), 0, "while somebody learns");
    let second = counts();
    for (at, name) in names.iter().enumerate() {
        assert!(0 < first[at] && first[at] < second[at], "{name} was denied and not counted: {first:?}, {second:?}");
        assert_eq!(audits(&module, &jail, name), 0, "{name}");
    }
    // What it holds it keeps, and who learns is told.
    grant(&module, &jail, &["device", "syslog_read"]);
    assert_eq!(jail.run(|| open("/dev/kmsg", libc::O_RDONLY)), 0);
    assert_eq!(audits(&module, &jail, "device"), 1);
}

#[test]
fn what_can_be_audited_is_let_through_while_somebody_learns_and_no_longer_than_the_last_lease() {
    let Some(module) = module() else { return };
    let jail = module.jail("learned", &[]);
    let before = jail.info().policy;
    assert_eq!(jail.run(raw_socket), libc::EPERM);
    module.lsm.learn(jail.jid, Duration::from_secs(30)).unwrap();
    assert_eq!(jail.run(raw_socket), 0);
    // SAFETY: takes only numbers.
    assert_eq!(jail.run(|| errno(unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0) })), 0);
    assert_eq!(audits(&module, &jail, "netlink_route"), 1, "what it holds is told too");
    // SAFETY: takes only numbers; signal 0 does nothing.
    assert_eq!(jail.run(|| errno(unsafe { libc::kill(1, 0) })), libc::EPERM, "a fence stays");
    module.lsm.learn(jail.jid, Duration::ZERO).unwrap();
    assert_eq!(jail.run(raw_socket), libc::EPERM);
    module.lsm.learn(jail.jid, Duration::from_millis(200)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(jail.run(raw_socket), libc::EPERM, "nobody renewed it");
    assert_eq!(jail.info().policy, before);
    assert!(audits(&module, &jail, "raw_socket") >= 1);
}
