use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Scratch {
    _dir: tempfile::TempDir,
    from: Directory,
    to: Directory,
}

fn scratch() -> Scratch {
    let dir = tempfile::tempdir().unwrap();
    let top = Directory::open(dir.path()).unwrap();
    let (from, to) = (top.make("from", 0o755).unwrap(), top.make("to", 0o755).unwrap());
    Scratch { _dir: dir, from, to }
}

fn copied(scratch: &Scratch) -> Tally {
    copy(&scratch.from, &scratch.to, &|_| false, &mut |_| ()).unwrap()
}

#[test]
fn a_walk_goes_into_each_directory_right_after_its_name_in_order() {
    struct Names(Vec<String>);
    impl Visitor for Names {
        fn enter(&mut self, _place: &Place) -> Result<(), JailError> {
            Ok(())
        }

        fn entry(&mut self, found: &Found<'_>) -> Result<bool, JailError> {
            self.0.push(found.path().display().to_string());
            Ok(found.name != "closed")
        }
    }
    let scratch = scratch();
    for name in ["b/deep/er", "a", "closed/inside", "c"] {
        fs::create_dir_all(scratch.from.path_of(name)).unwrap();
    }
    fs::write(scratch.from.path_of("b/z"), "").unwrap();
    symlink("/etc", scratch.from.path_of("link")).unwrap();
    let mut names = Names(Vec::new());
    walk(&scratch.from, &mut names).unwrap();
    assert_eq!(names.0, ["a", "b", "b/deep", "b/deep/er", "b/z", "c", "closed", "link"]);
}

#[test]
fn equal_trees_have_equal_digests_and_any_change_shows() {
    let scratch = scratch();
    fs::create_dir(scratch.from.path_of("dir")).unwrap();
    fs::write(scratch.from.path_of("dir/file"), "content").unwrap();
    symlink("dir", scratch.from.path_of("link")).unwrap();
    copied(&scratch);
    let before = digest(&scratch.from).unwrap();
    assert_eq!(digest(&scratch.to).unwrap(), before);
    let mut seen = vec![before];
    let mut changed = |what: &str| {
        let now = digest(&scratch.to).unwrap();
        assert!(!seen.contains(&now), "{what} does not show");
        seen.push(now);
    };
    fs::write(scratch.to.path_of("dir/file"), "CONTENT").unwrap();
    changed("content");
    fs::set_permissions(scratch.to.path_of("dir/file"), fs::Permissions::from_mode(0o4600)).unwrap();
    changed("mode");
    fs::rename(scratch.to.path_of("dir/file"), scratch.to.path_of("dir/fil")).unwrap();
    changed("name");
    fs::remove_file(scratch.to.path_of("link")).unwrap();
    symlink("dri", scratch.to.path_of("link")).unwrap();
    changed("target");
    fs::hard_link(scratch.to.path_of("dir/fil"), scratch.to.path_of("more")).unwrap();
    changed("another name");
}

#[test]
fn what_is_left_out_at_the_top_is_kept_below() {
    let scratch = scratch();
    for name in ["dev/null", "usr/dev"] {
        fs::create_dir_all(scratch.from.path_of(name)).unwrap();
    }
    copy(&scratch.from, &scratch.to, &|found| found.name == "dev", &mut |_| ()).unwrap();
    assert!(!scratch.to.path_of("dev").exists());
    assert!(scratch.to.path_of("usr/dev").exists());
}

#[test]
fn a_copy_goes_over_nothing_that_is_there() {
    let scratch = scratch();
    fs::write(scratch.from.path_of("file"), "new").unwrap();
    fs::write(scratch.to.path_of("victim"), "kept").unwrap();
    symlink("victim", scratch.to.path_of("file")).unwrap();
    assert!(copy(&scratch.from, &scratch.to, &|_| false, &mut |_| ()).is_err());
    assert_eq!(fs::read_to_string(scratch.to.path_of("victim")).unwrap(), "kept");
}

#[test]
fn progress_is_told_and_holes_take_no_room() {
    let scratch = scratch();
    fs::File::create(scratch.from.path_of("hole")).unwrap().set_len(1 << 30).unwrap();
    fs::write(scratch.from.path_of("file"), vec![1; 300_000]).unwrap();
    let mut told = Vec::new();
    let tally = copy(&scratch.from, &scratch.to, &|_| false, &mut |tally| told.push(*tally)).unwrap();
    assert!(told.len() >= 2 && told.last() == Some(&tally));
    assert_eq!(tally.entries, 2);
    assert_eq!(fs::metadata(scratch.to.path_of("hole")).unwrap().len(), 1 << 30);
    assert!(measure(&scratch.to).unwrap().bytes < 1 << 20);
}

#[test]
fn a_place_opens_through_no_link_and_into_no_depth_without_end() {
    let scratch = scratch();
    fs::create_dir_all(scratch.from.path_of("a/b")).unwrap();
    symlink("a", scratch.from.path_of("link")).unwrap();
    let place = |names: &[&str]| Place::of(names.iter().map(OsStr::new));
    assert_eq!(place(&["a", "b"]).open(&scratch.from).unwrap().path(), scratch.from.path_of("a/b"));
    assert!(place(&["link", "b"]).open(&scratch.from).is_err());
    assert!(place(&["a", "..", "..", "to"]).open(&scratch.from).is_err());
    let deep = Place::of(std::iter::repeat_n(OsStr::new("a"), MAX_DEPTH + 1));
    assert!(deep.open(&scratch.from).unwrap_err().to_string().contains("more than 4096 deep"));
    // Dropping a long chain takes no stack.
    drop(Place::of(std::iter::repeat_n(OsStr::new("a"), 1_000_000)));
}
