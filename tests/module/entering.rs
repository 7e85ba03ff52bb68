//! Who may enter, and only once.

use jailsh::kernel::lsm::Lsm;
use jailsh::kernel::{Kernel, KernelError};
use nix::errno::Errno;

use super::fixture::{Jail, call, child, module};

fn entering(jail: &Jail<'_>, lsm: &Lsm, before: impl FnOnce()) -> i32 {
    let gate = lsm.gate(jail.jid).unwrap();
    child(|| {
        before();
        gate.enter().map_or_else(|errno| errno as i32, |()| 0)
    })
    .end()
}

#[test]
fn a_process_with_a_second_thread_does_not_enter() {
    let Some(module) = module() else { return };
    let jail = module.jail("thread", &[]);
    let start_thread = || {
        std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)));
    };
    assert_eq!(entering(&jail, &module.lsm, start_thread), libc::EBUSY);
    assert_eq!(jail.info().processes, 0);
}

#[test]
fn a_process_that_joined_its_threads_enters() {
    let Some(module) = module() else { return };
    let jail = module.jail("joined", &[]);
    assert_eq!(entering(&jail, &module.lsm, || std::thread::spawn(|| ()).join().unwrap()), 0);
}

#[test]
fn a_process_that_shares_its_memory_does_not_enter() {
    let Some(module) = module() else { return };
    let jail = module.jail("vfork", &[]);
    let gate = module.lsm.gate(jail.jid).unwrap();
    let status = child(|| {
        // SAFETY: the child only makes system calls and ends; the parent waits meanwhile.
        match unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, 0, 0, 0, 0) } {
            0 => {
                let answer = gate.enter().map_or_else(|errno| errno as i32, |()| 0);
                // SAFETY: ends the child.
                unsafe { libc::_exit(answer) }
            }
            pid => {
                let mut status = 0;
                // SAFETY: waits for the child just made.
                unsafe { libc::waitpid(pid as i32, &raw mut status, 0) };
                libc::WEXITSTATUS(status)
            }
        }
    });
    assert_eq!(status.end(), libc::EBUSY);
}

#[test]
fn a_process_with_an_open_directory_or_namespace_does_not_enter() {
    let Some(module) = module() else { return };
    let jail = module.jail("directory", &[]);
    for path in ["/", "/proc/self/ns/net"] {
        let open = || std::mem::forget(std::fs::File::open(path).unwrap());
        assert_eq!(entering(&jail, &module.lsm, open), libc::ENOTDIR, "{path}");
    }
}

#[test]
fn a_member_enters_no_second_jail_and_not_its_own_again() {
    let Some(module) = module() else { return };
    let (first, second) = (module.jail("first", &[]), module.jail("second", &[]));
    for jid in [first.jid, second.jid] {
        let again = module.lsm.gate(jid).unwrap();
        assert_eq!(first.run(|| again.enter().map_or_else(|errno| errno as i32, |()| 0)), libc::EPERM);
    }
    assert!(first.denied("bpf") + first.denied("jail_enter") >= 2);
    assert_eq!(second.info().processes, 0);
}

#[test]
fn nobody_enters_a_jail_that_is_gone() {
    let Some(module) = module() else { return };
    let gate = {
        let jail = module.jail("gone", &[]);
        module.lsm.gate(jail.jid).unwrap()
    };
    assert_eq!(child(|| gate.enter().map_or_else(|errno| errno as i32, |()| 0)).end(), libc::ESRCH);
}

#[test]
fn only_root_opens_the_module_and_enters() {
    let Some(module) = module() else { return };
    let jail = module.jail("unprivileged", &[]);
    let gate = module.lsm.gate(jail.jid).unwrap();
    let status = child(|| {
        // SAFETY: takes only numbers; the process ends afterwards.
        unsafe { libc::setresuid(65534, 65534, 65534) };
        let open_refused = matches!(Lsm::open(), Err(KernelError::NotPermitted));
        let load_refused = matches!(Lsm::load(), Err(KernelError::NotPermitted));
        i32::from(!(open_refused && load_refused && gate.enter() == Err(Errno::EPERM)))
    });
    assert_eq!(status.end(), 0);
    assert_eq!(jail.info().processes, 0);
}

#[test]
fn root_that_dropped_to_another_effective_user_is_refused_by_the_module_itself() {
    let Some(module) = module() else { return };
    let jail = module.jail("dropped", &[]);
    let gate = module.lsm.gate(jail.jid).unwrap();
    let status = child(|| {
        // The capabilities stay, so that it is not bpf(2) that refuses.
        // SAFETY: takes only numbers; the process ends afterwards.
        unsafe { libc::prctl(libc::PR_SET_SECUREBITS, 1 << 2, 0, 0, 0) };
        // SAFETY: as above.
        unsafe { libc::setresuid(65534, 65534, 0) };
        gate.enter().map_or_else(|errno| errno as i32, |()| 0)
    });
    assert_eq!(status.end(), libc::EPERM);
}

#[test]
fn a_call_of_another_version_is_refused_by_name() {
    let Some(_module) = module() else { return };
    assert_eq!(call("ctl_close", [99, 1, 0, 0]), libc::EPROTONOSUPPORT as u32);
}
