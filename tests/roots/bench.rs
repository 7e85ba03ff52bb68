//! A host of its own for each case, in a scratch directory; gone afterwards, also when the case fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jailsh::jail::{self, Config, ExecRequest, Host, JailError, Output, Spec};
use jailsh::kernel::{JailName, Kernel};
use nix::mount::{MntFlags, MsFlags, umount2};

use crate::kernel::Plain;

pub struct Bench {
    pub host: Host,
    pub kernel: Rc<Plain>,
    pub config: Config,
    _scratch: tempfile::TempDir,
}

pub fn name() -> JailName {
    "web".parse().unwrap()
}

pub fn spec(toml: &str) -> Spec {
    Spec::from_toml(&name(), toml).unwrap()
}

impl Bench {
    pub fn new() -> Bench {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config { data_dir: scratch.path().join("data"), run_dir: scratch.path().join("run") };
        let kernel = Rc::new(Plain::new(&config, scratch.path().join("kernel")));
        Bench { host: Host { kernel: kernel.clone(), config: config.clone() }, kernel, config, _scratch: scratch }
    }

    /// With one jail that is up.
    pub fn up() -> Bench {
        let bench = Bench::new();
        jail::create(&bench.host, &name(), &spec("")).unwrap();
        jail::bring_up(&bench.host, &name()).unwrap();
        bench
    }

    /// The jail's data directory.
    pub fn data(&self) -> PathBuf {
        self.config.jail_dir(&name()).join("data")
    }

    pub fn exec(&self, argv: &[&str]) -> Output {
        self.try_exec(self.request(argv)).unwrap()
    }

    /// Shell text's stdout; panics unless it ends with 0.
    pub fn sh(&self, script: &str) -> String {
        let output = self.exec(&["sh", "-c", script]);
        assert_eq!(output.status, 0, "{script}: {output:?}");
        output.stdout
    }

    pub fn request(&self, argv: &[&str]) -> ExecRequest {
        ExecRequest {
            argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
            env: BTreeMap::new(),
            capture: true,
            ..ExecRequest::default()
        }
    }

    pub fn try_exec(&self, request: ExecRequest) -> Result<Output, JailError> {
        jail::exec(&self.host, &name(), &request)
    }
}

/// A file system of its own for the data directory, small enough to be filled. Gone on drop.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn on(directory: &Path, options: &str) -> SmallDisk {
        fs::create_dir_all(directory).unwrap();
        let options = format!("mode=0755,{options}");
        nix::mount::mount(Some("none"), directory, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).unwrap();
        SmallDisk(directory.to_owned())
    }

    /// With another size, or read-only for `ro`.
    pub fn remount(&self, options: &str) {
        let (flags, options) = if options == "ro" { (MsFlags::MS_RDONLY, None) } else { (MsFlags::empty(), Some(options)) };
        nix::mount::mount(None::<&str>, &self.0, None::<&str>, MsFlags::MS_REMOUNT | flags, options).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// A file system in a file, mounted; unmounted with the [`Bench`] it belongs to.
pub struct OwnDisk(PathBuf);

impl OwnDisk {
    /// Bytes taken.
    pub fn used(&self) -> u64 {
        nix::unistd::sync();
        let found = nix::sys::statvfs::statvfs(&self.0).unwrap();
        (found.blocks() - found.blocks_free()) * found.fragment_size()
    }
}

/// A new file system of this kind at `directory`; `None`, and why, where this kernel or machine has none.
pub fn own_disk(directory: &Path, kind: &str) -> Option<OwnDisk> {
    let known = fs::read_to_string("/proc/filesystems").unwrap();
    let make = Path::new("/usr/sbin").join(format!("mkfs.{kind}"));
    if !known.lines().any(|line| line.trim() == kind) || !make.exists() {
        println!("skipped: this kernel has no {kind}, or no {} is installed", make.display());
        return None;
    }
    fs::create_dir_all(directory).unwrap();
    let image = directory.with_extension(kind);
    fs::File::create(&image).unwrap().set_len(512 << 20).unwrap();
    run(std::process::Command::new(make).arg("-q").arg(&image));
    run(std::process::Command::new("mount").args(["-o", "loop", "-t", kind]).arg(&image).arg(directory));
    Some(OwnDisk(directory.to_owned()))
}

fn run(command: &mut std::process::Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Also after a failure, so whatever state it is in: processes first, then mounts.
        for jail in self.kernel.list().unwrap_or_default() {
            let _ = self.kernel.kill_all(jail.jid, std::time::Duration::from_secs(5));
        }
        for mount in own_mounts(self).iter().rev() {
            let _ = umount2(mount.as_str(), MntFlags::MNT_DETACH);
        }
    }
}

/// Mount points below a directory, in the order of mounting.
pub fn mounts_below(directory: &Path) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = text.lines().map(|line| line.split(' ').nth(4).unwrap().to_owned());
    points.filter(|point| Path::new(point).starts_with(directory)).collect()
}

/// Mounts below the bench's own directory.
pub fn own_mounts(bench: &Bench) -> Vec<String> {
    mounts_below(bench.config.run_dir.parent().unwrap())
}

/// Open descriptors of this process.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of this process, zombies included.
pub fn children() -> Vec<String> {
    let children = fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id())).unwrap();
    children.split_ascii_whitespace().map(str::to_owned).collect()
}
