//! A process behind closed walls: a root on a tmpfs of its own with the host's programs, /proc and a terminal, in a mount
//! namespace that ends with it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use jailsh::kernel::landlock::walls::Walls;
use jailsh::kernel::{Level, RightSet};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, chdir, fork, pivot_root, setsid};

/// Runs it in a forked process; false if it panicked or was killed.
pub fn in_a_process(deed: impl FnOnce()) -> bool {
    // SAFETY: this process has one thread.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(deed));
            // SAFETY: ends the process; its drops ran in the unwinding.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        ForkResult::Parent { child } => matches!(waitpid(child, None).unwrap(), WaitStatus::Exited(_, 0)),
    }
}

/// Does `deed` as root behind the walls of a jail that holds these rights.
pub fn behind(rights: RightSet, deed: impl FnOnce()) {
    let passed = in_a_process(|| {
        let walls = Walls::prepare(rights).unwrap();
        new_root();
        setsid().unwrap();
        walls.close().expect("close the walls");
        deed();
    });
    assert!(passed, "what happened behind the walls is told above");
}

pub fn in_a_medium_jail(deed: impl FnOnce()) {
    behind(Level::Medium.rights(), deed);
}

/// Leaves the caller in a mount namespace whose root is a small tmpfs.
fn new_root() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    // Any directory serves as mount point in a namespace of one's own.
    let top = Path::new("/mnt");
    mount(Some("none"), top, Some("tmpfs"), MsFlags::empty(), Some("mode=0755")).unwrap();
    for name in ["usr", "proc", "dev", "etc", "tmp"] {
        fs::create_dir(top.join(name)).unwrap();
    }
    mount(Some("/usr"), &top.join("usr"), None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>).unwrap();
    for name in ["bin", "sbin", "lib", "lib64"] {
        // A merged /usr, as every supported distribution has it.
        if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
            symlink(target, top.join(name)).unwrap();
        }
    }
    mount(Some("none"), &top.join("proc"), Some("proc"), MsFlags::empty(), Some("hidepid=ptraceable")).unwrap();
    fs::create_dir(top.join("dev/pts")).unwrap();
    mount(Some("none"), &top.join("dev/pts"), Some("devpts"), MsFlags::empty(), Some("newinstance,ptmxmode=0666")).unwrap();
    symlink("pts/ptmx", top.join("dev/ptmx")).unwrap();
    mknod(&top.join("dev/null"), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 3)).unwrap();
    chdir(top).unwrap();
    pivot_root(".", ".").unwrap();
    umount2(".", MntFlags::MNT_DETACH).unwrap();
    chdir("/").unwrap();
}

/// A system call by number.
pub fn syscall(number: i64, arguments: &[i64]) -> Result<i64, Errno> {
    let mut registers = [0; 6];
    registers[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f] = registers;
    // SAFETY: the cases hand in integers, null, or pointers to what outlives the call and has the size the call takes.
    Errno::result(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}
