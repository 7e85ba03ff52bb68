//! Limits that the module holds by its own counts: processes and open files of a jail as a whole.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use jailsh::kernel::{Jid, Kernel, KernelError, Limits};
use nix::errno::Errno;

use super::fixture::{Module, child, eventually, module, pipe, wait_for_close};

fn bound(module: &Module, jid: Jid, processes: Option<u32>, files: Option<u32>) {
    module.lsm.limit(jid, &Limits { processes, files, ..Limits::default() }).unwrap();
}

fn open() -> Result<OwnedFd, Errno> {
    nix::fcntl::open(c"/dev/null", nix::fcntl::OFlag::O_RDONLY, nix::sys::stat::Mode::empty())
}

/// Opens files and keeps them until it is refused; how many it got, if that was for the limit.
fn fill() -> Option<usize> {
    let mut kept = Vec::new();
    loop {
        match open() {
            Ok(file) => kept.push(file.into_raw_fd()),
            Err(Errno::ENFILE) => return Some(kept.len()),
            Err(_) => return None,
        }
    }
}

/// Forks children that end with their parent, until it is refused for the limit.
fn breed() -> i32 {
    for bred in 0.. {
        // SAFETY: the child only waits to be killed.
        match unsafe { libc::fork() } {
            0 => {
                // Its copies would keep pipes open. SAFETY: it uses none of them.
                unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
                loop {
                    // SAFETY: waits for a signal.
                    unsafe { libc::pause() };
                }
            }
            -1 => return if Errno::last() == Errno::EAGAIN { bred } else { -1 },
            _ => {}
        }
    }
    -1
}

#[test]
fn forks_beyond_the_limit_get_eagain_are_denials_and_may_go_on_as_soon_as_it_is_raised() {
    let Some(module) = module() else { return };
    let (jail, other) = (module.jail("bounded", &[]), module.jail("beside", &[]));
    bound(&module, jail.jid, Some(5), None);
    let ((begun, begin), ends) = (pipe(), pipe());
    let member = jail.start(|| {
        let first = breed();
        let _ = nix::unistd::write(&begin, &[0]);
        wait_for_close(&ends);
        first * 10 + breed()
    });
    drop(begin);
    assert_eq!(nix::unistd::read(&begun, &mut [0]), Ok(1), "it came so far");
    assert_eq!(jail.info().processes, 5, "exactly the limit");
    assert_eq!((jail.denied("process_table"), module.lsm.usage(jail.jid).unwrap().forks_refused), (1, Some(1)));
    assert_eq!(other.run(|| i32::from(breed_one().is_err())), 0, "another jail forks as before");
    // Whoever is to put it in order gets in, and forks nothing.
    assert_eq!(jail.run(|| i32::from(breed_one() != Err(Errno::EAGAIN))), 0);
    bound(&module, jail.jid, Some(8), None);
    assert_eq!(module.lsm.limits(jail.jid).unwrap().processes, Some(8));
    drop(ends);
    assert_eq!(member.end(), 43, "four beside itself, and three more");
    module.lsm.kill_all(jail.jid, std::time::Duration::from_secs(20)).unwrap();
    assert!(jail.settles_at(0));
}

/// One child that ends at once.
fn breed_one() -> Result<(), Errno> {
    // SAFETY: the child only ends.
    match unsafe { libc::fork() } {
        // SAFETY: ends the child.
        0 => unsafe { libc::_exit(0) },
        -1 => Err(Errno::last()),
        pid => {
            // SAFETY: waits for the child just made.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            Ok(())
        }
    }
}

#[test]
fn files_count_once_for_all_of_a_jail_until_the_last_descriptor_of_the_last_process_is_gone() {
    let Some(module) = module() else { return };
    let (jail, other) = (module.jail("files", &[]), module.jail("beside", &[]));
    bound(&module, jail.jid, None, Some(20));
    let before = module.lsm.usage(jail.jid).unwrap();
    assert_eq!((before.files, before.files_refused), (Some(0), Some(0)));
    let ((begun, begin), ends) = (pipe(), pipe());
    let member = jail.start(|| {
        let (Ok(file), Ok(reading)) = (open(), nix::unistd::pipe()) else { return 1 };
        let copies: Vec<_> = (0..30).map(|_| nix::unistd::dup(&file)).collect();
        if copies.iter().any(Result::is_err) {
            return 2;
        }
        // Three open files, as many as the child's. What it opens is the jail's too.
        // SAFETY: the child opens files, tells how many, and ends.
        let child = match unsafe { libc::fork() } {
            // SAFETY: ends the child.
            0 => unsafe { libc::_exit(fill().map_or(255, |got| got as i32)) },
            pid => pid,
        };
        let mut status = 0;
        // SAFETY: waits for the child just made.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        if libc::WEXITSTATUS(status) != 17 {
            return 3;
        }
        // Nobody has a descriptor of the file any more, but a message holds it.
        let Some(_pair) = send(file) else { return 4 };
        drop(copies);
        let _ = nix::unistd::write(&begin, &[0]);
        wait_for_close(&ends);
        drop(reading);
        fill().map_or(5, |got| 100 + got as i32)
    });
    drop(begin);
    assert_eq!(nix::unistd::read(&begun, &mut [0]), Ok(1), "it came so far");
    let usage = module.lsm.usage(jail.jid).unwrap();
    assert_eq!((usage.files, usage.files_refused), (Some(5), Some(1)), "the file, a pipe, a pair of sockets");
    assert_eq!(jail.denied("process_table"), 1);
    assert_eq!(other.run(|| (0..40).map(|_| open()).filter(Result::is_err).count() as i32), 0);
    drop(ends);
    assert_eq!(member.end(), 117, "the file in its message and the pair are three of twenty");
    assert!(eventually(|| module.lsm.usage(jail.jid).unwrap().files == Some(0)));
}

/// Sends the descriptor to oneself and closes it; the ends of the connection.
fn send(file: OwnedFd) -> Option<(OwnedFd, OwnedFd)> {
    use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};
    let pair = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::empty()).ok()?;
    let descriptors = [file.as_raw_fd()];
    let content = [std::io::IoSlice::new(b"x")];
    let message = [ControlMessage::ScmRights(&descriptors)];
    sendmsg::<()>(pair.0.as_raw_fd(), &content, &message, MsgFlags::empty(), None).ok()?;
    Some(pair)
}

#[test]
fn a_limit_of_files_that_comes_to_a_jail_that_runs_counts_what_is_open_and_can_go_again() {
    let Some(module) = module() else { return };
    let jail = module.jail("later", &[]);
    let ((begun, begin), ends) = (pipe(), pipe());
    let member = jail.start(|| {
        // What it brought along are the host's files; only ten of its own are left open.
        for number in 0..64 {
            if ![begin.as_raw_fd(), ends.0.as_raw_fd(), ends.1.as_raw_fd()].contains(&number) {
                // SAFETY: the child uses none of them any more.
                unsafe { libc::close(number) };
            }
        }
        let kept: Vec<_> = (0..10).map(|_| open()).collect();
        let _ = nix::unistd::write(&begin, &[0]);
        wait_for_close(&ends);
        drop(kept);
        fill().map_or(255, |got| got as i32)
    });
    drop(begin);
    assert_eq!(nix::unistd::read(&begun, &mut [0]), Ok(1), "it came so far");
    assert_eq!(module.lsm.usage(jail.jid).unwrap().files, None, "not counted without a limit");
    bound(&module, jail.jid, None, Some(32));
    let counted = module.lsm.usage(jail.jid).unwrap().files;
    assert!((10..=14).contains(&counted.unwrap()), "{counted:?}: ten, and what it has of the pipes");
    bound(&module, jail.jid, None, None);
    assert_eq!(module.lsm.usage(jail.jid).unwrap().files, None);
    bound(&module, jail.jid, None, Some(24));
    assert_eq!(module.lsm.usage(jail.jid).unwrap().files, counted, "none is counted twice");
    drop(ends);
    // Of the pipes it has one end, or two, open still.
    assert!((22..=23).contains(&member.end()));
}

#[test]
fn the_jails_together_are_promised_no_more_files_than_the_module_can_count() {
    let Some(module) = module() else { return };
    let (jail, other) = (module.jail("much", &[]), module.jail("more", &[]));
    bound(&module, jail.jid, None, Some(40_000));
    let asked = Limits { files: Some(10_000), ..Limits::default() };
    let refused = module.lsm.limit(other.jid, &asked).unwrap_err();
    assert!(matches!(&refused, KernelError::NotEnforceable { why, .. } if why.contains(" 9152 more ")), "{refused}");
    bound(&module, jail.jid, None, Some(30_000));
    module.lsm.limit(other.jid, &asked).unwrap();
    drop(jail);
    bound(&module, other.jid, None, Some(49_000));
    assert_eq!(child(|| i32::from(open().is_err())).end(), 0, "the host opens as before");
}
