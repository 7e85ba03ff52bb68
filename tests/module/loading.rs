//! The module is replaced without a gap, and a loader that dies harms nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jailsh::kernel::Kernel;
use jailsh::kernel::lsm::Lsm;

use super::fixture::{Jail, Process, child, eventually, module};

/// Memory that parent and child both see.
struct Shared(*mut AtomicU64);

impl Shared {
    fn new() -> Self {
        let (read_write, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh mapping, zeroed by the kernel; it lives until the process ends.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), 4096, read_write, shared, -1, 0) };
        assert_ne!(memory, libc::MAP_FAILED);
        Shared(memory.cast())
    }

    fn get(&self) -> &AtomicU64 {
        // SAFETY: a mapping that is never unmapped, only used as atomics.
        unsafe { &*self.0 }
    }
}

/// A member that forks and tries to signal init again and again; it ends with 1 at the first gap.
fn prober(jail: &Jail<'_>, probes: &Shared) -> Process {
    jail.start(|| {
        loop {
            // SAFETY: a child that tries once and ends.
            match unsafe { libc::fork() } {
                0 => {
                    // SAFETY: takes only numbers; signal 0 does nothing.
                    let allowed = unsafe { libc::kill(1, 0) } == 0;
                    // SAFETY: ends the child.
                    unsafe { libc::_exit(i32::from(allowed)) }
                }
                -1 => return 2,
                pid => {
                    let mut status = 0;
                    // SAFETY: waits for the child just made.
                    unsafe { libc::waitpid(pid, &raw mut status, 0) };
                    // SAFETY: takes only numbers; signal 0 does nothing.
                    if status != 0 || unsafe { libc::kill(1, 0) } == 0 {
                        return 1;
                    }
                }
            }
            probes.get().fetch_add(1, Ordering::Relaxed);
        }
    })
}

fn generations() -> usize {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.contains(&format!("{}/g", Lsm::DIRECTORY))).count()
}

fn still_running(process: &Process) -> bool {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    waitpid(process.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
}

#[test]
fn the_module_is_replaced_under_a_live_jail_without_a_gap() {
    let Some(module) = module() else { return };
    let jail = module.jail("live", &[8150]);
    let probes = Shared::new();
    let prober = prober(&jail, &probes);
    assert!(eventually(|| probes.get().load(Ordering::Relaxed) > 10));
    let (before, since) = (probes.get().load(Ordering::Relaxed), Instant::now());
    let new = Lsm::load().unwrap();
    let during = probes.get().load(Ordering::Relaxed) - before;
    println!("replaced in {:?}, {during} probes meanwhile", since.elapsed());
    assert!(during > 20 && still_running(&prober), "{during} probes");
    assert_eq!(generations(), 1);
    let listed = new.list().unwrap();
    assert!(listed.iter().any(|info| info.jid == jail.jid && info.policy.ports.len() == 1));
    // those that forked while both generations were attached were counted once
    drop(prober);
    assert!(jail.settles_at(0), "{:?}", jail.info());
}

#[test]
fn a_loader_killed_at_any_point_leaves_the_jail_guarded_and_the_next_load_whole() {
    let Some(module) = module() else { return };
    let jail = module.jail("survivor", &[]);
    let probes = Shared::new();
    let prober = prober(&jail, &probes);
    let since = Instant::now();
    Lsm::load().unwrap();
    let whole = since.elapsed();
    const KILLS: u32 = 4;
    for number in 1..=KILLS {
        let loader = child(|| i32::from(Lsm::load().is_err()));
        std::thread::sleep(whole * number / KILLS);
        drop(loader);
        assert!(still_running(&prober), "no gap after kill {number}");
        assert!(Lsm::open().is_ok(), "usable after kill {number}");
    }
    Lsm::load().unwrap();
    assert_eq!(generations(), 1);
    assert!(still_running(&prober));
}

#[test]
fn a_first_loader_killed_at_any_point_leaves_nothing_that_the_next_load_cannot_mend() {
    let Some(_module) = module() else { return };
    Lsm::unload().unwrap();
    let since = Instant::now();
    Lsm::load().unwrap();
    let whole = since.elapsed();
    println!("loaded in {whole:?}");
    const KILLS: u32 = 4;
    for number in 1..=KILLS {
        Lsm::unload().unwrap();
        let loader = child(|| i32::from(Lsm::load().is_err()));
        std::thread::sleep(whole * number / KILLS - Duration::from_millis(20));
        drop(loader);
        Lsm::load().unwrap();
        assert_eq!(generations(), 1);
        assert_eq!(Lsm::status().unwrap().jails, 0);
    }
}
