//! Nobody outside can be reached: not by number, by name, by key, or by a descriptor that was left open.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::signal::kill;
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{Pid, UnlinkatFlags, getpid, unlinkat};

use crate::stage::{in_a_medium_jail, in_a_process, syscall};

crate::cases![
    an_outsider_is_neither_signalled_nor_traced_nor_seen,
    an_abstract_socket_of_an_outsider_is_not_reached,
    shared_memory_of_an_outsider_is_not_there,
    a_directory_left_open_leads_nowhere,
    a_file_left_open_can_have_its_mode_changed,
    the_program_that_brought_it_in_is_not_opened,
];

fn an_outsider_is_neither_signalled_nor_traced_nor_seen() {
    let host = getpid();
    in_a_medium_jail(|| {
        assert_eq!(kill(host, None), Err(Errno::EPERM));
        assert_eq!(kill(Pid::from_raw(1), None), Err(Errno::EPERM));
        let pid = i64::from(host.as_raw());
        const SEIZE: i64 = libc::PTRACE_SEIZE as i64;
        assert_eq!(syscall(libc::SYS_ptrace, &[SEIZE, pid, 0, 0]), Err(Errno::EPERM));
        let mut byte = 0u8;
        let vector = [(&raw mut byte) as i64, 1];
        let local = vector.as_ptr() as i64;
        assert_eq!(syscall(libc::SYS_process_vm_readv, &[pid, local, 1, local, 1, 0]), Err(Errno::EPERM));
        let pidfd = syscall(libc::SYS_pidfd_open, &[pid, 0]).expect("the documented gap: a pid's use can be told");
        assert_eq!(syscall(libc::SYS_pidfd_getfd, &[pidfd, 0, 0]), Err(Errno::EPERM));
        assert_eq!(syscall(libc::SYS_pidfd_send_signal, &[pidfd, 0, 0, 0]), Err(Errno::EPERM));
        assert_eq!(syscall(libc::SYS_kcmp, &[getpid().as_raw().into(), pid, 0, 0, 0]), Err(Errno::EPERM));
        assert_eq!(syscall(libc::SYS_move_pages, &[pid, 0, 0, 0, 0, 0]), Err(Errno::EPERM));
        for file in ["status", "environ", "root", "exe", "mem"] {
            assert!(fs::symlink_metadata(format!("/proc/{host}/{file}")).is_err(), "{file}");
        }
    });
}

fn an_abstract_socket_of_an_outsider_is_not_reached() {
    let name = format!("jailsh-walls-{}", getpid());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _server = UnixListener::bind_addr(&address).unwrap();
    assert!(UnixStream::connect_addr(&address).is_ok(), "else this proves nothing");
    in_a_medium_jail(|| {
        let refused = UnixStream::connect_addr(&address).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
        let own = SocketAddr::from_abstract_name(format!("{name}-inside")).unwrap();
        let _own = UnixListener::bind_addr(&own).unwrap();
        UnixStream::connect_addr(&own).unwrap();
    });
}

fn shared_memory_of_an_outsider_is_not_there() {
    let id = syscall(libc::SYS_shmget, &[libc::IPC_PRIVATE.into(), 4096, 0o600]).unwrap();
    let passed = in_a_process(|| {
        in_a_medium_jail(|| {
            let mut about = [0u64; 32];
            let answer = syscall(libc::SYS_shmctl, &[id, libc::IPC_STAT.into(), about.as_mut_ptr() as i64]);
            assert!(matches!(answer, Err(Errno::EINVAL | Errno::EIDRM)), "{answer:?}");
            assert_eq!(fs::read_to_string("/proc/sysvipc/shm").unwrap().lines().count(), 1, "the heading alone");
        });
    });
    syscall(libc::SYS_shmctl, &[id, libc::IPC_RMID.into(), 0]).unwrap();
    assert!(passed);
}

fn a_directory_left_open_leads_nowhere() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("file"), "the host's").unwrap();
    let directory = open(scratch.path(), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    let passed = in_a_process(|| {
        in_a_medium_jail(|| {
            for flags in [OFlag::O_RDONLY, OFlag::O_WRONLY] {
                assert_eq!(openat(&directory, "file", flags, Mode::empty()).unwrap_err(), Errno::EACCES);
            }
            assert_eq!(openat(&directory, ".", OFlag::O_RDONLY, Mode::empty()).unwrap_err(), Errno::EACCES);
            assert_eq!(mkdirat(&directory, "made", Mode::S_IRWXU), Err(Errno::EACCES));
            assert_eq!(unlinkat(&directory, "file", UnlinkatFlags::NoRemoveDir), Err(Errno::EACCES));
            let renamed = nix::fcntl::renameat(&directory, "file", &directory, "renamed");
            assert_eq!(renamed, Err(Errno::EACCES));
            let through = format!("/proc/self/fd/{}/file", directory.as_raw_fd());
            assert_eq!(fs::read(through).unwrap_err().raw_os_error(), Some(libc::EACCES));
        });
    });
    assert!(passed);
    assert_eq!(fs::read_to_string(scratch.path().join("file")).unwrap(), "the host's");
}

fn a_file_left_open_can_have_its_mode_changed() {
    let scratch = tempfile::NamedTempFile::new().unwrap();
    let passed = in_a_process(|| {
        in_a_medium_jail(|| {
            fchmod(scratch.as_file(), Mode::S_IRUSR).expect("the documented gap of foreign_mount");
            let again = format!("/proc/self/fd/{}", scratch.as_raw_fd());
            assert_eq!(fs::read(again).unwrap_err().raw_os_error(), Some(libc::EACCES));
        });
    });
    assert!(passed);
}

/// CVE-2019-5736: the host's binary behind /proc/self/exe, written to by those it brought in.
fn the_program_that_brought_it_in_is_not_opened() {
    in_a_medium_jail(|| {
        assert_eq!(fs::read("/proc/self/exe").unwrap_err().raw_os_error(), Some(libc::EACCES));
        assert!(std::process::Command::new("/proc/self/exe").arg("--list").status().is_err());
    });
}
