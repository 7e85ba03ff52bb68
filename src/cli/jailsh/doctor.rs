//! `jailsh doctor`: can this machine hold jails, by which body, and what is missing?

use std::path::Path;

use clap::Args;
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::output::{self, Shape};
use crate::kernel::landlock::{Landlock, probe};
use crate::kernel::lsm::Lsm;
use crate::kernel::{Enforcement, Kernel, KernelError, is_given_away};
use crate::telemetry::{Column, Format, Table, Value};

/// Say whether this machine can hold jails, by what, and what is missing.
///
/// It finds out by loading a trivial program, by asking the module if it is
/// loaded already, and by asking the kernel for its Landlock.
///
/// Example: jailsh doctor --quiet && echo ready
///
/// Exit status: 0 jails can be held, 69 they cannot.
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

    /// A body does without it where another body holds the jails.
    fn unless(self, other: bool) -> Check {
        if other && self.good == Some(false) { Check { good: None, ..self } } else { self }
    }

    fn result(&self) -> &'static str {
        match self.good {
            Some(true) => "ok",
            Some(false) => "MISSING",
            None => "note",
        }
    }

    fn row(&self) -> Vec<Value> {
        vec![
            Value::text(self.name),
            Value::State(self.result().into()),
            Value::text(&self.found),
            Value::maybe(self.remedy.as_ref()),
        ]
    }

    fn text(&self) -> String {
        const INDENT: usize = 18;
        let remedy = self.remedy.as_ref().map_or(String::new(), |remedy| wrapped(&format!("-> {remedy}"), INDENT));
        let found = wrapped(&self.found, INDENT);
        format!("{:<9} {:<7} {}{remedy}", self.name, self.result(), &found[INDENT..])
    }
}

/// Lines of at most 98 columns, indented, each ended. A word that is longer stays whole.
fn wrapped(text: &str, indent: usize) -> String {
    const WIDTH: usize = 98;
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent + line.len() + 1 + word.len() > WIDTH {
            lines += &format!("{:indent$}{line}\n", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push_str(&format!("{:indent$}{line}\n", ""));
    lines
}

const COLUMNS: [Column; 4] =
    [Column::new("CHECK", 8), Column::new("RESULT", 0), Column::new("FOUND", 0), Column::new("REMEDY", 0)];

impl Doctor {
    pub fn run(self) -> Outcome {
        let (module, landlock) = (module(), landlock());
        let (by_module, by_landlock) = (module.good == Some(true), landlock.good == Some(true));
        // What `--kernel auto` picks.
        let body = if by_module && !(Landlock::has_jails() && Lsm::open().is_err()) {
            Some("lsm")
        } else {
            by_landlock.then_some("landlock")
        };
        let ready = body.is_some();
        if self.quiet {
            return Ok(verdict(ready));
        }
        let mut checks = vec![root(), kernel(), cgroup().unless(by_module)];
        checks.extend(groups());
        checks.extend(tools());
        checks.extend([btf().unless(by_landlock), security_modules(), bpffs().unless(by_landlock)]);
        checks.extend([module.unless(by_landlock), landlock.unless(by_module)]);
        let table = || Table::new(&COLUMNS, checks.iter().map(Check::row).collect());
        match self.shape.format() {
            Format::Json => output::json(&serde_json::json!({ "ready": ready, "body": body, "checks": table() }))?,
            Format::Text => {
                output::print(&checks.iter().map(Check::text).collect::<String>())?;
                output::print(&format!("\n{}", conclusion(body)))?;
            }
            _ => self.shape.print(&table(), false, "")?,
        }
        Ok(verdict(ready))
    }
}

fn conclusion(body: Option<&str>) -> String {
    match body {
        Some("landlock") => {
            let weaker = weaker_by_landlock();
            let weaker = if weaker.is_empty() { String::new() } else { format!(" Weaker there: {weaker}.") };
            let text = format!(
                "This machine can hold jails, by the landlock body: without the module there is no live change of policy, no audit \
                 mode and no count of denials.{weaker} `jailctl info NAME` and docs/enforcement.md tell it right by right."
            );
            wrapped(&text, 0)
        }
        Some(body) => format!("This machine can hold jails, by the {body} body: the module.\n"),
        None => "This machine cannot hold jails as it runs now.\n".to_owned(),
    }
}

/// The rights that the landlock body does not hold in full here.
fn weaker_by_landlock() -> String {
    let rights = Landlock::description_here().rights;
    let weaker = rights.iter().filter(|status| !matches!(status.enforcement, Enforcement::Enforced { .. }));
    weaker.map(|status| status.right.name()).collect::<Vec<_>>().join(", ")
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

/// Where systemd is the first process: the hierarchy is its own but for what it gives away.
fn groups() -> Option<Check> {
    // sd_booted(3)
    let (name, is_systemds) = ("groups", Path::new("/run/systemd/system").is_dir());
    is_systemds.then(|| match is_given_away() {
        true => Check::new(name, true, "systemd gave jails a group of their own", ""),
        false => Check::note(
            name,
            "jails' control groups are at the top of what is systemd's",
            Some("jailmgr bootstrap --install-boot, then systemctl start jailsh-groups".into()),
        ),
    })
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

fn landlock() -> Check {
    let name = "landlock";
    match Landlock::probe().and_then(|()| probe::abi()) {
        Ok(abi) => Check::new(name, true, format!("ABI {abi}"), ""),
        Err(KernelError::NoLandlock { why, remedy }) => Check::new(name, false, why, remedy),
        Err(error) => refused(name, &error),
    }
}

fn refused(name: &'static str, error: &KernelError) -> Check {
    let text = error.to_string();
    let (found, remedy) = text.split_once("; ").unwrap_or((&text, "see above"));
    Check::new(name, false, found, remedy)
}
