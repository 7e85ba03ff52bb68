//! everywhere: a machine or a user that jails are not for is told so: one line, what is missing, what to do.

use std::fs;
use std::io::Error;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An ordinary user: nobody.
const NOBODY: u32 = 65_534;
/// Domains keep signals and abstract sockets apart since this ABI of Landlock.
const ABI_NEEDED: i64 = 6;

/// The program under its three names, where everybody may run it.
struct Tools(TempDir);

impl Tools {
    fn new() -> Tools {
        let directory = TempDir::new().expect("a scratch directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        let program = directory.path().join("jailsh");
        fs::copy(env!("CARGO_BIN_EXE_jailsh"), &program).expect("a copy of the program");
        for name in ["jailctl", "jailmgr"] {
            symlink(&program, directory.path().join(name)).expect(name);
        }
        Tools(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A tool over the landlock body, with nothing of this machine's jails.
    fn landlock(&self, name: &str) -> Command {
        let mut command = Command::new(self.path(name));
        command.args(["--kernel", "landlock"]).arg("--data-dir").arg(self.path("data"));
        command
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The one line that it says, on stderr.
fn complaint(output: &Output, status: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    text.trim_end().to_owned()
}

/// The ABI of this kernel's Landlock; an error where there is none.
fn landlock_abi() -> Result<i64, Error> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no attributes and answers a number.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    if answer < 0 { Err(Error::last_os_error()) } else { Ok(answer) }
}

#[test]
fn whoever_is_not_root_is_told_that_jails_take_root() {
    let tools = Tools::new();
    for body in ["auto", "landlock", "lsm"] {
        for (tool, arguments) in [
            ("jailctl", &["list"][..]),
            ("jailctl", &["exec", "web", "--", "/bin/true"]),
            ("jailmgr", &["create", "web"]),
            ("jailmgr", &["stop", "web"]),
            ("jailsh", &["-e", "jail(\"web\", #{}).create()"]),
        ] {
            let mut command = Command::new(tools.path(tool));
            command.args(["--kernel", body]).arg("--data-dir").arg(tools.path("data")).args(arguments).current_dir("/");
            if is_root() {
                command.uid(NOBODY).gid(NOBODY);
            }
            let output = command.output().expect("it starts");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(77), "{tool} {arguments:?} over {body}: {text}");
            // A script's error shows its line too.
            assert!(text.contains("only root on the host may do this"), "{tool} over {body}: {text}");
            assert!(text.contains("run it as root"), "{tool} over {body}: {text}");
        }
    }
}

#[test]
fn a_host_without_cgroup_v2_is_told_to_mount_it() {
    if !is_root() {
        eprintln!("skipped: unmounting, in mounts of its own, takes root");
        return;
    }
    if landlock_abi().is_ok_and(|abi| abi < ABI_NEEDED) || landlock_abi().is_err() {
        eprintln!("skipped: Landlock is missed first");
        return;
    }
    let tools = Tools::new();
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", "umount --all --types cgroup2 && exec \"$@\"", "sh"]);
    let inner = tools.landlock("jailctl");
    command.arg(inner.get_program()).args(inner.get_args()).arg("list");
    let told = complaint(&command.output().expect("unshare is installed"), 69);
    assert!(told.contains("no cgroup2 file system is mounted") && told.contains("mount -t cgroup2"), "{told}");
}

/// A filter under which bpf(2) is refused, as on a platform that loads no programs.
fn without_bpf() -> seccompiler::BpfProgram {
    let architecture = std::env::consts::ARCH.try_into().expect("an architecture of ours");
    let refused = seccompiler::SeccompAction::Errno(libc::EPERM as u32);
    let rules = [(libc::SYS_bpf, Vec::new())].into_iter().collect();
    let filter = seccompiler::SeccompFilter::new(rules, seccompiler::SeccompAction::Allow, refused, architecture);
    filter.and_then(TryInto::try_into).expect("a filter of one call")
}

#[test]
fn a_jail_with_a_right_that_this_kernel_cannot_enforce_is_refused_before_anything_is_made() {
    if !is_root() || landlock_abi().map_or(true, |abi| abi < ABI_NEEDED) {
        eprintln!("skipped: it takes root and Landlock ABI {ABI_NEEDED}");
        return;
    }
    let tools = Tools::new();
    let filter = without_bpf();
    let run = |arguments: &[&str]| {
        let mut command = tools.landlock("jailmgr");
        command.arg("--run-dir").arg(tools.path("run")).args(arguments);
        let filter = filter.clone();
        // SAFETY: in the child, one prctl and one system call over memory that is there already.
        unsafe { command.pre_exec(move || seccompiler::apply_filter(&filter).map_err(Error::other)) };
        command.output().expect("it starts")
    };
    let jail = format!("refused-{}", std::process::id());
    let output = run(&["create", "-r", "65001", "-l", "medium", "-x", "/bin/sleep 1000", &jail]);
    let told = complaint(&output, 1);
    for part in ["port_foreign", "accept_unenforced", "use another kernel"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!tools.path("data/jails").join(&jail).exists(), "nothing is made");
    // One that owns no port asks for nothing that cannot be kept.
    let output = run(&["create", "-l", "medium", &jail]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Nor does it get one later.
    let output = run(&["config", "--set", "ports=[65001]", &jail]);
    assert_eq!(complaint(&output, 1), told);
    let spec = fs::read_to_string(tools.path("data/jails").join(&jail).join("jail.toml")).expect("its spec");
    assert!(!spec.contains("65001"), "{spec}");
    assert!(run(&["destroy", &jail]).status.success());
}

#[test]
fn a_kernel_without_a_landlock_to_use_is_told_with_the_remedy() {
    let found = landlock_abi();
    if std::env::var_os("JAILSH_LANDLOCK").is_some_and(|value| value == "off") {
        assert_eq!(found.as_ref().map_err(Error::raw_os_error), Err(Some(libc::EOPNOTSUPP)), "scripts/test switched it off");
    }
    let remedy = match found {
        Ok(abi) if abi >= ABI_NEEDED => {
            eprintln!("skipped: this kernel has Landlock ABI {abi}");
            return;
        }
        Ok(_) => "use Linux 6.12 or later",
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => "boot with `lsm=landlock,",
        Err(_) => "use Linux 6.12 or later with CONFIG_SECURITY_LANDLOCK=y",
    };
    if !is_root() {
        eprintln!("skipped: who is not root is told that first");
        return;
    }
    let tools = Tools::new();
    let told = complaint(&tools.landlock("jailctl").arg("list").output().expect("it starts"), 69);
    assert!(told.contains("Landlock") && told.contains(remedy), "{told}");
    assert!(!Path::new("/run/jailsh/landlock").exists(), "a refusal leaves nothing");
}
