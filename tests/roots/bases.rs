//! Base layers: imported whole or not at all, pinned, upgraded, rolled back, collected.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use jailsh::jail::base::{self, Import, ImportRequest};
use jailsh::jail::{self, Change, JailError, Limits, Move, Origin, Pin};

use crate::bench::{Bench, name, own_mounts, spec};
use crate::cases;
use crate::life::kill_during;
use crate::trees::{busybox_root, dig, names, portrait};

cases![
    a_jail_of_a_tar_base_runs_its_programs_and_writes_its_own_etc,
    a_base_from_a_directory_is_versioned_by_its_content,
    what_a_jail_was_made_of_stays_and_create_is_idempotent,
    an_upgraded_jail_runs_the_new_programs_and_goes_back,
    gc_keeps_what_is_pinned_remembered_snapshotted_or_running,
    setuid_bits_stay_only_where_the_sum_was_given,
    a_wrong_sum_a_taken_version_and_a_tree_without_programs_are_refused,
    an_import_killed_at_any_moment_leaves_a_version_or_none,
    a_full_or_read_only_disk_fails_an_import_and_leaves_nothing,
    a_base_that_others_can_write_or_that_holds_a_mount_is_refused,
    two_imports_of_one_base_at_once_end_as_one_version,
];

/// A scratch directory on the host, and a root in it.
fn root(bench: &Bench) -> PathBuf {
    let root = bench.config.run_dir.parent().unwrap().join("root");
    fs::create_dir_all(&root).unwrap();
    busybox_root(&root);
    root
}

fn packed(root: &Path, file: &str) -> PathBuf {
    let archive = root.with_file_name(file);
    let done = Command::new("tar").arg("-C").arg(root).arg("--xattrs").arg("-caf").arg(&archive).arg(".").status().unwrap();
    assert!(done.success());
    archive
}

fn sum(archive: &Path) -> String {
    let output = Command::new("sha256sum").arg(archive).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

fn request(origin: Origin) -> ImportRequest {
    let name = Some("box".parse().unwrap());
    ImportRequest { origin, name, version: None, sha256: None, devices: false, limits: Limits::default() }
}

fn import(bench: &Bench, request: &ImportRequest) -> Result<Import, JailError> {
    base::import(&bench.config, request, &mut |_| ())
}

fn version(bench: &Bench, root: &Path, version: &str) -> Pin {
    fs::write(root.join("bin/version"), format!("{version}\n")).unwrap();
    let request = ImportRequest { version: Some(version.parse().unwrap()), ..request(Origin::Directory(root.to_owned())) };
    import(bench, &request).unwrap().pin
}

fn bases(bench: &Bench) -> Vec<String> {
    base::list(&bench.config).unwrap().iter().map(|found| found.pin.to_string()).collect()
}

fn a_jail_of_a_tar_base_runs_its_programs_and_writes_its_own_etc() {
    let bench = Bench::new();
    let archive = packed(&root(&bench), "my-box.tar.gz");
    let toml = format!("base = 'tar:{}#sha256={}'", archive.display(), sum(&archive));
    assert_eq!(jail::create(&bench.host, &name(), &spec(&toml)).unwrap(), Change::Created);
    let pinned = jail::observe(&bench.host, &name()).unwrap().spec.unwrap().base.to_string();
    assert_eq!(pinned, format!("my-box@{}", &sum(&archive)[..12]));
    assert_eq!(jail::create(&bench.host, &name(), &spec(&toml)).unwrap(), Change::Unchanged);

    jail::bring_up(&bench.host, &name()).unwrap();
    let output = bench.exec(&["/bin/sh", "-c", "cat /bin/version /etc/version /opt/tool/file; ls /; ls -l /sbin; id -u web"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.starts_with("one\none\ntool\n") && output.stdout.ends_with("7\n"), "{}", output.stdout);
    assert!(!output.stdout.contains("usr"), "nothing of the host's: {}", output.stdout);
    bench.sh("echo mine > /etc/version");
    let refused = bench.exec(&["/bin/sh", "-c", "echo x > /bin/version || echo x > /bin/new"]);
    assert!(refused.status != 0 && refused.stderr.contains("Read-only file system"), "{refused:?}");
    assert_eq!(fs::read_to_string(bench.data().join("etc/version")).unwrap(), "mine\n");
    assert!(bench.data().join("etc/hosts").exists(), "names are resolved as on the host");
    // Made of a base, it needs that base.
    jail::tear_down(&bench.host, &name()).unwrap();
    fs::rename(bench.config.data_dir.join("base/my-box"), bench.config.run_dir.join("aside")).unwrap();
    let error = jail::bring_up(&bench.host, &name()).unwrap_err();
    assert!(matches!(error, JailError::NoSuchBase { .. }), "{error}");
    assert!(bench.config.data_dir.exists() && own_mounts(&bench).len() <= 1);
}

fn a_base_from_a_directory_is_versioned_by_its_content() {
    let bench = Bench::new();
    let root = root(&bench);
    fs::create_dir_all(root.join("dev/pts")).unwrap();
    let first = import(&bench, &request(Origin::Directory(root.clone()))).unwrap();
    let again = import(&bench, &request(Origin::Directory(root.clone()))).unwrap();
    assert!(first.new && !again.new);
    assert_eq!((first.pin, first.sha256), (again.pin, again.sha256));
    fs::write(root.join("bin/version"), "two\n").unwrap();
    let second = import(&bench, &request(Origin::Directory(root.clone()))).unwrap();
    let newest = base::newest(&bench.config, &"box".parse().unwrap()).unwrap();
    assert_eq!((bases(&bench).len(), &newest), (2, &second.pin));
    let tree = bench.config.data_dir.join("base/box").join(newest.version.as_str()).join("tree");
    let (mut copy, mut original) = (portrait(&tree), portrait(&root));
    // What a jail gets from the kernel is left out, and the top is ours.
    for lines in [&mut copy, &mut original] {
        lines.retain(|path, _| !["\"\"", "\"dev\"", "\"dev/pts\"", "\"proc\""].contains(&path.as_str()));
        lines.values_mut().for_each(|line| *line = without_inode(line));
    }
    assert_eq!(copy, original);
    // The directory's setuid programs are root's own, but no user of the host gets at them.
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(bench.config.data_dir.join("base/box")).unwrap());
    assert_eq!(mode & 0o777, 0o700);
}

/// Which number a file has in the order of looking differs where entries were left out.
fn without_inode(line: &str) -> String {
    let (head, rest) = line.split_once("same as ").unwrap();
    format!("{head}{}", rest.split_once(' ').unwrap().1)
}

fn what_a_jail_was_made_of_stays_and_create_is_idempotent() {
    let bench = Bench::new();
    let root = root(&bench);
    let one = version(&bench, &root, "1");
    jail::create(&bench.host, &name(), &spec("base = 'box'")).unwrap();
    version(&bench, &root, "2");
    assert_eq!(jail::create(&bench.host, &name(), &spec("base = 'box'")).unwrap(), Change::Unchanged);
    assert_eq!(jail::observe(&bench.host, &name()).unwrap().spec.unwrap().base, jail::Base::Pinned(one));
    let error = jail::create(&bench.host, &name(), &spec("")).unwrap_err();
    assert_eq!(error.to_string(), "jail web was made of base box@1, not host; destroy it first, or make another jail");
    let other = format!("base = 'dir:{}'", root.display());
    let again = jail::create(&bench.host, &name(), &spec(&other)).unwrap();
    assert_eq!(again, Change::Unchanged, "version 1 came from that very directory");
    fs::create_dir(root.with_file_name("elsewhere")).unwrap();
    let other = format!("base = 'dir:{}'", root.with_file_name("elsewhere").display());
    assert!(jail::create(&bench.host, &name(), &spec(&other)).unwrap_err().to_string().contains("was made of base box@1"));
    assert_eq!(bases(&bench), ["box@1", "box@2"], "nothing was imported for nothing");
    let diff = vec!["base: \"box@1\" -> \"box@2\"".to_owned()];
    assert_eq!(jail::create(&bench.host, &name(), &spec("base = 'box@2'")).unwrap(), Change::Changed { diff });
    let error = jail::create(&bench.host, &"other".parse().unwrap(), &spec("base = 'bix'")).unwrap_err();
    assert_eq!(error.to_string(), "no base bix; did you mean box?");
    assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"]);
}

fn an_upgraded_jail_runs_the_new_programs_and_goes_back() {
    let bench = Bench::new();
    let root = root(&bench);
    version(&bench, &root, "1");
    jail::create(&bench.host, &name(), &spec("base = 'box'")).unwrap();
    let shown = || {
        jail::bring_up(&bench.host, &name()).unwrap();
        let shown = bench.sh("cat /bin/version /etc/version");
        jail::tear_down(&bench.host, &name()).unwrap();
        shown
    };
    fs::write(bench.data().join("etc/version"), "mine\n").unwrap();
    assert!(jail::upgrade(&bench.host, &name(), &Move::Back).unwrap_err().to_string().contains("was never upgraded"));
    assert!(!jail::upgrade(&bench.host, &name(), &Move::Newest).unwrap().moved());
    version(&bench, &root, "2");
    assert_eq!(shown(), "1\nmine\n");
    jail::bring_up(&bench.host, &name()).unwrap();
    assert!(matches!(jail::upgrade(&bench.host, &name(), &Move::Newest), Err(JailError::Running(_))));
    jail::tear_down(&bench.host, &name()).unwrap();
    let moved = jail::upgrade(&bench.host, &name(), &Move::Newest).unwrap();
    assert_eq!((moved.from.to_string(), moved.to.to_string()), ("box@1".into(), "box@2".into()));
    assert_eq!(shown(), "2\nmine\n");
    jail::upgrade(&bench.host, &name(), &Move::Back).unwrap();
    assert_eq!(shown(), "1\nmine\n");
    jail::upgrade(&bench.host, &name(), &Move::To("2".parse().unwrap())).unwrap();
    assert!(jail::upgrade(&bench.host, &name(), &Move::To("3".parse().unwrap())).is_err());
    assert_eq!(shown(), "2\nmine\n");
    jail::create(&bench.host, &"plain".parse().unwrap(), &spec("")).unwrap();
    let error = jail::upgrade(&bench.host, &"plain".parse().unwrap(), &Move::Newest).unwrap_err();
    assert!(error.to_string().contains("the host's own programs"), "{error}");
}

fn gc_keeps_what_is_pinned_remembered_snapshotted_or_running() {
    let bench = Bench::new();
    let root = root(&bench);
    for number in ["1", "2", "3", "4"] {
        version(&bench, &root, number);
    }
    let gc = |dry| -> Vec<String> { jail::gc(&bench.host, dry).unwrap().into_iter().map(|found| found.what).collect() };
    jail::create(&bench.host, &name(), &spec("base = 'box@1'")).unwrap();
    jail::snapshot(&bench.host, &name(), &"one".parse().unwrap(), false, &mut |_| ()).unwrap();
    for number in ["2", "3"] {
        jail::upgrade(&bench.host, &name(), &Move::To(number.parse().unwrap())).unwrap();
    }
    assert_eq!(gc(true), ["box@4"]);
    assert_eq!(bases(&bench).len(), 4, "a dry run removes nothing");
    assert_eq!(gc(false), ["box@4"]);
    assert_eq!(bases(&bench), ["box@1", "box@2", "box@3"]);
    assert_eq!(gc(false), [""; 0]);
    let error = base::remove(&bench.host, &"box@2".parse().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("jail web needs base box@2"), "{error}");
    // A rollback that was cut right after the exchange: the snapshots are in the other directory.
    let replaced = bench.config.data_dir.join("jails/.web.replaced");
    fs::create_dir(&replaced).unwrap();
    fs::rename(bench.config.jail_dir(&name()).join("snapshots"), replaced.join("snapshots")).unwrap();
    assert_eq!(gc(true), [""; 0]);
    assert_eq!(jail::snapshots(&bench.host, &name()).unwrap().len(), 1);
    assert!(!replaced.exists());
    // A root that runs needs its base, whatever an editor did to jail.toml meanwhile.
    jail::bring_up(&bench.host, &name()).unwrap();
    let file = bench.config.jail_dir(&name()).join("jail.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("box@3", "box@2")).unwrap();
    assert_eq!(gc(false), [""; 0]);
    jail::tear_down(&bench.host, &name()).unwrap();
    // A base without a version is not the host's.
    fs::write(&file, "base = 'box'").unwrap();
    let error = jail::bring_up(&bench.host, &name()).unwrap_err().to_string();
    assert!(error.starts_with("base box names no version"), "{error}");
    // What cannot be read might pin anything.
    fs::write(&file, "base = ").unwrap();
    assert!(jail::gc(&bench.host, false).is_err());
    assert_eq!(bases(&bench).len(), 3);
    fs::write(&file, text).unwrap();
    jail::destroy(&bench.host, &name()).unwrap();
    // Leftovers of every kind.
    fs::create_dir_all(bench.config.data_dir.join("base/box/.import-0/tree")).unwrap();
    fs::write(bench.config.data_dir.join("base/box/.import-0/tree/x"), "left").unwrap();
    fs::create_dir_all(bench.config.data_dir.join("base/never/.import-1")).unwrap();
    fs::create_dir_all(bench.config.data_dir.join("jails/.gone.trash/data")).unwrap();
    let found = gc(false);
    assert_eq!(found, ["of commands that were killed", "box@1", "box@2", "box@3", "2 of jails that are gone"]);
    assert_eq!(names(&bench.config.data_dir.join("base")), [""; 0]);
    assert_eq!(names(&bench.config.data_dir.join("jails")), [""; 0]);
    assert!(!names(&bench.config.run_dir.join("locks")).contains(&"web.lock".to_owned()));
}

fn setuid_bits_stay_only_where_the_sum_was_given() {
    let bench = Bench::new();
    let archive = packed(&root(&bench), "box.tar");
    let unverified = import(&bench, &request(Origin::Archive(archive.clone()))).unwrap();
    assert!(!unverified.verified && unverified.tally.dropped_privileges == 1, "{unverified:?}");
    let mode = |pin: &Pin| {
        let file = bench.config.data_dir.join("base/box").join(pin.version.as_str()).join("tree/bin/su");
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(file).unwrap()) & 0o7777
    };
    assert_eq!(mode(&unverified.pin), 0o755);
    assert_eq!(unverified.sha256, sum(&archive));
    let given = ImportRequest { sha256: Some(sum(&archive).parse().unwrap()), ..request(Origin::Archive(archive)) };
    assert!(import(&bench, &given).is_err(), "the version of that content is there, without its setuid bits");
    let verified = import(&bench, &ImportRequest { version: Some("v".parse().unwrap()), ..given }).unwrap();
    assert!(verified.verified && verified.tally.dropped_privileges == 0);
    assert_eq!(mode(&verified.pin), 0o4755);
}

fn a_wrong_sum_a_taken_version_and_a_tree_without_programs_are_refused() {
    let bench = Bench::new();
    let root = root(&bench);
    let archive = packed(&root, "box.tar.gz");
    let wrong = ImportRequest { sha256: Some("0".repeat(64).parse().unwrap()), ..request(Origin::Archive(archive.clone())) };
    let error = import(&bench, &wrong).unwrap_err().to_string();
    assert!(error.contains(&format!("its sha256 is {}, not 0000", sum(&archive))), "{error}");
    version(&bench, &root, "1");
    let taken = ImportRequest { version: Some("1".parse().unwrap()), ..request(Origin::Archive(archive)) };
    let error = import(&bench, &taken).unwrap_err().to_string();
    assert_eq!(error, "base box@1 is there with another content; choose another version");
    let error = import(&bench, &request(Origin::Directory(root.parent().unwrap().join("root/etc")))).unwrap_err();
    assert!(error.to_string().ends_with("holds neither usr nor bin at its top; give the root of a system"), "{error}");
    let host = ImportRequest { name: Some("host".parse().unwrap()), ..request(Origin::Directory(root)) };
    assert!(import(&bench, &host).is_err());
    assert_eq!(names(&bench.config.data_dir.join("base/box")), ["1"]);
}

fn an_import_killed_at_any_moment_leaves_a_version_or_none() {
    let bench = Bench::new();
    let archive = packed(&root(&bench), "box.tar.gz");
    let began = Instant::now();
    let pin = import(&bench, &request(Origin::Archive(archive.clone()))).unwrap().pin;
    let whole = began.elapsed();
    let tree = bench.config.data_dir.join("base/box").join(pin.version.as_str()).join("tree");
    let looks = || {
        let mut lines = portrait(&tree);
        // The top is made anew each time.
        lines.remove("\"\"");
        lines
    };
    let wanted = looks();
    for step in 0..15 {
        base::remove(&bench.host, &pin).unwrap();
        kill_during(whole * step / 10, || drop(import(&bench, &request(Origin::Archive(archive.clone())))));
        match bases(&bench).len() {
            0 => assert!(!tree.exists()),
            _ => assert_eq!(looks(), wanted, "cut at {step}"),
        }
        import(&bench, &request(Origin::Archive(archive.clone()))).unwrap();
        assert_eq!(names(&bench.config.data_dir.join("base/box")), [pin.version.to_string()], "cut at {step}");
        assert_eq!(looks(), wanted);
    }
}

fn a_full_or_read_only_disk_fails_an_import_and_leaves_nothing() {
    let bench = Bench::new();
    let root = root(&bench);
    let archive = packed(&root, "box.tar.gz");
    let disk = crate::bench::SmallDisk::on(&bench.config.data_dir, "size=1m");
    for origin in [Origin::Archive(archive.clone()), Origin::Directory(root)] {
        let error = import(&bench, &request(origin)).unwrap_err();
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert_eq!(names(&bench.config.data_dir.join("base/box")), [""; 0]);
    }
    disk.remount("ro");
    let error = import(&bench, &request(Origin::Archive(archive))).unwrap_err();
    assert!(error.to_string().contains("Read-only file system"), "{error}");
}

fn a_base_that_others_can_write_or_that_holds_a_mount_is_refused() {
    let bench = Bench::new();
    let root = root(&bench);
    let refused = |part: &str| {
        let error = import(&bench, &request(Origin::Directory(root.clone()))).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(bases(&bench), [""; 0]);
    };
    let mode = |mode| fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o777);
    refused("can be written by others");
    mode(0o755);
    nix::mount::mount(Some("none"), &root.join("opt"), Some("tmpfs"), nix::mount::MsFlags::empty(), None::<&str>).unwrap();
    refused("something is mounted there");
    nix::mount::umount(&root.join("opt")).unwrap();
    dig(&root.join("opt"), 4200);
    refused("more than 4096 deep");
}

fn two_imports_of_one_base_at_once_end_as_one_version() {
    let bench = Bench::new();
    let archive = packed(&root(&bench), "box.tar.gz");
    let imports: Vec<_> = (0..3)
        .map(|_| {
            // SAFETY: a case's process has one thread.
            match unsafe { nix::unistd::fork() }.unwrap() {
                nix::unistd::ForkResult::Parent { child } => child,
                nix::unistd::ForkResult::Child => {
                    let done = import(&bench, &request(Origin::Archive(archive.clone())));
                    // SAFETY: ends the child at once.
                    unsafe { libc::_exit(i32::from(done.is_err())) }
                }
            }
        })
        .collect();
    for import in imports {
        let status = nix::sys::wait::waitpid(import, None).unwrap();
        assert_eq!(status, nix::sys::wait::WaitStatus::Exited(import, 0));
    }
    assert_eq!(names(&bench.config.data_dir.join("base/box")).len(), 1);
}
