//! Ordinary programs work behind the walls as they do outside.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pause};

use jailsh::kernel::Level;

use crate::stage::{behind, in_a_medium_jail, syscall};

crate::cases![
    programs_are_run,
    sockets_carry_bytes,
    a_terminal_can_be_opened_and_asked,
    files_move_between_directories,
    pipes_and_sockets_are_made_as_nodes,
    a_setuid_program_becomes_root,
    without_setuid_exec_a_setuid_program_stays_who_ran_it,
    members_signal_and_see_each_other,
    a_process_sets_its_own_scheduling_and_limits,
    a_jail_has_its_own_shared_memory,
];

fn programs_are_run() {
    in_a_medium_jail(|| {
        assert!(Command::new("/bin/true").status().unwrap().success());
        let output = Command::new("/bin/sh").args(["-c", "echo one | cat; (exit 3)"]).output().unwrap();
        assert_eq!((output.stdout.as_slice(), output.status.code()), (b"one\n".as_slice(), Some(3)));
        std::thread::spawn(|| {}).join().unwrap();
    });
}

fn sockets_carry_bytes() {
    in_a_medium_jail(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        client.write_all(b"tcp").unwrap();
        drop(client);
        let mut text = String::new();
        server.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "tcp");
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        std::os::unix::net::UnixStream::pair().unwrap();
        let _listener = std::os::unix::net::UnixListener::bind("/tmp/socket").unwrap();
        std::os::unix::net::UnixStream::connect("/tmp/socket").unwrap();
        syscall(libc::SYS_socket, &[libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 0]).expect("netlink route");
    });
}

fn a_terminal_can_be_opened_and_asked() {
    in_a_medium_jail(|| {
        let terminal = fs::OpenOptions::new().read(true).write(true).open("/dev/ptmx").unwrap();
        // SAFETY: all zero is a termios; the call fills it.
        let mut settings: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: an open terminal, and a termios that outlives the call.
        assert_eq!(unsafe { libc::tcgetattr(terminal.as_raw_fd(), &mut settings) }, 0, "{}", Errno::last());
    });
}

fn files_move_between_directories() {
    in_a_medium_jail(|| {
        fs::create_dir_all("/tmp/one").unwrap();
        fs::create_dir_all("/tmp/two").unwrap();
        fs::write("/tmp/one/file", "moved").unwrap();
        fs::rename("/tmp/one/file", "/tmp/two/file").unwrap();
        fs::hard_link("/tmp/two/file", "/tmp/one/link").unwrap();
        assert_eq!(fs::read_to_string("/tmp/one/link").unwrap(), "moved");
        fs::OpenOptions::new().write(true).open("/tmp/two/file").unwrap().set_len(0).unwrap();
        fs::remove_dir_all("/tmp/one").unwrap();
    });
}

fn pipes_and_sockets_are_made_as_nodes() {
    in_a_medium_jail(|| {
        use nix::sys::stat::{Mode, SFlag, mknod};
        mknod("/tmp/pipe", SFlag::S_IFIFO, Mode::S_IRUSR, 0).unwrap();
        mknod("/tmp/node", SFlag::S_IFSOCK, Mode::S_IRUSR, 0).unwrap();
    });
}

fn a_setuid_program_becomes_root() {
    const NOBODY: u32 = 65534;
    in_a_medium_jail(|| {
        fs::copy("/usr/bin/id", "/tmp/id").unwrap();
        fs::set_permissions("/tmp/id", fs::Permissions::from_mode(0o4755)).unwrap();
        let output = Command::new("/tmp/id").arg("-u").uid(NOBODY).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n", "{output:?}");
        let status = fs::read_to_string("/proc/self/status").unwrap();
        assert!(status.contains("NoNewPrivs:\t0"));
        assert!(status.contains("Seccomp:\t2"));
    });
}

fn without_setuid_exec_a_setuid_program_stays_who_ran_it() {
    const NOBODY: u32 = 65534;
    behind(Level::Medium.rights().without("setuid_exec".parse().unwrap()), || {
        fs::copy("/usr/bin/id", "/tmp/id").unwrap();
        fs::set_permissions("/tmp/id", fs::Permissions::from_mode(0o4755)).unwrap();
        let output = Command::new("/tmp/id").arg("-u").uid(NOBODY).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{NOBODY}\n"), "{output:?}");
    });
}

fn members_signal_and_see_each_other() {
    in_a_medium_jail(|| {
        // SAFETY: this process has one thread, and the child only waits.
        let sibling = match unsafe { fork() }.unwrap() {
            ForkResult::Child => loop {
                pause();
            },
            ForkResult::Parent { child } => child,
        };
        assert!(fs::read_to_string(format!("/proc/{sibling}/status")).unwrap().contains("Pid:"));
        let listed: Vec<Pid> = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| Some(Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?)))
            .collect();
        assert_eq!(listed, [nix::unistd::getpid(), sibling], "nobody else is listed");
        kill(sibling, Signal::SIGTERM).unwrap();
        assert!(matches!(waitpid(sibling, None).unwrap(), WaitStatus::Signaled(_, Signal::SIGTERM, _)));
    });
}

fn a_process_sets_its_own_scheduling_and_limits() {
    in_a_medium_jail(|| {
        let ordinary = libc::sched_param { sched_priority: 0 };
        // SAFETY: the parameter outlives the call.
        assert_eq!(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &ordinary) }, 0);
        syscall(libc::SYS_setpriority, &[0, 0, 5]).unwrap();
        syscall(libc::SYS_ioprio_set, &[1, 0, 2 << 13 | 7]).unwrap();
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, most).unwrap();
        // By number it may be looked at, and that is all.
        let own = i64::from(std::process::id());
        let mut limits = [0u64; 2];
        let place = limits.as_mut_ptr() as i64;
        syscall(libc::SYS_prlimit64, &[own, libc::RLIMIT_NOFILE.into(), 0, place]).unwrap();
        assert_eq!(limits[0], 64);
    });
}

fn a_jail_has_its_own_shared_memory() {
    in_a_medium_jail(|| {
        let id = syscall(libc::SYS_shmget, &[0, 4096, 0o600]).unwrap();
        syscall(libc::SYS_shmctl, &[id, libc::IPC_RMID.into(), 0]).unwrap();
    });
}
