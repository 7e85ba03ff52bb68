//! Linux: what the module's programs and Landlock take, and what jails on the host's own /usr find there.

use std::path::Path;

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use super::{Checkup, Finding, release, root, version};
use crate::kernel::landlock::{Landlock, probe};
use crate::kernel::lsm::{self, Lsm};
use crate::kernel::{Enforcement, Kernel, KernelError, RightStatus, is_given_away};

/// It finds out by loading a trivial program, by asking the module if it is loaded already, and by asking the kernel for its
/// Landlock.
pub fn check_up() -> Checkup {
    let (module, landlock) = (module(), landlock());
    let (by_module, by_landlock) = (module.good == Some(true), landlock.good == Some(true));
    let body = if by_module && !(Landlock::has_jails() && Lsm::open().is_err()) {
        Some("lsm")
    } else {
        by_landlock.then_some("landlock")
    };
    let mut findings = vec![root(), kernel(), cgroup().unless(by_module)];
    findings.extend(groups());
    findings.extend(tools());
    findings.extend([btf().unless(by_landlock), security_modules(), bpffs().unless(by_landlock)]);
    findings.extend([module.unless(by_landlock), landlock.unless(by_module)]);
    let weaker = match body {
        Some("landlock") => weaker(&Landlock::description_here().rights),
        // It may not be loaded yet; what no kernel lets it hold in full is known all the same.
        Some("lsm") => weaker(&lsm::describe::with_every_hook()),
        _ => Vec::new(),
    };
    Checkup { body, findings, weaker }
}

/// The rights that a body does not hold in full here.
fn weaker(rights: &[RightStatus]) -> Vec<&'static str> {
    let weaker = rights.iter().filter(|status| !matches!(status.enforcement, Enforcement::Enforced { .. }));
    weaker.map(|status| status.right.name()).collect()
}

impl Finding {
    fn note(name: &'static str, found: impl Into<String>, remedy: Option<String>) -> Finding {
        Finding { name, good: None, found: found.into(), remedy }
    }

    /// A body does without it where another body holds the jails.
    fn unless(self, other: bool) -> Finding {
        if other && self.good == Some(false) { Finding { good: None, ..self } } else { self }
    }
}

fn kernel() -> Finding {
    let release = release();
    Finding::new("kernel", version(&release) >= (6, 1), release, "boot Linux 6.1 or newer")
}

fn btf() -> Finding {
    let path = "/sys/kernel/btf/vmlinux";
    let found = Path::new(path).exists();
    Finding::new(
        "btf",
        found,
        if found { path } else { "no kernel type information" },
        "boot a kernel built with CONFIG_DEBUG_INFO_BTF",
    )
}

/// The list proves little: programs can be refused though `bpf` is in it.
fn security_modules() -> Finding {
    match std::fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(list) if list.split(',').any(|name| name.trim() == "bpf") => Finding::note("lsm", list.trim(), None),
        Ok(list) => Finding::note("lsm", list.trim(), Some(format!("boot with lsm={},bpf", list.trim()))),
        Err(_) => Finding::note(
            "lsm",
            "unknown: securityfs is not mounted",
            Some("mount -t securityfs none /sys/kernel/security".into()),
        ),
    }
}

fn cgroup() -> Finding {
    let at = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let found = at.into_iter().find(|path| statfs(*path).is_ok_and(|fs| fs.filesystem_type() == CGROUP2_SUPER_MAGIC));
    Finding::new("cgroup2", found.is_some(), found.unwrap_or("not mounted"), "mount -t cgroup2 none /sys/fs/cgroup")
}

/// Where systemd is the first process: the hierarchy is its own but for what it gives away.
fn groups() -> Option<Finding> {
    // sd_booted(3)
    let (name, is_systemds) = ("groups", Path::new("/run/systemd/system").is_dir());
    is_systemds.then(|| match is_given_away() {
        true => Finding::new(name, true, "systemd gave jails a group of their own", ""),
        false => Finding::note(
            name,
            "jails' control groups are at the top of what is systemd's",
            Some("jailmgr bootstrap --install-boot, then systemctl start jailsh-groups".into()),
        ),
    })
}

fn bpffs() -> Finding {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let found = known.split_whitespace().any(|name| name == "bpf");
    Finding::new(
        "bpffs",
        found,
        if found { "known to the kernel" } else { "unknown to the kernel" },
        "boot a kernel built with CONFIG_BPF_SYSCALL",
    )
}

/// What jails on the host's own /usr will find there.
fn tools() -> Vec<Finding> {
    let tool = |name: &'static str, path: &'static str, package: &'static str, needed: bool| {
        let found = Path::new(path).exists();
        match (found, needed) {
            (true, _) => Finding::new(name, true, path, ""),
            (false, true) => Finding::new(name, false, format!("no {path}"), format!("apt-get install {package}")),
            (false, false) => {
                Finding::note(name, format!("no {path}"), Some(format!("apt-get install {package}, for the examples")))
            }
        }
    };
    vec![
        tool("sh", "/bin/sh", "dash", true),
        tool("ps", "/usr/bin/ps", "procps", false),
        tool("busybox", "/usr/bin/busybox", "busybox-static", false),
    ]
}

fn module() -> Finding {
    let name = "module";
    match Lsm::open() {
        Ok(lsm) => Finding::new(name, true, format!("loaded, ABI {}", lsm.describe().abi), ""),
        Err(KernelError::NotLoaded) => match Lsm::probe() {
            Ok(()) => Finding::new(name, true, "not loaded; this kernel takes it", ""),
            Err(KernelError::Refused { why, remedy }) => Finding::new(name, false, why, remedy),
            Err(error) => Finding::refused(name, &error),
        },
        Err(error) => Finding::refused(name, &error),
    }
}

fn landlock() -> Finding {
    let name = "landlock";
    match Landlock::probe().and_then(|()| probe::abi()) {
        Ok(abi) => Finding::new(name, true, format!("ABI {abi}"), ""),
        Err(KernelError::NoLandlock { why, remedy }) => Finding::new(name, false, why, remedy),
        Err(error) => Finding::refused(name, &error),
    }
}
