//! The filter judged by a small evaluator of classic BPF: what the kernel would answer for any call.

use proptest::prelude::*;

use super::*;
use crate::kernel::Level;
use crate::kernel::landlock::sockets::right_for;
use crate::kernel::policy::{Action, part_of};

/// BPF_MAXINSNS of the kernel.
const LONGEST: usize = 4096;
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// struct seccomp_data without the instruction pointer, and what the program returns for it.
fn run(program: &[sock_filter], architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let word = |offset: u32| match offset {
        0 => number,
        4 => architecture,
        16..64 => (arguments[(offset as usize - 16) / 8] >> (offset % 8 * 8)) as u32,
        other => panic!("loads from {other}"),
    };
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let sock_filter { code, jt, jf, k } = program[at].clone();
        at += 1;
        let branch = |yes: bool| usize::from(if yes { jt } else { jf });
        match u32::from(code) {
            0x20 => accumulator = word(k),
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += branch(accumulator == k),
            0x25 => at += branch(accumulator > k),
            0x35 => at += branch(accumulator >= k),
            0x06 => return k,
            other => panic!("instruction {other:#x}"),
        }
    }
}

fn verdict(rights: RightSet, number: i64, arguments: &[u64]) -> u32 {
    let mut registers = [0; 6];
    registers[..arguments.len()].copy_from_slice(arguments);
    run(&program(rights), TARGET.1, number as u32, registers)
}

fn everything() -> RightSet {
    Right::all().fold(RightSet::EMPTY, RightSet::with)
}

fn with(name: &str) -> RightSet {
    RightSet::EMPTY.with(name.parse().unwrap())
}

/// Upper halves that the kernel does not look at must not let a call through.
const JUNK: u64 = 0xdead_beef << 32;

#[test]
fn the_table_names_rights_that_exist_and_compiles_for_every_level() {
    for row in calls::all() {
        for name in row.rights {
            assert!(name.parse::<Right>().is_ok(), "{name} is no right");
        }
        // The preamble knows no conditions.
        assert!(row.errno == libc::EPERM || (row.errno == libc::ENOSYS && row.cases.is_empty()));
    }
    for rights in Level::ALL.map(Level::rights).into_iter().chain([RightSet::EMPTY, everything()]) {
        assert!(program(rights).len() < LONGEST, "{} instructions for {rights:?}", program(rights).len());
    }
}

#[test]
fn a_member_acts_on_its_own_scheduling_and_limits_only() {
    let all = everything();
    let limits = 0x7000_0000_0000;
    for call in [libc::SYS_sched_setscheduler, libc::SYS_sched_setparam, libc::SYS_sched_setaffinity, libc::SYS_sched_setattr] {
        assert_eq!(verdict(all, call, &[0, 1, 2]), ALLOW);
        assert_eq!(verdict(all, call, &[JUNK, 1, 2]), ALLOW);
        assert_eq!(verdict(all, call, &[4711, 1, 2]), REFUSED);
    }
    assert_eq!(verdict(all, libc::SYS_sched_getaffinity, &[4711, 1, 2]), ALLOW);
    let priority =
        [(0, 0, ALLOW), (1, 0, ALLOW), (2, 0, REFUSED), (0, 4711, REFUSED), (1, 4711, REFUSED), (JUNK | 2, 0, REFUSED)];
    for (which, who, expected) in priority {
        assert_eq!(verdict(all, libc::SYS_setpriority, &[which, who, 5]), expected, "setpriority({which}, {who})");
    }
    for (which, who, expected) in [(1, 0, ALLOW), (2, 0, ALLOW), (3, 0, REFUSED), (1, 4711, REFUSED)] {
        assert_eq!(verdict(all, libc::SYS_ioprio_set, &[which, who, 0]), expected, "ioprio_set({which}, {who})");
    }
    for (pid, new, expected) in [(0, limits, ALLOW), (4711, 0, ALLOW), (4711, limits, REFUSED), (4711, 1 << 32, REFUSED)] {
        assert_eq!(verdict(all, libc::SYS_prlimit64, &[pid, 7, new, limits]), expected, "prlimit64({pid}, {new:#x})");
    }
}

#[test]
fn a_namespace_takes_its_right_however_it_is_asked_for() {
    let flag = |flag: i32| flag as u32 as u64;
    let high = Level::High.rights();
    let kinds = [libc::CLONE_NEWNS, libc::CLONE_NEWCGROUP, libc::CLONE_NEWUTS, libc::CLONE_NEWIPC, libc::CLONE_NEWPID];
    for kind in kinds.into_iter().chain([libc::CLONE_NEWNET, libc::CLONE_NEWUSER]) {
        for call in [libc::SYS_unshare, libc::SYS_clone] {
            assert_eq!(verdict(high, call, &[JUNK | flag(kind) | libc::SIGCHLD as u64]), REFUSED);
            let right = if kind == libc::CLONE_NEWUSER { "userns" } else { "namespaces" };
            assert_eq!(verdict(with(right), call, &[flag(kind)]), ALLOW);
        }
    }
    assert_eq!(verdict(high, libc::SYS_unshare, &[0x80]), REFUSED);
    // In clone the bit is part of a signal's number, which may not exist: the kernel's business.
    assert_eq!(verdict(high, libc::SYS_clone, &[0x80]), ALLOW);
    assert_eq!(verdict(high, libc::SYS_clone, &[flag(libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD)]), ALLOW);
    assert_eq!(verdict(high, libc::SYS_unshare, &[flag(libc::CLONE_FILES)]), ALLOW);
    for one in ["namespaces", "userns"] {
        assert_eq!(verdict(with(one), libc::SYS_setns, &[3, 0]), REFUSED, "with {one} alone");
        assert_eq!(verdict(with(one), libc::SYS_clone3, &[]), ABSENT, "with {one} alone");
    }
    let both = with("namespaces").with("userns".parse().unwrap());
    assert_eq!(verdict(both, libc::SYS_setns, &[3, 0]), ALLOW);
    assert_eq!(verdict(both, libc::SYS_clone3, &[]), ALLOW);
}

#[test]
fn nodes_of_devices_are_told_from_pipes_and_sockets() {
    let medium = Level::Medium.rights();
    for (kind, expected) in [
        (libc::S_IFCHR, REFUSED),
        (libc::S_IFBLK, REFUSED),
        (libc::S_IFIFO, ALLOW),
        (libc::S_IFSOCK, ALLOW),
        (libc::S_IFREG, ALLOW),
        (0, ALLOW),
    ] {
        let mode = JUNK | u64::from(kind | 0o644);
        assert_eq!(verdict(medium, libc::SYS_mknodat, &[3, 0, mode]), expected, "kind {kind:o}");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(verdict(medium, libc::SYS_mknod, &[0, mode]), expected, "kind {kind:o}");
        assert_eq!(verdict(with("mknod"), libc::SYS_mknodat, &[3, 0, mode]), ALLOW);
    }
}

#[test]
fn a_terminal_is_not_typed_into() {
    let high = Level::High.rights();
    for command in [0x5412, 0x541c] {
        assert_eq!(verdict(high, libc::SYS_ioctl, &[0, command]), REFUSED);
        assert_eq!(verdict(high, libc::SYS_ioctl, &[0, JUNK | command]), REFUSED);
        assert_eq!(verdict(with("tty"), libc::SYS_ioctl, &[0, command]), ALLOW);
    }
    assert_eq!(verdict(high, libc::SYS_ioctl, &[0, 0x5401]), ALLOW);
}

#[test]
fn a_ring_takes_every_right_that_its_requests_would() {
    let calls = [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];
    for call in calls {
        assert_eq!(verdict(everything(), call, &[]), ALLOW);
        for one in ["io_uring", "io_uring_poll", "io_uring_command", "raw_socket", "netlink"] {
            assert_eq!(verdict(everything().without(one.parse().unwrap()), call, &[]), ABSENT, "without {one}");
        }
    }
}

#[test]
fn calls_by_foreign_numbers_do_not_exist() {
    const I386: u32 = 0x4000_0003;
    let all = program(everything());
    assert_eq!(run(&all, I386, 5, [0; 6]), ABSENT);
    assert_eq!(run(&all, TARGET.1, X32_BIT | 2, [0; 6]), ABSENT);
    assert_eq!(run(&all, TARGET.1, NO_CALL - 1, [0; 6]), ABSENT);
    assert_eq!(run(&all, TARGET.1, NO_CALL, [0; 6]), ALLOW);
}

#[test]
fn what_no_row_names_is_decided_without_its_arguments() {
    // The kernel's own test for its bitmap: it follows the program knowing number and architecture alone.
    let medium = program(Level::Medium.rights());
    let calls =
        [libc::SYS_openat, libc::SYS_close, libc::SYS_read, libc::SYS_execve, libc::SYS_connect, libc::SYS_mmap, libc::SYS_futex];
    for call in calls {
        let mut reads_arguments = false;
        let (mut at, mut accumulator) = (0, 0);
        let answer = loop {
            let sock_filter { code, jt, jf, k } = medium[at].clone();
            at += 1;
            match code {
                LOAD if k == NUMBER => accumulator = call as u32,
                LOAD if k == ARCHITECTURE => accumulator = TARGET.1,
                LOAD => {
                    reads_arguments = true;
                    break ALLOW;
                }
                RETURN => break k,
                IF_EQUAL => at += usize::from(if accumulator == k { jt } else { jf }),
                IF_AT_LEAST => at += usize::from(if accumulator >= k { jt } else { jf }),
                _ => at += k as usize,
            }
        };
        assert!(!reads_arguments && answer == ALLOW, "call {call}");
    }
}

#[test]
fn a_right_that_is_held_opens_its_calls_and_lacking_it_closes_them() {
    for row in calls::all().filter(|row| row.cases.is_empty() && row.rights.len() == 1) {
        let right: Right = row.rights[0].parse().unwrap();
        for call in row.calls {
            let held = if right.is_fence() { REFUSED } else { ALLOW };
            assert_eq!(verdict(everything(), call.number, &[]), held, "{}", call.name());
            assert_eq!(verdict(everything().without(right), call.number, &[]), REFUSED, "{}", call.name());
        }
    }
}

fn socket_numbers() -> impl Strategy<Value = (u32, u32, u32)> {
    let family = prop_oneof![4 => 0u32..=64, 2 => prop::sample::select(vec![1u32, 2, 10, 16, 17]), 1 => any::<u32>()];
    let flags = prop::sample::select(vec![0u32, 0o4000, 0o2000000, 0o2004000, 0xffff_fff0]);
    let kind = (0u32..16, flags).prop_map(|(kind, flags)| kind | flags);
    let protocol =
        prop_oneof![4 => 0u32..=511, 3 => prop::sample::select(vec![0u32, 1, 6, 17, 58, 132, 136, 262]), 1 => any::<u32>()];
    (family, kind, protocol)
}

/// Sockets about whose destinations no program is asked: raw ones, and of IP all but TCP and UDP.
fn passes_unasked(family: u32, kind: u32, protocol: u32) -> bool {
    let kind = kind & 0xf;
    matches!(family, 2 | 10) && !(family == 2 && kind == 10) && (kind == 3 || !matches!(protocol, 0 | 6 | 17 | 136))
}

fn judged_alike(rights: RightSet, sockets: impl IntoIterator<Item = (u32, u32, u32)>) {
    let program = program(rights);
    assert!(program.len() < LONGEST);
    for (family, kind, protocol) in sockets {
        let expected = match right_for(family, kind, protocol) {
            Some(right) if !rights.holds(right) => REFUSED,
            _ if passes_unasked(family, kind, protocol) && !rights.holds("connect".parse().unwrap()) => REFUSED,
            _ => ALLOW,
        };
        let registers = [JUNK | u64::from(family), JUNK | u64::from(kind), JUNK | u64::from(protocol), 0, 0, 0];
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            let got = run(&program, TARGET.1, call as u32, registers);
            assert_eq!(got, expected, "family {family}, type {kind:#x}, protocol {protocol} with {rights:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_rights_judge_any_socket_as_the_policy_does(mask in any::<u64>(), sockets in prop::collection::vec(socket_numbers(), 200)) {
        judged_alike(RightSet::from_mask(mask), sockets);
    }
}

#[test]
fn a_part_of_netlink_opens_its_family_alone() {
    for part in Right::parts().filter(|part| part.whole().name() == "netlink") {
        let program = program(Level::Medium.rights().with(part));
        for protocol in 0..64 {
            let asked = part_of(Action::Socket { family: 16, kind: 3, protocol });
            let expected = if asked == Some(part) || protocol == 0 { ALLOW } else { REFUSED };
            let registers = [JUNK | 16, JUNK | 3, JUNK | u64::from(protocol), 0, 0, 0];
            let got = run(&program, TARGET.1, libc::SYS_socket as u32, registers);
            assert_eq!(got, expected, "{part}, protocol {protocol}");
        }
    }
}

#[test]
fn every_level_judges_every_socket_as_the_policy_does() {
    for level in Level::ALL {
        let domain =
            (0..=65).flat_map(|family| (0..=10).flat_map(move |kind| (0..=263).map(move |protocol| (family, kind, protocol))));
        judged_alike(level.rights(), domain);
    }
}
