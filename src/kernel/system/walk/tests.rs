use std::fs;
use std::os::unix::fs::symlink;

use nix::fcntl::{OpenHow, ResolveFlag, openat2};
use proptest::prelude::*;

use super::*;

const FLAGS: OFlag = OFlag::O_RDONLY;

fn top(path: &Path) -> OwnedFd {
    nix::fcntl::open(path, DIRECTORY, Mode::empty()).unwrap()
}

/// What openat2(2) says for the same bounds.
fn kernels(top: &OwnedFd, path: &Path, flags: OFlag, bounds: Bounds) -> Result<u64, Errno> {
    let resolve = match bounds {
        Bounds::Beneath => ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS,
        Bounds::SameMount => ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV,
        Bounds::InRoot => ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_XDEV,
        Bounds::Inside => ResolveFlag::RESOLVE_BENEATH,
    };
    let opened = openat2(top, path, OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve))?;
    Ok(fstat(opened)?.st_ino)
}

fn ours(top: &OwnedFd, path: &Path, flags: OFlag, bounds: Bounds) -> Result<u64, Errno> {
    Ok(fstat(open(top.as_fd(), path, flags, Mode::empty(), bounds)?)?.st_ino)
}

const ALL: [Bounds; 4] = [Bounds::Beneath, Bounds::SameMount, Bounds::InRoot, Bounds::Inside];

/// A tree with links inside it, out of it, to themselves, and to nothing.
fn tree() -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    let at = |name: &str| made.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::write(at("a/b/f"), "x").unwrap();
    fs::write(at("f"), "y").unwrap();
    for (link, target) in [
        ("a/up", "../a/b"),
        ("out", "../.."),
        ("host", "/etc"),
        ("own", "/a/b"),
        ("loop", "loop"),
        ("none", "nothing"),
        ("to", "f"),
    ] {
        symlink(target, at(link)).unwrap();
    }
    made
}

#[test]
fn it_opens_what_the_kernel_opens_and_refuses_what_the_kernel_refuses() {
    let made = tree();
    let top = top(made.path());
    let paths = [
        ".",
        "a",
        "a/b",
        "a/b/f",
        "a/./b",
        "a/up/f",
        "a/b/..",
        "a/../f",
        "..",
        "a/../..",
        "out",
        "out/etc",
        "host/passwd",
        "own/f",
        "loop",
        "none",
        "to",
        "f/x",
        "nothing",
        "a/nothing/f",
        "own",
        "a/up",
    ];
    for bounds in ALL {
        for path in paths {
            for flags in [FLAGS, FLAGS | OFlag::O_NOFOLLOW, FLAGS | OFlag::O_DIRECTORY] {
                let path = Path::new(path);
                assert_eq!(ours(&top, path, flags, bounds), kernels(&top, path, flags, bounds), "{path:?} {flags:?} {bounds:?}");
            }
        }
    }
}

#[test]
fn a_file_is_made_where_the_way_ends_and_through_no_link() {
    let made = tree();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), made.path().join("away")).unwrap();
    let top = top(made.path());
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
    let make = |path: &str| open(top.as_fd(), Path::new(path), flags, Mode::from_bits_truncate(0o600), Bounds::Beneath);
    make("a/b/new").unwrap();
    assert!(made.path().join("a/b/new").exists());
    assert_eq!(make("away/new").unwrap_err(), Errno::ELOOP);
    assert_eq!(make("none").unwrap_err(), Errno::EEXIST);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_is_mounted_below_is_not_entered() {
    let top = top(Path::new("/"));
    assert_eq!(ours(&top, Path::new("proc/self"), FLAGS, Bounds::SameMount), Err(Errno::EXDEV));
    assert_eq!(ours(&top, Path::new("proc/stat"), FLAGS, Bounds::InRoot), Err(Errno::EXDEV));
    assert!(ours(&top, Path::new("proc/stat"), FLAGS, Bounds::Beneath).is_ok());
}

#[test]
fn a_way_is_vetted_up_to_its_end() {
    let made = tempfile::tempdir().unwrap();
    let way = made.path().join("a/b");
    fs::create_dir_all(&way).unwrap();
    symlink("a", made.path().join("link")).unwrap();
    fs::write(made.path().join("file"), "").unwrap();
    assert!(nix::unistd::geteuid().is_root(), "this test needs root, whose directories it walks");
    vetted(&way).unwrap();
    let refused = |path: &Path| vetted(path).unwrap_err();
    assert_eq!(refused(&made.path().join("link/b")), Errno::ELOOP);
    assert_eq!(refused(&made.path().join("file")), Errno::ENOTDIR);
    assert_eq!(refused(&made.path().join("a/../a")), Errno::EINVAL);
    assert_eq!(refused(Path::new("a")), Errno::EINVAL);
    let mode = |mode| fs::set_permissions(made.path().join("a"), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o775);
    assert_eq!(refused(&way), Errno::EPERM);
    mode(0o1777);
    vetted(&way).unwrap();
    assert_eq!(refused(&made.path().join("a")), Errno::EPERM, "the end itself is nobody else's");
    std::os::unix::fs::chown(&way, Some(1), None).unwrap();
    assert_eq!(refused(&way), Errno::EPERM);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn on_no_path_it_is_of_another_mind_than_the_kernel(
        parts in proptest::collection::vec(
            prop_oneof![Just("a"), Just("b"), Just("f"), Just(".."), Just("."), Just("up"), Just("out"), Just("own"), Just("to"), Just("none")],
            1..7,
        ),
        bounds in 0..ALL.len(),
    ) {
        let made = tree();
        let top = top(made.path());
        let path = parts.join("/");
        let path = Path::new(&path);
        let (ours, kernels) = (ours(&top, path, FLAGS, ALL[bounds]), kernels(&top, path, FLAGS, ALL[bounds]));
        prop_assert_eq!(ours, kernels, "{:?} {:?}", path, ALL[bounds]);
    }
}
