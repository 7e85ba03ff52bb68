//! The program for NetBSD, as far as it goes without one: it is built and linked, says which system it is for, passes
//! mount(2) the structures of NetBSD's headers, and its parts that touch no kernel do here what they are to do there.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;

use crate::course::{Course, Deed, GRACE};
use crate::plan::{self, Kind};
use crate::walk::{self, Refusal};
use crate::workshop::{NETBSD_10, Workshop, project, said, text};
use crate::{args, zig_tool};

/// scripts/build-netbsd says so where Rust's library for NetBSD is not installed.
const NOT_INSTALLED: i32 = 69;

fn readelf(option: &str, program: &Path) -> String {
    text(&Command::new("readelf").args([option, "-W"]).arg(program).output().unwrap())
}

#[test]
fn the_program_is_built_for_netbsd_and_says_so() {
    let built = Command::new(project().join("scripts/build-netbsd")).output().unwrap();
    if built.status.code() == Some(NOT_INSTALLED) {
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
    for symbol in ["sysctlbyname", "__mount50", "__kevent50", "fchdir", "chroot", "closefrom"] {
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
    let places = args::places();
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

/// A directory that only root can change, with all above it.
fn vetted() -> tempfile::TempDir {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root, whose directories it walks");
    tempfile::tempdir().unwrap()
}

#[test]
fn a_path_leads_through_no_symlink_and_no_place_of_others() {
    let top = vetted();
    let inside = top.path().join("a/b");
    fs::create_dir_all(&inside).unwrap();
    symlink("a", top.path().join("link")).unwrap();
    fs::write(top.path().join("file"), "").unwrap();
    walk::open_vetted(&inside).unwrap();
    let refused = |path: &Path| walk::open_vetted(path).unwrap_err();
    assert_eq!(refused(&top.path().join("link")), Refusal::Symlink);
    assert_eq!(refused(&top.path().join("link/b")), Refusal::Symlink);
    assert_eq!(refused(&top.path().join("file")), Refusal::NoDirectory);
    assert_eq!(refused(&top.path().join("a/../a")), Refusal::NotWhole);
    assert_eq!(refused(Path::new("a")), Refusal::NotWhole);
    assert_eq!(refused(&top.path().join("none")), Refusal::System(nix::errno::Errno::ENOENT));
    fs::set_permissions(top.path().join("a"), fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(refused(&inside), Refusal::OthersMay);
    fs::set_permissions(top.path().join("a"), fs::Permissions::from_mode(0o1777)).unwrap();
    walk::open_vetted(&inside).unwrap();
    assert_eq!(refused(&top.path().join("a")), Refusal::OthersMay, "the root itself is nobody else's");
    std::os::unix::fs::chown(&inside, Some(1), None).unwrap();
    assert_eq!(refused(&inside), Refusal::OthersMay);
    // A jail that opened its own root to all is entered and taken down all the same, by a way that is the host's.
    walk::open_root(&inside).unwrap();
    fs::set_permissions(top.path().join("a"), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(walk::open_root(&inside).unwrap_err(), Refusal::OthersMay);
    assert_eq!(walk::open_root(&top.path().join("link")).unwrap_err(), Refusal::Symlink);
}

#[test]
fn a_mount_point_is_made_in_the_root_and_never_beside_it() {
    let top = vetted();
    let outside = vetted();
    let root = walk::open_vetted(top.path()).unwrap();
    walk::ensure(&root, Path::new("dev"), 0o755).unwrap();
    walk::ensure(&root, Path::new("dev/pts"), 0o755).unwrap();
    assert_eq!(fs::metadata(top.path().join("dev/pts")).unwrap().permissions().mode() & 0o7777, 0o755);
    assert_eq!(walk::is_mount_point(&root, Path::new("dev/pts")), Ok(false));
    assert_eq!(walk::is_mount_point(walk::open_vetted(Path::new("/")).unwrap(), Path::new("proc")), Ok(true));
    // What a jail's root user can have left behind.
    symlink(outside.path(), top.path().join("usr")).unwrap();
    assert_eq!(walk::ensure(&root, Path::new("usr"), 0o755).unwrap_err(), Refusal::Symlink);
    assert_eq!(walk::ensure(&root, Path::new("usr/x"), 0o755).unwrap_err(), Refusal::Symlink);
    assert_eq!(walk::is_mount_point(&root, Path::new("usr")).unwrap_err(), Refusal::Symlink);
    assert_eq!(walk::step(&root, OsStr::new("usr")).unwrap_err(), Refusal::Symlink);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_root_has_the_bases_programs_read_only_and_mounts_of_its_own() {
    let all = plan::mounts(Some(Path::new("/base")), |source| source != Path::new("/base/rescue"));
    let places: Vec<&str> = all.iter().map(|mount| mount.place.to_str().unwrap()).collect();
    assert_eq!(places, ["bin", "lib", "libdata", "libexec", "sbin", "usr", "dev", "dev/pts", "tmp"]);
    for mount in &all {
        match &mount.kind {
            Kind::Null(source) => {
                assert!(mount.read_only && mount.no_devices, "{mount:?}");
                assert_eq!(source, &Path::new("/base").join(&mount.place));
            }
            Kind::Tmpfs(..) | Kind::Ptyfs => assert!(mount.no_suid && !mount.read_only, "{mount:?}"),
        }
    }
    let devices: Vec<&str> = all.iter().filter(|mount| !mount.no_devices).map(|mount| mount.place.to_str().unwrap()).collect();
    assert_eq!(devices, ["dev", "dev/pts"], "nodes of devices work nowhere else");
    let own = plan::mounts(None, |_| panic!("without a base nothing is looked for"));
    assert_eq!(own.len(), 3);
    let overlap = |root: &str| plan::overlap(Path::new("/"), Path::new(root));
    assert_eq!((overlap("/jails/web"), overlap("/usr/jails/web")), (None, Some("/usr".into())));
    assert_eq!(plan::overlap(Path::new("/jails/web/base"), Path::new("/jails/web")), Some("/jails/web/base/bin".into()));
    let mut undone: Vec<PathBuf> = plan::places().collect();
    assert_eq!(undone.first().unwrap(), Path::new("tmp"));
    assert!(
        undone.iter().position(|place| place == Path::new("dev/pts")) < undone.iter().position(|place| place == Path::new("dev"))
    );
    undone.reverse();
    assert!(all.iter().all(|mount| undone.contains(&mount.place)), "all that is mounted is unmounted");
}

/// An rc.d script with functions of rc.subr(8) that are ours, and a jailctl that says what it was asked.
fn rc(script: &str, verb: &str, jailctl: &str) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let tool = directory.path().join("jailctl");
    fs::write(&tool, format!("#!/bin/sh\n{jailctl}\n")).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let around = format!(
        "set -u; _rc_subr_loaded=:\nwarn() {{ echo \"warning: $*\"; }}\n\
         load_rc_config() {{ command={}; jailctl_jails='web my.db bare'; jailctl_web_create='-r 80 /jails/web'\n\
         jailctl_web_service='httpd -b'; jailctl_web_supervise='-f local3'; jailctl_my_db_create='/jails/db'; jailctl_my_db_service=\n\
         jailctl_my_db_supervise=; jailctl_bare_create=; }}\n\
         run_rc_command() {{ eval \"\\$${{1}}_cmd\"; }}\n. {} {verb}\n",
        tool.display(),
        project().join("src/cli/netbsd/rc.d").join(script).display()
    );
    let ran = Command::new("sh").args(["-c", &around, "rc", verb]).output().unwrap();
    (ran.status.success(), text(&ran))
}

#[test]
fn the_rc_scripts_start_what_rc_conf_names_and_stop_it_backwards() {
    let (content, said) = rc("jailctl", "start", "echo \"$@\"");
    assert_eq!(
        said,
        "create -n web -r 80 /jails/web\nsupervise -f local3 web httpd -b\ncreate -n my.db /jails/db\n\
         warning: jailctl_bare_create is not set\n"
    );
    assert!(!content, "a jail that cannot be made is a failure, and the others are made all the same");
    let (content, said) = rc("jailctl", "stop", "[ \"$1\" = list ] && printf 'web\\nother\\nmy.db\\n' || echo \"$@\"");
    assert_eq!((content, said.as_str()), (true, "destroy --stop my.db\ndestroy --stop web\n"), "others' jails are left alone");
    for script in ["jailctl", "secmodel_jail"] {
        let checked = Command::new("shellcheck")
            .args(["--shell=sh", "--severity=style", "--exclude=SC2034,SC2086,SC2154"])
            .arg(project().join("src/cli/netbsd/rc.d").join(script))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", text(&checked));
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_service_comes_back_after_growing_pauses_and_not_after_a_stop() {
    let mut course = Course::begun(Duration::ZERO);
    assert_eq!(course.deadline(), None);
    let (deed, pause) = course.ended(SECOND, 0);
    assert_eq!((deed, pause), (Deed::Nothing, Some(SECOND)));
    assert_eq!(course.due(SECOND), Deed::Nothing);
    assert_eq!((course.deadline(), course.due(2 * SECOND)), (Some(2 * SECOND), Deed::Start));
    assert_eq!(course.ended(3 * SECOND, 0).1, Some(2 * SECOND));
    assert_eq!(course.due(5 * SECOND), Deed::Start);
    assert_eq!(course.asked_to_stop(6 * SECOND), Deed::Terminate);
    assert_eq!(course.asked_to_stop(7 * SECOND), Deed::Nothing, "once is enough");
    assert_eq!(course.due(6 * SECOND + GRACE), Deed::Kill);
    assert_eq!(course.ended(20 * SECOND, 0), (Deed::Finish, None));
    assert!(course.is_done());
    let mut waiting = Course::begun(Duration::ZERO);
    waiting.ended(SECOND, 0);
    assert_eq!(waiting.asked_to_stop(SECOND), Deed::Finish);
}

proptest! {
    #[test]
    fn a_course_that_was_asked_to_stop_starts_nothing_and_ends(
        events in proptest::collection::vec((0..3_u8, 0..20_u64, -100..=100_i64), 0..40),
    ) {
        let mut course = Course::begun(Duration::ZERO);
        let (mut now, mut running, mut asked) = (Duration::ZERO, true, false);
        for (event, seconds, jitter) in events {
            now += Duration::from_secs(seconds);
            let deed = match event {
                0 if running => {
                    running = false;
                    course.ended(now, jitter).0
                }
                1 => {
                    asked = true;
                    course.asked_to_stop(now)
                }
                _ => course.due(now),
            };
            if deed == Deed::Start {
                prop_assert!(!running && !asked);
                running = true;
            }
            prop_assert_eq!(course.is_done(), asked && !running);
        }
        course.asked_to_stop(now);
        if running {
            course.ended(now, 0);
        }
        prop_assert!(course.is_done());
    }
}
