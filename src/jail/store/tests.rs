use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;
use crate::jail::spec::Spec;

struct Scratch {
    _dir: tempfile::TempDir,
    top: Directory,
}

fn scratch() -> Scratch {
    let dir = tempfile::tempdir().unwrap();
    let top = Directory::open(dir.path()).unwrap();
    Scratch { _dir: dir, top }
}

fn left(directory: &Directory) -> Vec<String> {
    let mut names: Vec<String> = directory.names(100).unwrap().iter().map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_whole_and_leaves_nothing_aside() {
    let scratch = scratch();
    // Left by a writer that was killed.
    fs::write(scratch.top.path_of(".f.new"), "half").unwrap();
    scratch.top.replace("f", 0o600, b"one").unwrap();
    scratch.top.replace("f", 0o600, b"two").unwrap();
    assert_eq!(scratch.top.read("f", 10).unwrap(), b"two");
    assert_eq!(left(&scratch.top), ["f"]);
}

#[test]
fn writing_does_not_follow_a_planted_link() {
    let scratch = scratch();
    fs::write(scratch.top.path_of("victim"), "kept").unwrap();
    symlink("victim", scratch.top.path_of(".f.new")).unwrap();
    symlink("victim", scratch.top.path_of("f")).unwrap();
    scratch.top.replace("f", 0o600, b"new").unwrap();
    assert_eq!(scratch.top.read("victim", 10).unwrap(), b"kept");
    symlink("victim", scratch.top.path_of("g")).unwrap();
    assert!(scratch.top.write_new("g", 0o600, b"new").is_err());
    assert_eq!(scratch.top.read("victim", 10).unwrap(), b"kept");
}

#[test]
fn no_name_leads_upwards_or_through_a_link() {
    let scratch = scratch();
    scratch.top.make("a", 0o755).unwrap();
    symlink("a", scratch.top.path_of("link")).unwrap();
    for name in ["..", "a/../..", "/etc", "link", "link/.", "/proc/self/root"] {
        assert!(scratch.top.sub(name).is_err(), "{name}");
    }
    assert!(scratch.top.sub("a/../a").is_ok());
}

#[test]
fn what_appears_is_whole_or_not_there() {
    let scratch = scratch();
    let failed = appear(&scratch.top, "x", 0o700, |made| {
        made.write_new("half", 0o600, b"").map(drop)?;
        Err(JailError::Threads)
    });
    assert!(failed.is_err() && left(&scratch.top).is_empty());
    appear(&scratch.top, "x", 0o700, |made| made.write_new("whole", 0o600, b"").map(drop)).unwrap();
    assert_eq!(left(&scratch.top.sub("x").unwrap()), ["whole"]);
    assert!(appear(&scratch.top, "x", 0o700, |_| Ok(())).is_err(), "never over another");
    assert_eq!(left(&scratch.top), ["x"]);
}

#[test]
fn removing_a_tree_follows_no_link_and_takes_every_kind_of_file() {
    let scratch = scratch();
    let outside = scratch.top.make("outside", 0o755).unwrap();
    outside.write_new("kept", 0o600, b"").unwrap();
    let tree = scratch.top.make("tree", 0o755).unwrap();
    symlink(outside.path(), tree.path_of("link")).unwrap();
    nix::unistd::mkfifo(&tree.path_of("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut deep = PathBuf::from(tree.path());
    for _ in 0..50 {
        // The name that removal itself gives to what it moves.
        deep.push(".moved-1");
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("file"), "").unwrap();
        symlink(outside.path(), deep.join("link")).unwrap();
    }
    remove_tree(&scratch.top, "tree").unwrap();
    remove_tree(&scratch.top, "tree").unwrap();
    assert_eq!(left(&scratch.top), ["outside"]);
    assert_eq!(left(&outside), ["kept"]);
}

#[test]
fn a_hidden_name_tells_whose_leftover_it_is() {
    let owner = |name: &str| owner_of_leftover(name).map(|owner| owner.to_string());
    assert_eq!(owner(".web.new").as_deref(), Some("web"));
    assert_eq!(owner(".a.b.trash").as_deref(), Some("a.b"));
    for name in ["web", "web.new", ".web", "..new", ".x/y.new", ".123.new"] {
        assert_eq!(owner(name), None, "{name}");
    }
}

#[test]
fn names_are_listed_in_order_and_strange_ones_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { data_dir: dir.path().join("data"), run_dir: dir.path().join("run") };
    assert_eq!(names(&config).unwrap(), []);
    let jails = jails_or_make(&config).unwrap();
    for name in ["b", "a", ".a.new", "-x", "..y"] {
        jails.make(name, 0o700).unwrap();
    }
    assert_eq!(names(&config).unwrap().iter().map(JailName::as_str).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_spec_survives_the_disk_and_a_broken_one_names_its_file() {
    let scratch = scratch();
    let name: JailName = "web".parse().unwrap();
    assert_eq!(read_spec(&scratch.top, &name).unwrap(), None);
    let spec = Spec::from_toml(&name, "ports = [80]").unwrap();
    write_spec(&scratch.top, &spec).unwrap();
    assert_eq!(read_spec(&scratch.top, &name).unwrap(), Some(spec));
    fs::write(scratch.top.path_of("jail.toml"), "ports = 'x'").unwrap();
    let error = read_spec(&scratch.top, &name).unwrap_err().to_string();
    assert!(error.ends_with("jail.toml: ports: expected a list of ports, found the text \"x\""), "{error}");
}
