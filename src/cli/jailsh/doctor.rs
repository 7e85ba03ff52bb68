//! `jailsh doctor`: can this machine hold jails, and what is missing?

use std::path::Path;

use clap::Args;
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output::{self, Shape};
use crate::kernel::lsm::Lsm;
use crate::kernel::{Kernel, KernelError};
use crate::telemetry::{Column, Format, Table, Value};

/// Say whether this machine can load the kernel module, and what is missing.
///
/// It finds out by loading a trivial program, and by asking the module if it is
/// loaded already.
///
/// Example: jailsh doctor --quiet && echo ready
///
/// Exit status: 0 the module is loaded or can be, 69 it cannot.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Doctor {
    /// Print nothing
    #[arg(short, long, conflicts_with_all = ["output", "json", "tsv"])]
    quiet: bool,
    #[command(flatten)]
    shape: Shape,
}

struct Check {
    name: &'static str,
    /// `None`: only worth knowing.
    good: Option<bool>,
    found: String,
    remedy: Option<String>,
}

impl Check {
    fn new(name: &'static str, good: bool, found: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { name, good: Some(good), found: found.into(), remedy: (!good).then(|| remedy.into()) }
    }

    fn note(name: &'static str, found: impl Into<String>, remedy: Option<String>) -> Check {
        Check { name, good: None, found: found.into(), remedy }
    }
}

const COLUMNS: [Column; 4] =
    [Column::new("CHECK", 8), Column::new("RESULT", 0), Column::new("FOUND", 0), Column::new("REMEDY", 0)];

impl Doctor {
    pub fn run(self) -> Outcome {
        let module = module();
        let ready = module.good == Some(true);
        if self.quiet {
            return Ok(verdict(ready));
        }
        let mut checks = vec![root(), kernel(), btf(), security_modules(), cgroup(), bpffs()];
        checks.extend(tools());
        checks.push(module);
        let row = |check: &Check| {
            vec![
                Value::text(check.name),
                Value::State(match check.good {
                    Some(true) => "ok".into(),
                    Some(false) => "MISSING".into(),
                    None => "note".into(),
                }),
                Value::text(&check.found),
                Value::maybe(check.remedy.as_ref()),
            ]
        };
        let table = Table::new(&COLUMNS, checks.iter().map(row).collect());
        match self.shape.format() {
            Format::Json => output::json(&serde_json::json!({ "ready": ready, "checks": table }))?,
            _ => self.shape.print(&table, false, "")?,
        }
        if self.shape.format() != Format::Text {
            return Ok(verdict(ready));
        }
        output::say(if ready { "\nThis machine can hold jails." } else { "\nThis machine cannot hold jails as it runs now." })?;
        Ok(verdict(ready))
    }
}

fn verdict(ready: bool) -> Exit {
    if ready { Exit::DONE } else { Exit::UNAVAILABLE }
}

fn root() -> Check {
    let uid = nix::unistd::geteuid();
    Check::new("root", uid.is_root(), format!("uid {uid}"), "run it as root")
}

fn kernel() -> Check {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Check::new("kernel", version >= (6, 1), release, "boot Linux 6.1 or newer")
}

fn btf() -> Check {
    let path = "/sys/kernel/btf/vmlinux";
    let found = Path::new(path).exists();
    Check::new(
        "btf",
        found,
        if found { path } else { "no kernel type information" },
        "boot a kernel built with CONFIG_DEBUG_INFO_BTF",
    )
}

/// The list proves little: programs can be refused though `bpf` is in it.
fn security_modules() -> Check {
    match std::fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(list) if list.split(',').any(|name| name.trim() == "bpf") => Check::note("lsm", list.trim(), None),
        Ok(list) => Check::note("lsm", list.trim(), Some(format!("boot with lsm={},bpf", list.trim()))),
        Err(_) => {
            Check::note("lsm", "unknown: securityfs is not mounted", Some("mount -t securityfs none /sys/kernel/security".into()))
        }
    }
}

fn cgroup() -> Check {
    let at = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let found = at.into_iter().find(|path| statfs(*path).is_ok_and(|fs| fs.filesystem_type() == CGROUP2_SUPER_MAGIC));
    Check::new("cgroup2", found.is_some(), found.unwrap_or("not mounted"), "mount -t cgroup2 none /sys/fs/cgroup")
}

fn bpffs() -> Check {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let found = known.split_whitespace().any(|name| name == "bpf");
    Check::new(
        "bpffs",
        found,
        if found { "known to the kernel" } else { "unknown to the kernel" },
        "boot a kernel built with CONFIG_BPF_SYSCALL",
    )
}

/// What jails on the host's own /usr will find there.
fn tools() -> Vec<Check> {
    let tool = |name: &'static str, path: &'static str, package: &'static str, needed: bool| {
        let found = Path::new(path).exists();
        match (found, needed) {
            (true, _) => Check::new(name, true, path, ""),
            (false, true) => Check::new(name, false, format!("no {path}"), format!("apt-get install {package}")),
            (false, false) => {
                Check::note(name, format!("no {path}"), Some(format!("apt-get install {package}, for the examples")))
            }
        }
    };
    vec![
        tool("sh", "/bin/sh", "dash", true),
        tool("ps", "/usr/bin/ps", "procps", false),
        tool("busybox", "/usr/bin/busybox", "busybox-static", false),
    ]
}

fn module() -> Check {
    let name = "module";
    match Lsm::open() {
        Ok(lsm) => Check::new(name, true, format!("loaded, ABI {}", lsm.describe().abi), ""),
        Err(KernelError::NotLoaded) => match Lsm::probe() {
            Ok(()) => Check::new(name, true, "not loaded; this kernel takes it", ""),
            Err(KernelError::Refused { why, remedy }) => Check::new(name, false, why, remedy),
            Err(error) => refused(name, &error),
        },
        Err(error) => refused(name, &error),
    }
}

fn refused(name: &'static str, error: &KernelError) -> Check {
    let text = error.to_string();
    let (found, remedy) = text.split_once("; ").unwrap_or((&text, "see above"));
    Check::new(name, false, found, remedy)
}
