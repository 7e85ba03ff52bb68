//! The program for NetBSD, as far as it goes without one: it is built and linked, says which system it is for, passes
//! mount(2) the structures of NetBSD's headers, and its parts that touch no kernel do here what they are to do there.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::plan::{self, Kind};
use crate::workshop::{NETBSD_10, Workshop, project, said, text};
use crate::{args, mounts, zig_tool};

/// scripts/build-netbsd says so where Rust's library for NetBSD is not installed.
const NOT_INSTALLED: i32 = 69;

fn readelf(option: &str, program: &Path) -> String {
    text(&Command::new("readelf").args([option, "-W"]).arg(program).output().unwrap())
}

#[test]
fn the_program_is_built_for_netbsd_and_says_so() {
    let built = Command::new(project().join("scripts/build-netbsd")).output().unwrap();
    if built.status.code() == Some(NOT_INSTALLED) {
        // scripts/test says so too, and counts it.
        assert!(std::env::var_os("CI").is_none(), "{}", text(&built));
        eprintln!("skipped: {}", text(&built));
        return;
    }
    assert!(built.status.success(), "{}", text(&built));
    let program = PathBuf::from(String::from_utf8(built.stdout).unwrap().trim());
    let header = readelf("-h", &program);
    for line in ["ELF64", "Advanced Micro Devices X86-64", "DYN (Position-Independent Executable file)", "UNIX - System V"] {
        assert!(header.contains(line), "no {line}: {header}");
    }
    let segments = readelf("-l", &program);
    assert!(segments.contains("[Requesting program interpreter: /usr/libexec/ld.elf_so]"), "{segments}");
    let notes = readelf("-n", &program);
    assert!(notes.contains(".note.netbsd.ident") && notes.contains("IDENT 1001000000 (10.1.0)"), "{notes}");
    let needed = readelf("-d", &program);
    let libraries: Vec<&str> =
        needed.lines().filter_map(|line| line.split_once("Shared library: [")?.1.strip_suffix(']')).collect();
    let of_the_base =
        ["libc.so.12", "libm.so.0", "libpthread.so.1", "librt.so.1", "libutil.so.7", "libexecinfo.so.0", "libgcc_s.so.1"];
    assert!(libraries.contains(&"libc.so.12") && libraries.iter().all(|library| of_the_base.contains(library)), "{libraries:?}");
    let symbols = readelf("--dyn-syms", &program);
    // The versions of these calls that 64-bit times and structures came with, not the ones for older programs.
    for symbol in ["sysctlbyname", "__mount50", "__kevent50", "fchdir", "chroot", "closefrom", "unmount"] {
        assert!(symbols.contains(&format!(" UND {symbol}")), "does not call {symbol}: {symbols}");
    }
}

#[test]
fn the_structures_for_mount_are_those_of_netbsds_headers() {
    let workshop = Workshop::new("mount", NETBSD_10);
    let mut source = String::from("#include <sys/param.h>\n#include <sys/mount.h>\n#include <stddef.h>\n");
    for header in ["miscfs/genfs/layer.h", "miscfs/nullfs/null.h", "fs/tmpfs/tmpfs_args.h", "fs/ptyfs/ptyfs.h"] {
        writeln!(source, "#include <{header}>").unwrap();
    }
    let places = mounts::places();
    assert_eq!(places.len(), 20);
    for (_, name, field, at) in &places {
        let is = if field.is_empty() { format!("sizeof(struct {name})") } else { format!("offsetof(struct {name}, {field})") };
        writeln!(source, "_Static_assert({is} == {at}, \"struct {name} {field} is not at {at}\");").unwrap();
    }
    for (name, ours) in [("TMPFS_ARGS_VERSION", args::TMPFS_VERSION), ("PTYFS_ARGSVERSION", args::PTYFS_VERSION)] {
        writeln!(source, "_Static_assert({name} == {ours}, \"{name} is not {ours}\");").unwrap();
    }
    let compile = |source: &str, machine: &str| {
        let file = workshop.path("mount.c");
        fs::write(&file, source).unwrap();
        said(zig_tool("cc").args(["-target", machine, "-c"]).arg(file).arg("-o").arg(workshop.path("mount.o")))
    };
    for machine in ["x86_64-netbsd.10.1", "x86_64-netbsd.11.0"] {
        compile(&source, machine).unwrap_or_else(|said| panic!("{machine}: {said}"));
    }
    let wrong = source.replacen("== 8,", "== 12,", 1);
    let said = compile(&wrong, "x86_64-netbsd.10.1").expect_err("a wrong offset");
    assert!(said.contains("is not at"), "{said}");
}

#[test]
fn a_root_has_programs_read_only_what_the_jail_may_write_and_mounts_of_its_own() {
    let data = Path::new("/var/jailmgr/jails/web/data");
    let all = plan::mounts(Path::new("/base"), true, data, |source| source != Path::new("/base/rescue"));
    let places: Vec<&str> = all.iter().map(|mount| mount.place.to_str().unwrap()).collect();
    let wanted = ["", "bin", "lib", "libdata", "libexec", "sbin", "usr", "etc", "var", "home", "root", "tmp", "dev", "dev/pts"];
    assert_eq!(places, wanted);
    for mount in &all {
        match &mount.kind {
            Kind::Null(source) => {
                let is_program = plan::PROGRAMS.iter().any(|name| mount.place == Path::new(name));
                assert!(mount.read_only == is_program && mount.no_devices, "{mount:?}");
                assert_eq!(source, &if is_program { Path::new("/base") } else { data }.join(&mount.place));
            }
            Kind::Tmpfs(..) | Kind::Ptyfs => assert!(mount.no_suid && !mount.read_only, "{mount:?}"),
        }
    }
    let devices: Vec<&str> = all.iter().filter(|mount| !mount.no_devices).map(|mount| mount.place.to_str().unwrap()).collect();
    assert_eq!(devices, ["dev", "dev/pts"], "nodes of devices work nowhere else");
    let own = plan::mounts(data, false, data, |_| true);
    assert!(own.iter().all(|mount| !mount.read_only), "programs of its own are the jail's to change");
    let overlap = |root: &str| plan::overlap(Path::new("/"), Path::new(root));
    assert_eq!((overlap("/var/jailmgr/jails/web/root"), overlap("/usr/jails/web/root")), (None, Some("/usr".into())));
}

/// An rc.d script with functions of rc.subr(8) that are ours, and a jailmgr that says what it was asked.
fn rc(script: &str, verb: &str) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let tool = directory.path().join("jailmgr");
    fs::write(&tool, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let around = format!(
        "set -u; _rc_subr_loaded=:\nload_rc_config() {{ command={}; }}\nrun_rc_command() {{ eval \"\\$${{1}}_cmd\"; }}\n. {} {verb}\n",
        tool.display(),
        project().join("src/jail/root/netbsd/rc.d").join(script).display()
    );
    let ran = Command::new("sh").args(["-c", &around, "rc", verb]).output().unwrap();
    (ran.status.success(), text(&ran))
}

#[test]
fn the_rc_scripts_start_and_stop_what_has_autostart() {
    assert_eq!(rc("jailmgr", "start"), (true, "start --all\n".into()));
    assert_eq!(rc("jailmgr", "stop"), (true, "stop --all\n".into()));
    assert_eq!(rc("jailmgr", "status"), (true, "list\n".into()));
    for script in ["jailmgr", "secmodel_jail"] {
        let checked = Command::new("shellcheck")
            .args(["--shell=sh", "--severity=style", "--exclude=SC2034,SC2086,SC2154"])
            .arg(project().join("src/jail/root/netbsd/rc.d").join(script))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", text(&checked));
    }
}
