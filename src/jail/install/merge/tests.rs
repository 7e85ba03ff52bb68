use std::fs;
use std::os::unix::fs::symlink;

use super::*;

struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    /// Three trees with one /etc and /var.
    fn new() -> Scratch {
        let scratch = Scratch { dir: tempfile::tempdir().unwrap() };
        for tree in ["old", "new", "jail/data"] {
            for (name, _) in data::DIRECTORIES {
                fs::create_dir_all(scratch.dir.path().join(tree).join(name)).unwrap();
            }
            fs::create_dir_all(scratch.dir.path().join(tree).join("var/lib/dpkg")).unwrap();
        }
        scratch
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.dir.path().join("jail/data").join(path)).ok()
    }

    fn open(&self, name: &str) -> Directory {
        Directory::open(&self.dir.path().join(name)).unwrap()
    }

    fn merge(&self) -> Result<(), JailError> {
        Changes::between(&self.open("old"), &self.open("new"), &self.open("jail"))?.apply()
    }
}

#[test]
fn what_is_new_comes_and_what_the_jail_changed_or_removed_stays() {
    let scratch = Scratch::new();
    for (path, old, new, jail) in [
        ("etc/same", Some("a"), "a", Some("mine")),
        ("etc/updated", Some("a"), "bb", Some("a")),
        ("etc/edited", Some("a"), "bb", Some("mine")),
        ("etc/removed", Some("a"), "bb", None),
        ("etc/nginx/conf.d/site", None, "new", None),
        ("etc/own", None, "theirs", Some("mine")),
        ("var/lib/dpkg/status", Some("1"), "2", Some("0")),
        ("etc/ld.so.cache", Some("1"), "22", Some("0")),
        ("var/lib/apt/lists/big", None, "x", Some("y")),
        ("usr/bin/nginx", None, "program", None),
        ("tmp/left", None, "x", None),
    ] {
        scratch.put(&format!("new/{path}"), new);
        old.into_iter().for_each(|text| scratch.put(&format!("old/{path}"), text));
        jail.into_iter().for_each(|text| scratch.put(&format!("jail/data/{path}"), text));
    }
    for round in ["first", "again"] {
        scratch.merge().unwrap();
        let seen = |path| scratch.text(path);
        assert_eq!(seen("etc/same").as_deref(), Some("mine"), "{round}");
        assert_eq!(seen("etc/updated").as_deref(), Some("bb"), "{round}");
        assert_eq!(seen("etc/edited").as_deref(), Some("mine"), "{round}");
        assert_eq!(seen("etc/removed"), None, "{round}");
        assert_eq!(seen("etc/nginx/conf.d/site").as_deref(), Some("new"), "{round}");
        assert_eq!(seen("etc/own").as_deref(), Some("mine"), "{round}");
        assert_eq!(seen("var/lib/dpkg/status").as_deref(), Some("2"), "{round}");
        assert_eq!(seen("etc/ld.so.cache").as_deref(), Some("22"), "{round}");
        assert_eq!(seen("var/lib/apt/lists/big").as_deref(), Some("y"), "{round}");
        assert_eq!((seen("usr/bin/nginx"), seen("tmp/left")), (None, None), "{round}");
    }
    assert!(!scratch.dir.path().join("jail").join(STAGE).exists());
}

#[test]
fn nothing_goes_through_a_link_that_the_jail_planted() {
    let scratch = Scratch::new();
    let outside = scratch.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    scratch.put("new/etc/nginx/site", "new");
    scratch.put("new/etc/alone", "new");
    symlink(&outside, scratch.dir.path().join("jail/data/etc/nginx")).unwrap();
    symlink(outside.join("alone"), scratch.dir.path().join("jail/data/etc/alone")).unwrap();
    scratch.merge().unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(scratch.dir.path().join("jail/data/etc/nginx").is_symlink());
}

#[test]
fn users_of_packages_join_the_jails_own_and_a_clash_changes_nothing() {
    let scratch = Scratch::new();
    let root = "root:x:0:0::/root:/bin/sh\n";
    scratch.put("old/etc/passwd", root);
    scratch.put("new/etc/passwd", &format!("{root}nginx:x:101:101::/:/bin/false\n"));
    scratch.put("new/etc/nginx/site", "new");
    scratch.put("jail/data/etc/passwd", &format!("{root}app:x:101:101::/:/bin/sh\n"));
    let error = scratch.merge().unwrap_err().to_string();
    assert_eq!(
        error,
        "user or group nginx of a package has the number 101 of the jail's app; give the jail's own another number, or install the packages before it is made"
    );
    assert_eq!(scratch.text("etc/nginx/site"), None);
    scratch.put("jail/data/etc/passwd", &format!("{root}app:x:999:999::/:/bin/sh\n"));
    scratch.merge().unwrap();
    assert_eq!(scratch.text("etc/passwd").unwrap(), format!("{root}app:x:999:999::/:/bin/sh\nnginx:x:101:101::/:/bin/false\n"));
    assert!(scratch.text("etc/nginx/site").is_some());
}
