//! Snapshots, rollbacks, clones and new names: what is there afterwards, also after kill -9.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use jailsh::jail::{self, CloneRequest, JailError, Label};
use jailsh::kernel::{JailName, Kernel};

use crate::bench::{Bench, name, own_mounts, spec};
use crate::cases;
use crate::life::kill_during;
use crate::trees::{dig, names, odd_files, portrait};

cases![
    a_snapshot_is_the_data_to_the_last_bit_and_a_rollback_brings_it_back,
    snapshots_are_listed_deleted_and_named_once,
    a_running_jail_is_not_snapshotted_unless_live_and_runs_on_afterwards,
    a_killed_live_snapshot_lets_the_jail_go,
    links_and_depths_in_the_data_lead_no_copy_outside,
    a_snapshot_killed_at_any_moment_is_whole_or_none,
    a_rollback_killed_at_any_moment_leaves_the_old_or_the_new_jail_and_all_snapshots,
    a_mount_below_the_data_is_told_and_not_copied,
    a_clone_has_its_own_data_name_and_ports,
    a_renamed_jail_takes_its_snapshots_along,
    a_full_or_read_only_disk_is_one_clear_error_and_leaves_nothing,
    blocks_are_shared_on_xfs,
    blocks_are_shared_on_btrfs,
];

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn snapshot(bench: &Bench, text: &str, live: bool) -> Result<jail::Taken, JailError> {
    jail::snapshot(&bench.host, &name(), &label(text), live, &mut |_| ()).map(|(taken, _)| taken)
}

fn rollback(bench: &Bench, text: &str) -> Result<(), JailError> {
    jail::rollback(&bench.host, &name(), &label(text), &mut |_| ()).map(drop)
}

fn created(toml: &str) -> Bench {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec(toml)).unwrap();
    bench
}

fn a_snapshot_is_the_data_to_the_last_bit_and_a_rollback_brings_it_back() {
    let bench = created("ports = [8080]");
    odd_files(&bench.data().join("srv"));
    let before = portrait(&bench.data());
    let taken = snapshot(&bench, "one", false).unwrap();
    assert!(taken.entries > 20 && !taken.live, "{taken:?}");
    let copy = bench.config.jail_dir(&name()).join("snapshots/one/data");
    assert_eq!(portrait(&copy), before);
    // The hole is none of the disk's business.
    let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(copy.join("srv/hole")).unwrap());
    assert!(blocks * 512 < 1 << 20, "{blocks}");

    fs::write(bench.data().join("srv/deep/file"), "changed").unwrap();
    fs::write(bench.data().join("srv/new"), "new").unwrap();
    jail::create(&bench.host, &name(), &spec("profile = 'low'")).unwrap();
    rollback(&bench, "one").unwrap();
    assert_eq!(portrait(&bench.data()), before);
    assert_eq!(jail::observe(&bench.host, &name()).unwrap().spec.unwrap().ports.len(), 1);
    assert_eq!(names(&bench.config.jail_dir(&name())), ["data", "jail.toml", "root", "snapshots"]);
    assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"]);
    // A snapshot is no way into another's: what is written now is not in it.
    fs::write(bench.data().join("srv/deep/file"), "changed again").unwrap();
    assert_eq!(portrait(&copy), before);
    jail::bring_up(&bench.host, &name()).unwrap();
    assert_eq!(bench.sh("cat /srv/deep/file"), "changed again");
}

fn snapshots_are_listed_deleted_and_named_once() {
    let bench = created("");
    snapshot(&bench, "first", false).unwrap();
    snapshot(&bench, "20261123", false).unwrap();
    let error = snapshot(&bench, "first", false).unwrap_err();
    assert_eq!(error.to_string(), "jail web has a snapshot first already; choose another name or delete that one");
    let listed = || -> Vec<String> {
        let mut names: Vec<String> =
            jail::snapshots(&bench.host, &name()).unwrap().iter().map(|found| found.name.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(listed(), ["20261123", "first"]);
    let error = rollback(&bench, "frist").unwrap_err();
    assert_eq!(error.to_string(), "jail web has no snapshot frist; did you mean first?");
    jail::delete_snapshot(&bench.host, &name(), &label("first")).unwrap();
    assert_eq!(listed(), ["20261123"]);
    assert_eq!(names(&bench.config.jail_dir(&name()).join("snapshots")), ["20261123"]);
    // A description that cannot be read is listed with the reason.
    fs::write(bench.config.jail_dir(&name()).join("snapshots/20261123/snapshot.toml"), "taken = 'x'").unwrap();
    assert!(jail::snapshots(&bench.host, &name()).unwrap()[0].taken.is_err());
    jail::destroy(&bench.host, &name()).unwrap();
    assert!(names(&bench.config.data_dir.join("jails")).is_empty());
}

fn a_running_jail_is_not_snapshotted_unless_live_and_runs_on_afterwards() {
    let bench = Bench::up();
    let error = snapshot(&bench, "one", false).unwrap_err();
    assert_eq!(error.to_string(), "jail web is running; stop it first, or use --live to freeze it meanwhile");
    assert!(matches!(rollback(&bench, "one"), Err(JailError::NoSuchSnapshot { .. })));
    bench.sh("echo kept > /srv/file");
    let jid = bench.kernel.find(&name()).unwrap().unwrap().jid;
    let watched = jail::snapshot(&bench.host, &name(), &label("one"), true, &mut |_| assert!(bench.kernel.is_frozen(jid)));
    assert!(watched.unwrap().0.live);
    assert!(!bench.kernel.is_frozen(jid));
    assert!(matches!(rollback(&bench, "one"), Err(JailError::Running(_))));
    bench.sh("rm /srv/file");
    jail::tear_down(&bench.host, &name()).unwrap();
    rollback(&bench, "one").unwrap();
    assert_eq!(fs::read_to_string(bench.data().join("srv/file")).unwrap(), "kept\n");
}

fn a_killed_live_snapshot_lets_the_jail_go() {
    let bench = Bench::up();
    let jid = bench.kernel.find(&name()).unwrap().unwrap().jid;
    let reached = bench.config.run_dir.join("reached");
    kill_during(std::time::Duration::from_millis(300), || {
        let stay = &mut |_: &jail::Tally| {
            fs::write(&reached, "").unwrap();
            nix::unistd::pause();
        };
        let _ = jail::snapshot(&bench.host, &name(), &label("one"), true, stay);
    });
    assert!(reached.exists());
    let began = Instant::now();
    while bench.kernel.is_frozen(jid) {
        assert!(began.elapsed().as_secs() < 5, "the jail stays frozen");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    snapshot(&bench, "two", true).unwrap();
    assert_eq!(names(&bench.config.jail_dir(&name()).join("snapshots")), ["two"]);
}

fn links_and_depths_in_the_data_lead_no_copy_outside() {
    let bench = created("");
    let outside = bench.config.run_dir.join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, bench.data().join("srv/link")).unwrap();
    // In place of a layer: only an administrator could, but a copy must not care.
    fs::remove_dir(bench.data().join("opt")).unwrap();
    symlink(&outside, bench.data().join("opt")).unwrap();
    dig(&bench.data().join("tmp"), 3000);
    snapshot(&bench, "one", false).unwrap();
    let copy = bench.config.jail_dir(&name()).join("snapshots/one/data");
    assert!(fs::symlink_metadata(copy.join("opt")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(copy.join("srv/link")).unwrap().is_symlink());
    rollback(&bench, "one").unwrap();
    assert_eq!(names(&outside), ["secret"]);
    jail::destroy(&bench.host, &name()).unwrap();
    assert_eq!(names(&outside), ["secret"]);
    // Deeper than anybody needs is refused, and leaves nothing.
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    dig(&bench.data().join("tmp"), 4200);
    let error = snapshot(&bench, "one", false).unwrap_err();
    assert!(error.to_string().contains("holds directories more than 4096 deep"), "{error}");
    assert!(names(&bench.config.jail_dir(&name()).join("snapshots")).is_empty());
}

fn a_snapshot_killed_at_any_moment_is_whole_or_none() {
    let bench = created("");
    odd_files(&bench.data().join("srv"));
    let before = portrait(&bench.data());
    let began = Instant::now();
    snapshot(&bench, "one", false).unwrap();
    let whole = began.elapsed();
    let snapshots = bench.config.jail_dir(&name()).join("snapshots");
    for step in 0..20 {
        jail::delete_snapshot(&bench.host, &name(), &label("one")).unwrap();
        kill_during(whole * step / 15, || drop(snapshot(&bench, "one", false)));
        let found = jail::snapshots(&bench.host, &name()).unwrap();
        if let Some(found) = found.first() {
            assert!(found.taken.is_ok());
            assert_eq!(portrait(&snapshots.join("one/data")), before, "cut at {step}");
        } else {
            snapshot(&bench, "one", false).unwrap();
        }
    }
    snapshot(&bench, "last", false).unwrap();
    assert_eq!(names(&snapshots), ["last", "one"]);
}

fn a_rollback_killed_at_any_moment_leaves_the_old_or_the_new_jail_and_all_snapshots() {
    let bench = created("ports = [8080]");
    odd_files(&bench.data().join("srv"));
    fs::write(bench.config.jail_dir(&name()).join("note"), "an administrator's").unwrap();
    let old = portrait(&bench.data());
    let began = Instant::now();
    snapshot(&bench, "old", false).unwrap();
    let whole = began.elapsed() * 2;
    jail::create(&bench.host, &name(), &spec("ports = [9090]")).unwrap();
    fs::write(bench.data().join("srv/more"), "more").unwrap();
    let new = portrait(&bench.data());
    snapshot(&bench, "new", false).unwrap();
    let mut seen = [0, 0];
    for step in 0..30 {
        let (to, from) = if step % 2 == 0 { ("old", &new) } else { ("new", &old) };
        rollback(&bench, if step % 2 == 0 { "new" } else { "old" }).unwrap();
        kill_during(whole * step / 25, || drop(rollback(&bench, to)));
        let wanted = if to == "old" { &old } else { &new };
        let found = portrait(&bench.data());
        let ports = jail::observe(&bench.host, &name()).unwrap().spec.unwrap().ports;
        let is_old = found == old;
        seen[usize::from(&found == wanted)] += 1;
        assert!(&found == wanted || &found == from, "cut at {step}");
        assert_eq!(ports[0].to_string(), if is_old { "8080" } else { "9090" }, "data and jail.toml belong together");
        // The next verb finds all of it again.
        jail::create(&bench.host, &"other".parse().unwrap(), &spec("")).unwrap();
        jail::destroy(&bench.host, &"other".parse().unwrap()).unwrap();
        assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"], "cut at {step}");
        assert_eq!(names(&bench.config.jail_dir(&name())), ["data", "jail.toml", "note", "root", "snapshots"]);
        assert_eq!(names(&bench.config.jail_dir(&name()).join("snapshots")), ["new", "old"]);
    }
    assert!(seen[0] > 0 && seen[1] > 0, "cuts before and after: {seen:?}");
}

fn a_mount_below_the_data_is_told_and_not_copied() {
    let bench = created("");
    let inside = bench.data().join("srv");
    nix::mount::mount(Some("none"), &inside, Some("tmpfs"), nix::mount::MsFlags::empty(), None::<&str>).unwrap();
    let error = snapshot(&bench, "one", false).unwrap_err();
    assert!(error.to_string().ends_with("/srv: something is mounted there; unmount it, then try again"), "{error}");
    nix::mount::umount(&inside).unwrap();
    assert!(names(&bench.config.jail_dir(&name()).join("snapshots")).is_empty());
    assert!(own_mounts(&bench).is_empty());
}

fn a_clone_has_its_own_data_name_and_ports() {
    let bench = created("ports = [8080, 443]\nprofile = 'medium'");
    odd_files(&bench.data().join("srv"));
    let before = portrait(&bench.data());
    let twin: JailName = "twin".parse().unwrap();
    let request = |ports: &[i64], to: &str, snapshot: Option<&str>| CloneRequest {
        from: name(),
        to: to.parse().unwrap(),
        snapshot: snapshot.map(label),
        ports: ports.iter().map(|port| port.to_string().parse().unwrap()).collect(),
        live: false,
    };
    let clone = |request| jail::clone(&bench.host, &request, &mut |_| ());
    let error = clone(request(&[443], "twin", None)).unwrap_err();
    assert_eq!(error.to_string(), "port 443 is reserved by jail web, which is cloned; give the clone another one");
    let cloned = clone(request(&[9090], "twin", None)).unwrap();
    assert_eq!(cloned.dropped.len(), 2);
    assert_eq!(portrait(&bench.config.jail_dir(&twin).join("data")), before);
    let spec = jail::observe(&bench.host, &twin).unwrap().spec.unwrap();
    assert_eq!(
        (spec.ports[0].to_string().as_str(), spec.log.tag.as_str(), spec.profile.label().as_str()),
        ("9090", "jail-twin", "medium")
    );
    let error = clone(request(&[], "twin", None)).unwrap_err();
    assert!(error.to_string().starts_with("jail twin is there already"), "{error}");
    assert!(clone(request(&[], "web", None)).is_err());

    snapshot(&bench, "one", false).unwrap();
    jail::bring_up(&bench.host, &name()).unwrap();
    bench.sh("echo later > /srv/later");
    assert!(clone(request(&[], "third", None)).unwrap_err().to_string().starts_with("jail web is running"));
    clone(request(&[], "third", Some("one"))).unwrap();
    assert_eq!(portrait(&bench.config.jail_dir(&"third".parse().unwrap()).join("data")), before);
    assert_eq!(names(&bench.config.data_dir.join("jails")), ["third", "twin", "web"]);
}

fn a_renamed_jail_takes_its_snapshots_along() {
    let bench = Bench::up();
    let other: JailName = "site".parse().unwrap();
    assert!(matches!(jail::rename(&bench.host, &name(), &other), Err(JailError::Running(_))));
    jail::tear_down(&bench.host, &name()).unwrap();
    snapshot(&bench, "one", false).unwrap();
    jail::create(&bench.host, &"taken".parse().unwrap(), &spec("")).unwrap();
    assert!(jail::rename(&bench.host, &name(), &"taken".parse().unwrap()).is_err());
    jail::rename(&bench.host, &name(), &other).unwrap();
    assert_eq!(names(&bench.config.data_dir.join("jails")), ["site", "taken"]);
    assert_eq!(jail::observe(&bench.host, &other).unwrap().spec.unwrap().log.tag, "jail-site");
    jail::rollback(&bench.host, &other, &label("one"), &mut |_| ()).unwrap();
    jail::bring_up(&bench.host, &other).unwrap();
    assert!(matches!(jail::rename(&bench.host, &name(), &other), Err(JailError::NoSuchJail { .. })));
}

fn a_full_or_read_only_disk_is_one_clear_error_and_leaves_nothing() {
    let bench = Bench::new();
    let disk = crate::bench::SmallDisk::on(&bench.config.data_dir, "size=6m");
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    fs::write(bench.data().join("srv/big"), vec![7; 3 << 20]).unwrap();
    let before = portrait(&bench.data());
    let told = |error: JailError| {
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert_eq!(portrait(&bench.data()), before);
        assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"]);
    };
    told(snapshot(&bench, "one", false).unwrap_err());
    assert!(names(&bench.config.jail_dir(&name()).join("snapshots")).is_empty());
    let clone = CloneRequest { from: name(), to: "twin".parse().unwrap(), snapshot: None, ports: vec![], live: false };
    told(jail::clone(&bench.host, &clone, &mut |_| ()).unwrap_err());
    // Room for a snapshot, but not for the jail it would become.
    disk.remount("size=8m");
    snapshot(&bench, "one", false).unwrap();
    told(rollback(&bench, "one").unwrap_err());

    disk.remount("ro");
    for error in [snapshot(&bench, "two", false).unwrap_err(), rollback(&bench, "one").unwrap_err()] {
        assert!(error.to_string().contains("Read-only file system"), "{error}");
    }
    assert_eq!(portrait(&bench.data()), before);
}

fn blocks_are_shared_on_xfs() {
    blocks_are_shared_on("xfs");
}

fn blocks_are_shared_on_btrfs() {
    blocks_are_shared_on("btrfs");
}

/// Snapshots, rollbacks and clones on a file system that shares blocks: to the last bit, and without room for copies.
fn blocks_are_shared_on(kind: &str) {
    const BIG: u64 = 32 << 20;
    let bench = Bench::new();
    let Some(disk) = crate::bench::own_disk(&bench.config.data_dir, kind) else { return };
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    odd_files(&bench.data().join("srv"));
    let noise: Vec<u8> = (0..BIG / 8).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    fs::write(bench.data().join("srv/big"), &noise).unwrap();
    let before = portrait(&bench.data());
    let used = disk.used();
    let (_, tally) = jail::snapshot(&bench.host, &name(), &label("one"), false, &mut |_| ()).unwrap();
    assert!(tally.shared_files > 10, "{tally:?}");
    assert_eq!(portrait(&bench.config.jail_dir(&name()).join("snapshots/one/data")), before);

    // What is written to a shared block is nobody else's.
    std::os::unix::fs::FileExt::write_at(
        &fs::OpenOptions::new().write(true).open(bench.data().join("srv/big")).unwrap(),
        b"mine",
        0,
    )
    .unwrap();
    assert_eq!(portrait(&bench.config.jail_dir(&name()).join("snapshots/one/data")), before);
    rollback(&bench, "one").unwrap();
    assert_eq!(portrait(&bench.data()), before);
    let clone = CloneRequest { from: name(), to: "twin".parse().unwrap(), snapshot: None, ports: vec![], live: false };
    jail::clone(&bench.host, &clone, &mut |_| ()).unwrap();
    assert!(fs::read(bench.config.jail_dir(&"twin".parse().unwrap()).join("data/srv/big")).unwrap() == noise);
    let grown = disk.used().saturating_sub(used);
    assert!(grown < BIG / 2, "three copies of {BIG} bytes took {grown} on {kind}");
}
