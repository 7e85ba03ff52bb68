//! Processes are counted exactly, whatever way they come and go.

use std::time::Duration;

use jailsh::kernel::{Kernel, KernelError};

use super::fixture::{call, child, errno, eventually, module, pipe, wait_for_close};

/// Forks `count` children that end at once, and reaps them.
fn storm(count: usize) {
    for _ in 0..count {
        // SAFETY: the child only ends.
        match unsafe { libc::fork() } {
            // SAFETY: ends the child.
            0 => unsafe { libc::_exit(0) },
            -1 => {}
            pid => {
                // SAFETY: waits for the child just made.
                unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            }
        }
    }
}

#[test]
fn a_fork_storm_leaves_the_count_as_it_was() {
    let Some(module) = module() else { return };
    let jail = module.jail("storm", &[]);
    let ends = pipe();
    let stormers: Vec<_> = (0..3)
        .map(|_| {
            jail.start(|| {
                storm(200);
                wait_for_close(&ends);
                0
            })
        })
        .collect();
    assert!(eventually(|| jail.info().processes == 3 && module.lsm.members(jail.jid).unwrap().len() == 3));
    drop(ends);
    for stormer in stormers {
        assert_eq!(stormer.end(), 0);
    }
    assert_eq!(jail.info().processes, 0);
}

#[test]
fn threads_are_members_but_no_processes_and_exec_in_a_thread_keeps_the_count() {
    let Some(module) = module() else { return };
    let jail = module.jail("threads", &[]);
    let ends = pipe();
    let process = jail.start(|| {
        let worker = std::thread::spawn(|| {
            let argv = [c"/bin/sleep".as_ptr(), c"60".as_ptr(), std::ptr::null()];
            // SAFETY: NUL-terminated strings and a null-terminated array.
            unsafe { libc::execv(argv[0], argv.as_ptr()) };
        });
        let _ = worker.join();
        wait_for_close(&ends);
        1
    });
    let sleeping = || module.lsm.members(jail.jid).unwrap().iter().any(|member| member.command == "sleep");
    assert!(eventually(sleeping), "the thread became the process");
    assert_eq!(jail.info().processes, 1);
    nix::sys::signal::kill(process.pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(process.end(), 128 + libc::SIGKILL);
    assert_eq!(jail.info().processes, 0);
}

#[test]
fn a_zombie_counts_until_it_is_reaped_and_blocks_destroy() {
    let Some(module) = module() else { return };
    let jail = module.jail("zombie", &[]);
    let process = jail.start(|| 0);
    assert!(jail.settles_at(1));
    assert!(eventually(|| module.lsm.members(jail.jid).unwrap().is_empty()));
    assert_eq!(jail.info().processes, 1);
    assert!(matches!(module.lsm.destroy(jail.jid), Err(KernelError::Busy { members: 1, .. })));
    assert_eq!(process.end(), 0);
    assert_eq!(jail.info().processes, 0);
}

#[test]
fn a_closed_jail_lets_nobody_fork_or_enter() {
    let Some(module) = module() else { return };
    let jail = module.jail("closing", &[]);
    let ends = pipe();
    let member = jail.start(|| {
        wait_for_close(&ends);
        // SAFETY: a child, should there be one, only ends.
        match unsafe { libc::fork() } {
            // SAFETY: ends the child.
            0 => unsafe { libc::_exit(0) },
            answer => errno(answer),
        }
    });
    assert!(jail.settles_at(1));
    let gate = module.lsm.gate(jail.jid).unwrap();
    assert_eq!(call("ctl_close", [module.lsm.describe().abi, jail.jid.get(), 0, 0]), 0);
    assert!(jail.info().closing);
    assert_eq!(child(|| gate.enter().map_or_else(|errno| errno as i32, |()| 0)).end(), libc::ESRCH);
    drop(ends);
    assert_eq!(member.end(), libc::EAGAIN);
    assert_eq!(jail.denied("process_table"), 1);
    assert!(jail.settles_at(0));
}

#[test]
fn kill_all_ends_a_fork_bomb() {
    let Some(module) = module() else { return };
    let jail = module.jail("bomb", &[]);
    let bomb = jail.start(|| {
        for _ in 0..4 {
            // SAFETY: parent and child go on to do the same.
            unsafe { libc::fork() };
        }
        loop {
            // SAFETY: the child only pauses a little and goes on forking.
            unsafe { libc::fork() };
            // SAFETY: takes only numbers and null.
            unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    assert!(eventually(|| jail.info().processes > 60));
    module.lsm.kill_all(jail.jid, Duration::from_secs(60)).unwrap();
    assert!(module.lsm.members(jail.jid).unwrap().is_empty());
    assert_eq!(bomb.end(), 128 + libc::SIGKILL);
    assert!(jail.settles_at(0));
}

#[test]
fn cpu_time_and_memory_of_members_are_seen_and_sampled() {
    let Some(module) = module() else { return };
    let jail = module.jail("busy", &[]);
    let ends = pipe();
    let worker = jail.start(|| {
        let since = std::time::Instant::now();
        while since.elapsed() < Duration::from_millis(300) {}
        wait_for_close(&ends);
        0
    });
    assert!(eventually(|| module.lsm.stats(Some(jail.jid)).unwrap()[0].cpu_usec > 200_000));
    module.lsm.sample(jail.jid).unwrap();
    module.lsm.hold(jail.jid, true).unwrap();
    let stats = &module.lsm.stats(None).unwrap().into_iter().find(|stats| stats.jid == jail.jid).unwrap();
    assert!(stats.cpu_ticks_1s >= 20 && stats.cpu_ticks_10s >= 20.0, "{stats:?}");
    assert!(stats.vmem_bytes > 1 << 20, "{stats:?}");
    assert_eq!((stats.processes, stats.references), (1, 2));
    drop(ends);
    assert_eq!(worker.end(), 0);
    let after = &module.lsm.stats(Some(jail.jid)).unwrap()[0];
    assert!(after.cpu_usec >= stats.cpu_usec, "time of those that ended is kept");
}

#[test]
fn frozen_members_stand_still_until_they_are_thawed() {
    let Some(module) = module() else { return };
    let jail = module.jail("frozen", &[]);
    let _spinner = jail.start(|| {
        loop {
            std::hint::black_box(());
        }
    });
    let used = || module.lsm.stats(Some(jail.jid)).unwrap()[0].cpu_usec;
    assert!(eventually(|| used() > 10_000));
    match module.lsm.freeze(jail.jid) {
        Err(KernelError::NotEnforceable { .. }) => return,
        frozen => frozen.unwrap(),
    }
    assert!(eventually(|| {
        let before = used();
        std::thread::sleep(Duration::from_millis(50));
        used() == before
    }));
    let before = used();
    module.lsm.thaw(jail.jid).unwrap();
    assert!(eventually(|| used() > before));
}
