//! The files that bring jails up at boot and down at shutdown.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stage::{Said, Stage, names};

/// `jailmgr bootstrap` as installed in a directory of the test's, for a root of the test's.
struct Host {
    stage: Stage,
}

const UNIT: &str = "etc/systemd/system/jailsh.service";
const GROUPS: &str = "etc/systemd/system/jailsh-groups.service";
const LINK: &str = "etc/systemd/system/multi-user.target.wants/jailsh.service";
const SCRIPT: &str = "etc/init.d/jailsh";

impl Host {
    fn new(prefix: &'static str) -> Option<Host> {
        let stage = Stage::new(prefix)?;
        names(&stage.data.path().join("bin"));
        fs::write(stage.data.path().join("config.toml"), "").unwrap();
        Some(Host { stage })
    }

    fn root(&self) -> PathBuf {
        self.stage.data.path().join("host")
    }

    fn bootstrap(&self, option: &str) -> Said {
        let place = |name: &str| self.stage.data.path().join(name).display().to_string();
        let mut command = Command::new(place("bin/jailmgr"));
        let kernel = format!("--kernel={}", self.stage.body_name());
        command.args([&kernel, "--data-dir", &self.stage.data.path().display().to_string(), "--config", &place("config.toml")]);
        command.args(["bootstrap", option, "--root", &self.root().display().to_string()]).output().unwrap().into()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root().join(file)).unwrap()
    }
}

/// Is there such a program? If not, says so.
fn has(program: &str) -> bool {
    let found = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().any(|dir| Path::new(dir).join(program).exists());
    if !found {
        eprintln!("not checked by {program}, which is not installed");
    }
    found
}

#[test]
fn the_configuration_file_that_is_named_is_made_if_it_is_not_there_and_left_alone_if_it_is() {
    let Some(host) = Host::new("fl-boot-config") else { return };
    let file = host.stage.data.path().join("config.toml");
    fs::remove_file(&file).unwrap();
    let said = host.stage.run("jailmgr", &["--config", file.to_str().unwrap(), "list"]);
    assert_eq!(said.status, Some(66), "only bootstrap makes it: {}", said.stdout);
    let said = host.bootstrap("--install-boot");
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains(&format!("{}: made\n", file.display())), "{}", said.stdout);
    fs::write(&file, "# mine\n").unwrap();
    assert!(host.bootstrap("--install-boot").stdout.contains(&format!("{}: is there already\n", file.display())));
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n");
}

#[test]
fn the_files_for_boot_are_written_once_replaced_when_they_differ_and_removed() {
    let Some(host) = Host::new("fl-boot-files") else { return };
    let first = host.bootstrap("--install-boot");
    assert_eq!(first.status, Some(0), "{}", first.stderr);
    for file in [UNIT, GROUPS, LINK, SCRIPT] {
        assert!(first.stdout.contains(&format!("{}: made\n", host.root().join(file).display())), "{}", first.stdout);
    }
    assert!(host.read(LINK).contains("bin/jailmgr --kernel="), "the link leads to the unit: {}", host.read(UNIT));
    let again = host.bootstrap("--install-boot");
    assert_eq!(again.stdout.matches(": is there already\n").count(), 8, "{}", again.stdout);
    assert!(!again.stdout.contains(": made"), "{}", again.stdout);

    fs::write(host.root().join(UNIT), host.read(UNIT).replace("Type=oneshot", "Type=simple")).unwrap();
    let mended = host.bootstrap("--install-boot");
    assert!(mended.stdout.contains(&format!("{}: replaced\n", host.root().join(UNIT).display())), "{}", mended.stdout);
    assert!(host.read(UNIT).contains("Type=oneshot"));

    let gone = host.bootstrap("--uninstall-boot");
    assert_eq!((gone.status, gone.stdout.matches(": removed\n").count()), (Some(0), 4), "{}{}", gone.stdout, gone.stderr);
    assert!([UNIT, GROUPS, LINK, SCRIPT].iter().all(|file| !host.root().join(file).exists()));
    let gone = host.bootstrap("--uninstall-boot");
    assert_eq!((gone.status, gone.stdout.matches(": is not there\n").count()), (Some(0), 4), "{}{}", gone.stdout, gone.stderr);
}

#[test]
fn a_file_that_is_not_ours_is_left_alone_and_nothing_is_written() {
    let Some(host) = Host::new("fl-boot-foreign") else { return };
    fs::create_dir_all(host.root().join("etc/init.d")).unwrap();
    fs::write(host.root().join(SCRIPT), "#!/bin/sh\necho mine\n").unwrap();
    for option in ["--install-boot", "--uninstall-boot"] {
        let said = host.bootstrap(option);
        assert_eq!(said.status, Some(1));
        assert!(said.stderr.contains("was not written by jailmgr; move it away first"), "{}", said.stderr);
        assert_eq!(host.read(SCRIPT), "#!/bin/sh\necho mine\n");
        assert!(!host.root().join(UNIT).exists() && !host.root().join(LINK).exists());
    }
}

#[test]
fn a_program_that_others_can_change_is_not_made_to_run_at_boot() {
    let Some(host) = Host::new("fl-boot-open") else { return };
    let bin = host.stage.data.path().join("bin");
    fs::remove_file(bin.join("jailmgr")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_jailsh"), bin.join("jailmgr")).unwrap();
    fs::set_permissions(&bin, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let said = host.bootstrap("--install-boot");
    assert_eq!(said.status, Some(1));
    assert!(said.stderr.contains("can be changed by others than root"), "{}", said.stderr);
    assert!(!host.root().join("etc").exists());
}

#[test]
fn the_sysvinit_script_brings_jails_up_and_down_and_both_files_are_well_formed() {
    let Some(host) = Host::new("fl-boot-run") else { return };
    host.stage.create("fl-boot-run", &["-a", "-x", "/bin/sleep 1000"]);
    let said = host.bootstrap("--install-boot");
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let (unit, script) = (host.root().join(UNIT), host.root().join(SCRIPT));
    if has("systemd-analyze") {
        let verdict = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
        let verdict =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(host.root().join(GROUPS)).output().unwrap();
        assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
    }
    for key in ["Provides", "Required-Start", "Required-Stop", "Default-Start", "Default-Stop", "Short-Description"] {
        assert!(host.read(SCRIPT).contains(&format!("\n# {key}: ")), "{key} is missing in the LSB header");
    }
    let run = |verb: &str| Said::from(Command::new(&script).arg(verb).env_clear().output().unwrap());
    assert_eq!(run("start").stdout, "Started jail fl-boot-run\n");
    assert_eq!(run("start").stdout, "Jail fl-boot-run is already running\n");
    let status = run("status");
    assert!(status.stdout.contains("running"), "{}{}", status.stdout, status.stderr);
    assert_eq!(run("stop").stdout, "Stopped jail fl-boot-run\n");
    assert_eq!((run("dance").status, host.stage.left().len()), (Some(3), 0));
}
