//! Members reach each other, and nobody else.

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Kernel, Object};
use nix::unistd::Pid;

use super::fixture::{child, errno, module, pipe, wait_for_close};

/// What a member may not do to a process outside.
struct Deed {
    name: &'static str,
    on: fn(i32) -> i32,
    refusal: i32,
    right: &'static str,
}

const fn deed(name: &'static str, on: fn(i32) -> i32, refusal: i32, right: &'static str) -> Deed {
    Deed { name, on, refusal, right }
}

const DEEDS: [Deed; 9] = [
    deed("kill", kill, libc::EPERM, "process_signal"),
    deed("ptrace", seize, libc::ESRCH, "process_trace"),
    deed("setpriority", set_priority, libc::ESRCH, "process_schedule"),
    deed("sched_setaffinity", set_affinity, libc::ESRCH, "process_schedule"),
    deed("sched_getscheduler", get_scheduler, libc::ESRCH, "process_see"),
    deed("getpgid", get_group, libc::ESRCH, "process_see"),
    deed("getsid", get_session, libc::ESRCH, "process_see"),
    deed("capget", capget, libc::ESRCH, "process_see"),
    deed("read /proc/PID/stat of", read_stat, libc::EPERM, "process_see"),
];

fn kill(pid: i32) -> i32 {
    // SAFETY: takes only numbers; signal 0 does nothing.
    errno(unsafe { libc::kill(pid, 0) })
}

fn seize(pid: i32) -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) })
}

fn set_priority(pid: i32) -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::setpriority(libc::PRIO_PROCESS, pid as u32, 5) })
}

fn get_scheduler(pid: i32) -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::sched_getscheduler(pid) })
}

fn get_group(pid: i32) -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::getpgid(pid) })
}

fn get_session(pid: i32) -> i32 {
    // SAFETY: takes only numbers.
    errno(unsafe { libc::getsid(pid) })
}

fn read_stat(pid: i32) -> i32 {
    let path = std::ffi::CString::new(format!("/proc/{pid}/stat")).unwrap();
    // SAFETY: a NUL-terminated path.
    errno(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) })
}

fn set_affinity(pid: i32) -> i32 {
    // SAFETY: an all-zero set is a valid one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: sets bit 0 of the set.
    unsafe { libc::CPU_SET(0, &mut set) };
    // SAFETY: a set of the size given.
    errno(unsafe { libc::sched_setaffinity(pid, size_of_val(&set), &raw const set) })
}

fn capget(pid: i32) -> i32 {
    let mut header = [0x2008_0522_u32, pid as u32];
    let mut sets = [0_u32; 6];
    // SAFETY: header and sets have the sizes of this version.
    errno(unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) })
}

#[test]
fn a_member_cannot_touch_a_process_of_the_host() {
    let Some(module) = module() else { return };
    let jail = module.jail("inside", &[]);
    let ends = pipe();
    let victim = child(|| {
        wait_for_close(&ends);
        0
    });
    let pid = victim.pid.as_raw();
    for Deed { name, on, refusal, right } in DEEDS {
        assert_eq!(child(|| on(pid)).end(), 0, "the host may {name}");
        let before = jail.denied(right);
        assert_eq!(jail.run(|| on(pid)), refusal, "{name}");
        assert!(jail.denied(right) > before, "{name} is counted as {right}");
    }
    drop(ends);
    assert_eq!(victim.end(), 0);
}

#[test]
fn a_member_cannot_touch_a_process_of_another_jail_but_may_touch_its_own() {
    let Some(module) = module() else { return };
    let (jail, other) = (module.jail("mine", &[]), module.jail("theirs", &[]));
    let (sibling, stranger) = (jail.sleeper(), other.sleeper());
    assert!(jail.settles_at(1) && other.settles_at(1));
    for Deed { name, on, refusal, .. } in DEEDS {
        let (near, far) = (sibling.pid.as_raw(), stranger.pid.as_raw());
        assert_eq!(jail.run(|| on(near)), 0, "{name} on a sibling");
        assert_eq!(jail.run(|| on(far)), refusal, "{name} on a stranger");
    }
}

#[test]
fn a_newcomer_is_the_hosts_alone_until_its_first_exec() {
    let Some(module) = module() else { return };
    let jail = module.jail("arrivals", &[]);
    let ends = pipe();
    let newcomer = jail.start(|| {
        wait_for_close(&ends);
        0
    });
    assert!(jail.settles_at(1));
    let (settled, pid) = (jail.sleeper(), newcomer.pid.as_raw());
    for Deed { name, on, refusal, right } in DEEDS {
        let before = jail.denied(right);
        assert_eq!(jail.run(|| on(settled.pid.as_raw())), 0, "{name} on a member past its exec");
        assert_eq!(jail.run(|| on(pid)), refusal, "{name} on a newcomer");
        assert!(jail.denied(right) > before, "{name} is counted as {right}");
        assert_eq!(child(|| on(pid)).end(), 0, "the host may {name}");
    }
    drop(ends);
    assert_eq!(newcomer.end(), 0);
}

#[test]
fn a_broadcast_signal_reaches_the_own_jail_alone() {
    let Some(module) = module() else { return };
    let (jail, other) = (module.jail("loud", &[]), module.jail("quiet", &[]));
    let ends = pipe();
    let host = child(|| {
        wait_for_close(&ends);
        0
    });
    let (sibling, mut stranger) = (jail.sleeper(), other.sleeper());
    assert!(jail.settles_at(1) && other.settles_at(1));
    // SAFETY: takes only numbers; run as a member, which is the point.
    assert_eq!(jail.run(|| errno(unsafe { libc::kill(-1, libc::SIGTERM) })), 0);
    assert_eq!(sibling.end(), 128 + libc::SIGTERM);
    drop(ends);
    assert_eq!(host.end(), 0);
    assert!(stranger.lives(), "a stranger was reached");
}

#[test]
fn denials_are_reported_with_right_object_and_process() {
    let Some(module) = module() else { return };
    let jail = module.jail("reported", &[]);
    module.lsm.denials().unwrap();
    // SAFETY: takes only numbers.
    let member = jail.start(|| errno(unsafe { libc::kill(1, libc::SIGTERM) }));
    let pid = member.pid.as_raw();
    assert_eq!(member.end(), libc::EPERM);
    let (denials, _) = module.lsm.denials().unwrap();
    let denial = denials.iter().find(|denial| denial.jid == jail.jid && denial.right.name() == "process_signal").unwrap();
    assert_eq!((denial.pid, denial.object, denial.audited), (pid, Object::Process(1), false));
    assert!(denial.when_ns > 0 && !denial.command.is_empty());
}

#[test]
fn where_nobody_reads_the_newest_denials_are_told() {
    let Some(module) = module() else { return };
    // More than the ring holds.
    let mut last = None;
    for number in 0..18 {
        let jail = module.jail(&format!("unread{number}"), &[]);
        let status = jail.run(|| {
            for _ in 0..180 {
                // SAFETY: takes only numbers.
                unsafe { libc::kill(1, libc::SIGTERM) };
            }
            0
        });
        assert_eq!(status, 0);
        // As its supervisor does once a second.
        module.lsm.sample(jail.jid).unwrap();
        last = Some(jail.jid);
    }
    let (told, _) = Lsm::open().unwrap().denials().unwrap();
    assert_eq!(told.iter().filter(|denial| Some(denial.jid) == last).count(), 180);
}

#[test]
fn what_one_reader_took_another_one_reads_too_and_the_ring_never_fills_up() {
    let Some(module) = module() else { return };
    let other = Lsm::open().unwrap();
    module.lsm.denials().unwrap();
    other.denials().unwrap();
    // More than the ring holds: each of these jails stays within the rate at which one is reported.
    const JAILS: usize = 32;
    const DENIALS: usize = 180;
    let (mut jids, mut seen) = (Vec::new(), [0, 0]);
    for number in 0..JAILS {
        let jail = module.jail(&format!("readers{number}"), &[]);
        let status = jail.run(|| {
            for _ in 0..DENIALS {
                // SAFETY: takes only numbers.
                unsafe { libc::kill(1, libc::SIGTERM) };
            }
            0
        });
        assert_eq!(status, 0);
        jids.push(jail.jid);
        for (reader, seen) in [&module.lsm, &other].into_iter().zip(&mut seen) {
            *seen += reader.denials().unwrap().0.iter().filter(|denial| denial.jid == jail.jid).count();
        }
    }
    assert_eq!(seen, [JAILS * DENIALS; 2]);
    let late = Lsm::open().unwrap();
    let before = late.denials().unwrap().0.iter().filter(|denial| jids.contains(&denial.jid)).count();
    assert!(before > 0 && before < JAILS * DENIALS, "{before}");
    assert_eq!(late.denials().unwrap().0, []);
}

#[test]
fn a_flood_of_denials_is_counted_in_full_and_reported_within_bounds() {
    let Some(module) = module() else { return };
    let jail = module.jail("flood", &[]);
    module.lsm.denials().unwrap();
    const FLOOD: u64 = 3000;
    let status = jail.run(|| {
        for _ in 0..FLOOD {
            // SAFETY: takes only numbers.
            unsafe { libc::kill(1, libc::SIGTERM) };
        }
        0
    });
    assert_eq!(status, 0);
    assert_eq!(jail.denied("process_signal"), FLOOD);
    let (denials, lost) = module.lsm.denials().unwrap();
    assert_eq!(denials.iter().filter(|denial| denial.jid == jail.jid).count() as u64 + lost, FLOOD);
    assert!(lost > 0);
}

#[test]
fn a_signal_to_all_reaches_every_member_and_nobody_else() {
    let Some(module) = module() else { return };
    let jail = module.jail("signalled", &[]);
    let ends = pipe();
    let sleeper = || {
        wait_for_close(&ends);
        0
    };
    let members = [jail.start(sleeper), jail.start(sleeper)];
    assert!(jail.settles_at(2));
    let mut pids: Vec<Pid> = members.iter().map(|member| member.pid).collect();
    pids.sort();
    let listed: Vec<Pid> = module.lsm.members(jail.jid).unwrap().iter().map(|member| Pid::from_raw(member.pid)).collect();
    assert_eq!(listed, pids);
    assert_eq!(module.lsm.signal_all(jail.jid, libc::SIGUSR1).unwrap(), 2);
    for member in members {
        assert_eq!(member.end(), 128 + libc::SIGUSR1);
    }
}
