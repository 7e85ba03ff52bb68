//! What the host puts into a root for the attacks to reach for: device nodes, kernel file systems, sockets, programs. One
//! tree, seen below /opt/bait in the plain chroot and in the jail alike.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use tempfile::TempDir;

use super::program::Program;

/// Where the tree is seen from inside.
pub const BAIT: &str = "/opt/bait";

const NODES: [(&str, SFlag, u64, u64); 10] = [
    ("ram0", SFlag::S_IFBLK, 1, 0),
    ("mem", SFlag::S_IFCHR, 1, 1),
    ("null", SFlag::S_IFCHR, 1, 3),
    ("port", SFlag::S_IFCHR, 1, 4),
    ("kmsg", SFlag::S_IFCHR, 1, 11),
    ("tty0", SFlag::S_IFCHR, 4, 0),
    ("console", SFlag::S_IFCHR, 5, 1),
    ("tun", SFlag::S_IFCHR, 10, 200),
    ("fuse", SFlag::S_IFCHR, 10, 229),
    ("loop-control", SFlag::S_IFCHR, 10, 237),
];

/// Place, type and options of what is mounted in the tree.
const MOUNTS: [(&str, &str, &str); 4] = [
    ("sys", "sysfs", ""),
    ("cgroup", "cgroup2", ""),
    ("cgroup1", "cgroup", "none,name=jailsh_attacks"),
    ("bpf", "bpf", "mode=755"),
];

/// The tree; unmounted and removed on drop.
pub struct Stage {
    directory: TempDir,
    pub program: Program,
}

impl Stage {
    pub fn set(program: Program) -> Stage {
        let directory = TempDir::new().expect("a scratch directory");
        // Every user of the host may look: some attacks are an ordinary user's.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        let stage = Stage { directory, program };
        fs::write(stage.path("outside"), "out of every root\n").expect("the mark");
        for name in ["root", "bait"] {
            fs::create_dir(stage.path(name)).expect(name);
        }
        mount_on(&stage.bait(), "tmpfs", "mode=755");
        fs::create_dir(stage.bait().join("dev")).expect("dev");
        for (name, kind, major, minor) in NODES {
            let path = stage.bait().join("dev").join(name);
            mknod(&path, kind, Mode::from_bits_truncate(0o600), makedev(major, minor)).expect(name);
        }
        for (place, kind, options) in MOUNTS {
            fs::create_dir(stage.bait().join(place)).expect(place);
            mount_on(&stage.bait().join(place), kind, options);
        }
        fs::create_dir(stage.bait().join("cgroup1/group")).expect("a group to rename");
        fs::write(stage.bait().join("plain"), "plain\n").expect("a plain file");
        for (name, mode) in [("attacks", 0o755), ("setuid", 0o4755)] {
            let copy = stage.bait().join(name);
            fs::copy(&stage.program.path, &copy).expect(name);
            fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).expect(name);
        }
        stage
    }

    /// Something beside the tree, outside of every root; "." for the directory itself.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The tree as the host sees it.
    pub fn bait(&self) -> PathBuf {
        self.path("bait")
    }

    /// Shows the tree in a jail's mount namespace, as an administrator's volume would be.
    pub fn show_in(&self, namespace: &Path) {
        let output = Command::new(&self.program.path)
            .arg("graft")
            .args([&self.bait(), namespace, Path::new(BAIT)])
            .output()
            .expect("the attack program runs");
        assert!(output.status.success(), "graft: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A group that stays would keep the hierarchy of its name alive. Whatever is missing was never made.
        let _ = fs::remove_dir(self.bait().join("cgroup1/group"));
        for (place, ..) in MOUNTS {
            let _ = umount2(&self.bait().join(place), MntFlags::MNT_DETACH);
        }
        let _ = umount2(&self.bait(), MntFlags::MNT_DETACH);
    }
}

fn mount_on(place: &Path, kind: &str, options: &str) {
    mount(Some("none"), place, Some(kind), MsFlags::empty(), Some(options))
        .unwrap_or_else(|errno| panic!("mount {kind} on {}: {errno}", place.display()));
}
