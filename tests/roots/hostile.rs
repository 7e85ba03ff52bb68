//! What a jail, or a careless administrator, may have put in the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use jailsh::jail::{self, JailError};
use jailsh::kernel::Kernel;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::bench::{Bench, children, name, own_mounts, spec};
use crate::cases;

cases![
    a_symlink_in_place_of_a_layer_is_refused_and_creates_nothing,
    a_symlink_in_place_of_the_root_is_one_clear_error,
    a_jail_directory_that_is_a_symlink_or_anothers_is_refused,
    links_that_a_jail_plants_are_not_followed_by_apply,
    a_hostile_passwd_gives_nobody_more_and_hangs_nothing,
    a_passwd_that_is_no_plain_file_is_refused,
    a_spec_that_is_a_device_a_link_or_too_long_is_refused,
    a_mount_in_the_way_of_destroy_is_told_and_not_entered,
];

fn refused(bench: &Bench, part: &str) {
    let error = jail::bring_up(&bench.host, &name()).unwrap_err();
    assert!(matches!(&error, JailError::Path { .. }) && error.to_string().contains(part), "{error}");
    assert!(own_mounts(bench).len() <= 1, "{:?}", own_mounts(bench));
    assert!(bench.kernel.list().unwrap().is_empty() && children().is_empty());
    assert!(!bench.config.run_of(&name()).exists());
}

fn a_symlink_in_place_of_a_layer_is_refused_and_creates_nothing() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    for layer in ["etc", "tmp", "root", "var"] {
        let path = bench.data().join(layer);
        fs::rename(&path, bench.data().join("aside")).unwrap();
        symlink("/etc", &path).unwrap();
        refused(&bench, "is a symlink, which could lead anywhere; replace it by what it points to");
        fs::remove_file(&path).unwrap();
        fs::rename(bench.data().join("aside"), &path).unwrap();
    }
    assert!(jail::bring_up(&bench.host, &name()).is_ok());
}

fn a_symlink_in_place_of_the_root_is_one_clear_error() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let root = bench.config.root_dir(&name());
    fs::remove_dir(&root).unwrap();
    symlink("/", &root).unwrap();
    refused(&bench, "/root: is a symlink");
    let error = jail::create(&bench.host, &name(), &spec("profile = 'low'")).unwrap_err();
    assert!(error.to_string().contains("/root: is a symlink"), "{error}");
    let text = fs::read_to_string(bench.config.jail_dir(&name()).join("jail.toml")).unwrap();
    assert!(!text.contains("low"), "nothing is half done");
}

fn a_jail_directory_that_is_a_symlink_or_anothers_is_refused() {
    let bench = Bench::new();
    jail::create(&bench.host, &"other".parse().unwrap(), &spec("")).unwrap();
    let elsewhere = bench.config.run_dir.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let path = bench.config.jail_dir(&name());
    symlink(&elsewhere, &path).unwrap();
    let error = jail::create(&bench.host, &name(), &spec("")).unwrap_err();
    assert!(error.to_string().contains("jails/web: is a symlink"), "{error}");
    assert!(jail::destroy(&bench.host, &name()).is_err());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    fs::remove_file(&path).unwrap();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
    refused(&bench, "can be written by others");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&path, Some(1000), None).unwrap();
    refused(&bench, "belongs to user 1000");
}

fn links_that_a_jail_plants_are_not_followed_by_apply() {
    let bench = Bench::up();
    let outside = bench.config.run_dir.join("outside");
    fs::create_dir(&outside).unwrap();
    // The jail cannot move its mount point /tmp; an administrator's slip could.
    jail::tear_down(&bench.host, &name()).unwrap();
    fs::rename(bench.data().join("tmp"), bench.data().join("aside")).unwrap();
    symlink(&outside, bench.data().join("tmp")).unwrap();
    let error = jail::apply(&bench.host, &name(), b"true", true, true).unwrap_err();
    assert!(error.to_string().contains("is a symlink"), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

fn a_hostile_passwd_gives_nobody_more_and_hangs_nothing() {
    let bench = Bench::up();
    let passwd = bench.data().join("etc/passwd");
    let long = "x".repeat(100_000);
    let lines = format!(
        "+::::::\n{long}:*:0:0::/:/bin/sh\nweb:*:-0:0::/:/bin/sh\nweb:*:00000000007:8::/:/bin/sh\nweb:*:7:8::../..:/bin/sh\nroot:*:0:0:a\u{1b}[2J:/root:/bin/sh\n"
    );
    fs::write(&passwd, lines).unwrap();
    let mut request = bench.request(&["sh", "-c", "id -u; id -g; echo $HOME"]);
    request.user = Some("web".into());
    assert_eq!(bench.try_exec(request.clone()).unwrap().stdout, "7\n8\n/\n");
    request.user = Some("+".into());
    assert!(matches!(bench.try_exec(request), Err(JailError::NoSuchUser { .. })));
    assert_eq!(bench.sh("id -u"), "0\n");
    fs::write(&passwd, vec![0xff; 2 << 20]).unwrap();
    let error = bench.try_exec(bench.request(&["true"])).unwrap_err();
    assert_eq!(error.to_string(), "cannot enter jail web: look up the user: File too large");
}

fn a_passwd_that_is_no_plain_file_is_refused() {
    let bench = Bench::up();
    let passwd = bench.data().join("etc/passwd");
    let began = Instant::now();
    fs::remove_file(&passwd).unwrap();
    // Missing: root is root all the same.
    assert_eq!(bench.sh("id -u; pwd"), "0\n/\n");
    mkfifo(&passwd, Mode::S_IRUSR).unwrap();
    assert!(bench.try_exec(bench.request(&["true"])).is_err());
    fs::remove_file(&passwd).unwrap();
    for target in ["/proc/self/environ", "/dev/zero", "passwd"] {
        symlink(target, &passwd).unwrap();
        assert!(bench.try_exec(bench.request(&["true"])).is_err(), "{target}");
        fs::remove_file(&passwd).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}

fn a_spec_that_is_a_device_a_link_or_too_long_is_refused() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let path = bench.config.jail_dir(&name()).join("jail.toml");
    let reason = || jail::observe(&bench.host, &name()).unwrap().spec.unwrap_err();
    fs::remove_file(&path).unwrap();
    assert!(reason().contains("is missing; create the jail again"), "{}", reason());
    symlink("/etc/shadow", &path).unwrap();
    assert!(reason().contains("is a symlink"), "{}", reason());
    fs::remove_file(&path).unwrap();
    mkfifo(&path, Mode::S_IRUSR).unwrap();
    assert!(reason().contains("is no plain file"), "{}", reason());
    fs::remove_file(&path).unwrap();
    fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(reason().contains("is longer than"), "{}", reason());
    assert!(jail::bring_up(&bench.host, &name()).is_err());
    assert!(own_mounts(&bench).is_empty());
}

fn a_mount_in_the_way_of_destroy_is_told_and_not_entered() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let outside = bench.config.run_dir.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    let inside = bench.data().join("srv");
    let bind = nix::mount::MsFlags::MS_BIND;
    nix::mount::mount(Some(&outside), &inside, None::<&str>, bind, None::<&str>).unwrap();
    let error = jail::destroy(&bench.host, &name()).unwrap_err();
    assert!(error.to_string().contains("something is mounted there; unmount it, then try again"), "{error}");
    assert!(Path::new(&outside.join("kept")).exists());
    for mount in own_mounts(&bench).iter().filter(|mount| mount.ends_with("/srv")) {
        nix::mount::umount(mount.as_str()).unwrap();
    }
    // What is left has a hidden name and goes with the next verb.
    jail::create(&bench.host, &"other".parse().unwrap(), &spec("")).unwrap();
    let left: Vec<_> =
        fs::read_dir(bench.config.data_dir.join("jails")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["other"]);
}
