//! What the tests share: a network namespace of the test's own, scratch groups, a scratch place for the pins.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use jailsh::kernel::landlock::ports::{self, Reservations, Wanted};
use nix::fcntl::{Flock, FlockArg};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

const LIST: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// Where cgroup2 is mounted.
pub fn cgroup2() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let place = mounts.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        filesystem.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4).map(PathBuf::from))?
    });
    place.expect("the programs load, so there is a cgroup2")
}

/// As deep as jailsh.slice/jailsh-groups.service, and nobody else's.
const GIVEN: &str = "jailsh-test.slice/groups.service";

/// A group `jailsh/NAME` of the test's own. Removed on drop, after its members.
pub struct Group {
    pub path: PathBuf,
}

impl Group {
    pub fn make(name: &str) -> Group {
        let path = cgroup2().join("jailsh").join(format!("test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a group");
        Group { path }
    }

    /// One where systemd gives groups away, a level further down.
    pub fn make_given(name: &str) -> Group {
        let path = cgroup2().join(GIVEN).join(format!("test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a group");
        Group { path }
    }

    /// A group below this one; it goes with it.
    pub fn nested(&self) -> PathBuf {
        let path = self.path.join("nested");
        fs::create_dir(&path).expect("a group below");
        path
    }

    pub fn id(&self) -> u64 {
        fs::metadata(&self.path).expect("the group is there").ino()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        // The kernel keeps a group busy for a moment after its last member is gone.
        for _ in 0..200 {
            let _ = fs::remove_dir(self.path.join("nested"));
            match fs::remove_dir(&self.path) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                _ => break,
            }
        }
        // Goes if nobody else's group is in it.
        for parent in [GIVEN, "jailsh-test.slice", "jailsh"] {
            let _ = fs::remove_dir(cgroup2().join(parent));
        }
    }
}

/// Runs `command` as a member of the group at `path`.
pub fn inside(path: &Path, mut command: Command) -> Command {
    let members: OwnedFd = OpenOptions::new().write(true).open(path.join("cgroup.procs")).expect("cgroup.procs").into();
    let join = move || match nix::unistd::write(&members, b"0") {
        Ok(_) => Ok(()),
        Err(errno) => Err(errno.into()),
    };
    // SAFETY: only writes to a descriptor that was opened before the fork.
    unsafe { command.pre_exec(join) };
    command
}

/// Reservations in a scratch place, for a test whose ports are in a network namespace of its own. All is let go on drop.
pub struct Stage {
    scratch: TempDir,
    pub reservations: Reservations,
    /// The programs are asked by all of the machine: one test at a time.
    _turn: Flock<File>,
}

impl Stage {
    /// `None`, with the reason printed, where the programs do not load.
    pub fn set() -> Option<Stage> {
        if let Err(why) = ports::probe() {
            eprintln!("skipped: {why}");
            return None;
        }
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        let lo = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip is installed");
        assert!(lo.success());
        let scratch = TempDir::new().expect("a scratch directory");
        let reservations = Reservations::at(&scratch.path().join("landlock"));
        Some(Stage { scratch, reservations, _turn: turn() })
    }

    /// The directory of the reservations.
    pub fn directory(&self) -> PathBuf {
        self.scratch.path().join("landlock")
    }

    pub fn reserve<P: Display>(&self, reserved: &[(P, u64)]) {
        self.reservations.reconcile(&wanted(reserved)).expect("reconciled");
    }

    /// The pinned objects; names with a dot are the kernel's own.
    pub fn pins(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory().join("bpf")).expect("the pins");
        let pins = entries.map(|entry| entry.expect("readable").path());
        pins.filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().contains('.'))).collect()
    }

    pub fn pin(&self, name: &str) -> PathBuf {
        let is_it = |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        self.pins().into_iter().find(is_it).unwrap_or_else(|| panic!("no pin {name}"))
    }

    /// How many file systems are mounted at the place of the pins.
    pub fn mounts(&self) -> usize {
        let place = format!(" {} ", self.directory().join("bpf").display());
        fs::read_to_string("/proc/self/mountinfo").expect("mountinfo").lines().filter(|line| line.contains(&place)).count()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = self.reservations.reconcile(&Wanted::default()) {
            eprintln!("left behind: {error}");
        }
    }
}

/// Held by the test whose turn it is, among all processes of this build.
fn turn() -> Flock<File> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cgroup-programs.lock");
    let file = File::create(&path).expect("a lock file");
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno).expect("locked")
}

pub fn wanted<P: Display>(reserved: &[(P, u64)]) -> Wanted {
    let ports = reserved.iter().map(|(port, owner)| (*owner, port.to_string().parse().expect("a port"))).collect();
    Wanted { ports, ..Wanted::default() }
}

/// The kernel's list in this test's network namespace.
pub fn listed() -> String {
    fs::read_to_string(LIST).expect(LIST).trim().to_owned()
}

pub fn list(text: &str) {
    fs::write(LIST, format!("{text}\n")).expect(LIST);
}

/// May the host bind it?
pub fn host_binds(port: u16) -> Result<(), i32> {
    TcpListener::bind(("0.0.0.0", port)).map(drop).map_err(|error| error.raw_os_error().unwrap_or(0))
}

/// The ids of the programs on the root group, of every kind that reservations use.
pub fn attached() -> Vec<u32> {
    const KINDS: [u32; 8] = [
        libbpf_sys::BPF_CGROUP_INET4_BIND,
        libbpf_sys::BPF_CGROUP_INET6_BIND,
        libbpf_sys::BPF_CGROUP_INET4_POST_BIND,
        libbpf_sys::BPF_CGROUP_INET6_POST_BIND,
        libbpf_sys::BPF_CGROUP_INET4_CONNECT,
        libbpf_sys::BPF_CGROUP_INET6_CONNECT,
        libbpf_sys::BPF_CGROUP_UDP4_SENDMSG,
        libbpf_sys::BPF_CGROUP_UDP6_SENDMSG,
    ];
    KINDS.iter().flat_map(|kind| attached_to(&cgroup2(), *kind)).collect()
}

pub fn attached_to(group: &Path, kind: u32) -> Vec<u32> {
    let group = File::open(group).expect("the group");
    let (mut ids, mut count, mut flags) = ([0u32; 64], 64u32, 0u32);
    // SAFETY: an open descriptor; the room for ids is what count says.
    let answer =
        unsafe { libbpf_sys::bpf_prog_query(group.as_raw_fd(), kind, 0, &raw mut flags, ids.as_mut_ptr(), &raw mut count) };
    assert_eq!(answer, 0, "bpf_prog_query");
    ids[..count as usize].to_vec()
}
