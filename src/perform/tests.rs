//! What a plan foresees is what is there once it was performed: over jails of the simulation, with real files.

use std::rc::Rc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jail::{Config, Host, Spec, seeded_files};
use crate::kernel::JailName;
use crate::kernel::sim::Sim;
use crate::plan::decide::{self, CopyWanted, FileWanted, Item, UnpackWanted};
use crate::plan::{
    Action, Archive, Attributes, Content, DecideError, Digest, Entry, GroupWish, JailPath, Line, Observe, Part, Shadow, UserWish,
    Witness,
};

/// A host of the test's own, with one jail on it.
struct Stage {
    place: tempfile::TempDir,
    view: View,
}

fn jail() -> JailName {
    "web".parse().unwrap()
}

fn path(text: &str) -> JailPath {
    text.parse().unwrap()
}

impl Stage {
    fn new() -> Stage {
        // In memory if it can be: each action waits for the disk.
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let config = Config { data_dir: place.path().join("data"), run_dir: place.path().join("run") };
        let secrets = Secrets::new(Rc::new(|name| Ok(format!("secret of {name}").into_bytes())));
        let view = View::new(Host { kernel: Rc::new(Sim::new()), config }, secrets);
        let stage = Stage { place, view };
        // What `create` makes that matters here; the rest of the host's /etc would take its time.
        let spec = Spec::parse(&jail(), &json!({"command": ["httpd"]})).unwrap();
        for name in ["etc", "srv", "opt"] {
            std::fs::create_dir_all(stage.data().join(name)).unwrap();
        }
        std::fs::write(stage.data().with_file_name("jail.toml"), spec.to_toml()).unwrap();
        for (name, text) in seeded_files() {
            std::fs::write(stage.data().join(name), text).unwrap();
        }
        stage
    }

    fn data(&self) -> std::path::PathBuf {
        self.view.host.config.jail_dir(&jail()).join("data")
    }

    /// Decides and does, one wish after the other.
    fn grant(&self, wish: impl Fn(&dyn Observe) -> Result<Vec<Action>, DecideError>) -> Vec<String> {
        let actions = wish(&self.view).unwrap();
        actions.iter().for_each(|action| drop(perform(&self.view, action).unwrap()));
        assert_eq!(wish(&self.view).unwrap(), Vec::new(), "the same wish again");
        actions.iter().map(|action| action.step.to_string()).collect()
    }
}

/// A tar archive of these files.
fn archive(at: &std::path::Path, files: &[(&str, &str)]) -> Archive {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o4755);
        header.set_uid(1000);
        header.set_gid(1000);
        // Not set_path, which refuses what a hostile archive holds.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    let bytes = tar.into_inner().unwrap();
    std::fs::write(at, &bytes).unwrap();
    Archive { file: at.to_owned(), sha256: Digest::of(&bytes), strip: 1, owner: None, group: None }
}

fn unpacked(at: &str, archive: &Archive) -> UnpackWanted {
    UnpackWanted { path: path(at), archive: archive.clone(), creates: None, restart: false }
}

/// A wish about one of a few paths, some of them through others.
#[derive(Debug, Clone)]
enum Wish {
    File(&'static str, &'static str, Option<u32>),
    Directory(&'static str, Option<u32>),
    Link(&'static str, &'static str),
    Line(&'static str, &'static str),
    Absent(&'static str),
    Copy(&'static str, bool),
    User(&'static str, bool),
    Group(&'static str),
    Unpack(&'static str),
}

const PATHS: [&str; 9] =
    ["/etc/a", "/etc/a/b", "/etc/a/b/c", "/srv/x", "/srv/x/y", "/srv/x/y/z", "/srv/x/tree", "/etc/passwd", "/srv/x/tree/f"];

fn wishes() -> impl Strategy<Value = Wish> {
    let paths = || prop::sample::select(PATHS.to_vec());
    let texts = prop::sample::select(vec!["", "one\n", "one\ntwo\n", "no end"]);
    let modes = || prop::option::of(prop::sample::select(vec![0o600, 0o4755]));
    let targets = prop::sample::select(vec!["/srv/x", "../srv/x/y", "b", "/etc/a", "..", "/nowhere"]);
    prop_oneof![
        3 => (paths(), texts, modes()).prop_map(|(path, text, mode)| Wish::File(path, text, mode)),
        2 => (paths(), modes()).prop_map(|(path, mode)| Wish::Directory(path, mode)),
        2 => (paths(), targets).prop_map(|(path, target)| Wish::Link(path, target)),
        1 => (paths(), prop::sample::select(vec!["one", "three"])).prop_map(|(path, line)| Wish::Line(path, line)),
        2 => paths().prop_map(Wish::Absent),
        1 => (paths(), any::<bool>()).prop_map(|(path, delete)| Wish::Copy(path, delete)),
        1 => (prop::sample::select(vec!["app", "db"]), any::<bool>()).prop_map(|(name, absent)| Wish::User(name, absent)),
        1 => prop::sample::select(vec!["app", "team"]).prop_map(Wish::Group),
        1 => paths().prop_map(Wish::Unpack),
    ]
}

fn decide(seen: &dyn Observe, wish: &Wish, archive: &Archive) -> Result<Vec<Action>, DecideError> {
    let jail = jail();
    let attributes = |mode: &Option<u32>| Attributes { mode: *mode, ..Attributes::default() };
    match wish {
        Wish::File(at, text, mode) => {
            let (content, attributes) = (Content::text(*text), attributes(mode));
            decide::file(seen, &jail, &FileWanted { path: path(at), content, attributes, restart: false, parents: true })
        }
        Wish::Directory(at, mode) => decide::directory(seen, &jail, &path(at), &attributes(mode)),
        Wish::Link(at, target) => decide::link(seen, &jail, &path(at), target, false),
        Wish::Line(at, text) => {
            let line = Line { text: (*text).to_owned(), replaces: None, absent: false };
            decide::line(seen, &jail, &path(at), &line, false)
        }
        Wish::Absent(at) => decide::absent(seen, &jail, &path(at), false),
        Wish::Copy(at, delete) => decide::copy(seen, &jail, &tree(at, *delete)),
        Wish::User(name, absent) => {
            let user: UserWish = serde_json::from_value(json!({"name": name, "absent": absent})).unwrap();
            decide::user(seen, &jail, &user)
        }
        Wish::Group(name) => {
            let group: GroupWish = serde_json::from_value(json!({"name": name, "system": true})).unwrap();
            decide::group(seen, &jail, &group)
        }
        Wish::Unpack(at) => decide::unpack(seen, &jail, &unpacked(at, archive)),
    }
}

fn tree(at: &str, delete: bool) -> CopyWanted {
    let file = |text: &str, mode| Item::File { content: Content::text(text), mode };
    let items = [
        (String::new(), Item::Directory { mode: 0o755 }),
        ("d".into(), Item::Directory { mode: 0o700 }),
        ("d/f".into(), file("in d", 0o640)),
        ("f".into(), file("one\n", 0o755)),
        ("l".into(), Item::Link { target: "f".into() }),
    ];
    CopyWanted {
        path: path(at),
        items: items.into(),
        mode: None,
        directory_mode: None,
        owner: None,
        group: None,
        delete,
        restart: false,
    }
}

/// Paths to compare: the wishes' own, and what a copy puts below them.
fn compared() -> Vec<JailPath> {
    let below = PATHS.iter().flat_map(|at| ["d", "d/f", "f", "l"].map(|name| format!("{at}/{name}")));
    let tables = ["/etc/group", "/etc/shadow"].map(str::to_owned);
    PATHS.iter().map(|at| (*at).to_owned()).chain(below).chain(tables).map(|at| path(&at)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// One jail is only looked at, another that is the same is changed: what the plan foresaw is what came of it.
    #[test]
    fn a_plan_foresees_every_entry(before in prop::collection::vec(wishes(), 0..6), planned in prop::collection::vec(wishes(), 1..10)) {
        let (seen, changed) = (Stage::new(), Stage::new());
        let archive = archive(&seen.place.path().join("a.tar"), &[("top/f", "from the archive\n")]);
        for wish in &before {
            for stage in [&seen, &changed] {
                for action in decide(&stage.view, wish, &archive).unwrap_or_default() {
                    // A link in the way that leads nowhere.
                    if perform(&stage.view, &action).is_err() { break }
                }
            }
        }
        let mut shadow = Shadow::new(Witness::new(seen.view.clone()));
        for wish in &planned {
            let Ok(actions) = decide(&shadow, wish, &archive) else { continue };
            for action in actions {
                shadow.record(&action).unwrap();
                // What leads nowhere fails, and a plan ends there.
                prop_assume!(perform(&changed.view, &action).is_ok());
            }
        }
        for path in compared() {
            // A path through a file or a circle of links is an error, or leads to nothing.
            let foreseen = shadow.entry(&jail(), &path).unwrap_or(Entry::Absent);
            if foreseen != Entry::Unknown {
                prop_assert_eq!(foreseen, changed.view.entry(&jail(), &path).unwrap_or(Entry::Absent), "{}", path);
                let bytes = shadow.bytes(&jail(), &path).unwrap_or_default();
                prop_assert_eq!(bytes, changed.view.bytes(&jail(), &path).unwrap_or_default(), "{}", path);
            }
        }
    }
}

#[test]
fn an_archive_comes_whole_with_its_owner_and_without_setuid_bits_and_is_replaced_whole() {
    let stage = Stage::new();
    let first = archive(&stage.place.path().join("1.tar"), &[("top/bin/app", "1"), ("top/old", "x")]);
    let owned = Archive { owner: Some("www-data".into()), ..first };
    assert_eq!(stage.grant(|seen| decide::unpack(seen, &jail(), &unpacked("/opt/app", &owned))).len(), 1);
    let app = path("/opt/app/bin/app");
    let Entry::File { mode, uid, .. } = stage.view.entry(&jail(), &app).unwrap() else { panic!("no file") };
    assert_eq!((mode, uid), (0o755, 33));
    let second = archive(&stage.place.path().join("2.tar"), &[("top/bin/app", "2")]);
    stage.grant(|seen| decide::unpack(seen, &jail(), &unpacked("/opt/app", &second)));
    assert_eq!(stage.view.bytes(&jail(), &app).unwrap().unwrap(), b"2");
    assert_eq!(stage.view.names(&jail(), &path("/opt/app")).unwrap(), [Archive::NOTE, "bin"]);
    assert!(!stage.data().parent().unwrap().join(".unpack").exists());
}

#[test]
fn a_hostile_damaged_or_changed_archive_changes_nothing() {
    let stage = Stage::new();
    let good = archive(&stage.place.path().join("good.tar"), &[("top/f", "good")]);
    stage.grant(|seen| decide::unpack(seen, &jail(), &unpacked("/opt/app", &good)));
    let hostile = [
        ("up.tar", vec![("top/f", "x"), ("top/../../../../etc/passwd", "root::0:0::/:\n")]),
        ("absolute.tar", vec![("/etc/passwd", "x")]),
        ("twice.tar", vec![("top/f", "x"), ("top/f", "y")]),
        ("note.tar", vec![("top/.jailsh-unpacked", "x")]),
    ];
    let mut wishes: Vec<Archive> = hostile.iter().map(|(name, files)| archive(&stage.place.path().join(name), files)).collect();
    let cut = archive(&stage.place.path().join("cut.tar"), &[("top/f", &"x".repeat(5000))]);
    let bytes = std::fs::read(&cut.file).unwrap();
    std::fs::write(&cut.file, &bytes[..2000]).unwrap();
    wishes.push(Archive { sha256: Digest::of(&bytes[..2000]), ..cut });
    wishes.push(Archive { sha256: Digest::of("another"), ..good });
    for archive in &wishes {
        let actions = decide::unpack(&stage.view, &jail(), &unpacked("/opt/app", archive)).unwrap();
        let error = perform(&stage.view, &actions[0]).expect_err("refused");
        assert!(matches!(error, PerformError::Jail(crate::jail::JailError::Archive { .. })), "{error}");
        assert_eq!(stage.view.bytes(&jail(), &path("/opt/app/f")).unwrap().unwrap(), b"good");
        assert!(!stage.data().parent().unwrap().join(".unpack").exists(), "{}", archive.file.display());
    }
    let passwd = String::from_utf8(stage.view.bytes(&jail(), &path("/etc/passwd")).unwrap().unwrap()).unwrap();
    assert!(passwd.starts_with("root:*:0:0:"));
}

#[test]
fn what_unpack_did_not_make_is_not_replaced() {
    let stage = Stage::new();
    std::fs::create_dir(stage.data().join("srv/site")).unwrap();
    let good = archive(&stage.place.path().join("good.tar"), &[("top/f", "good")]);
    stage.grant(|seen| decide::unpack(seen, &jail(), &unpacked("/srv/site", &good)));
    std::fs::remove_file(stage.data().join("srv/site").join(Archive::NOTE)).unwrap();
    let error = decide::unpack(&stage.view, &jail(), &unpacked("/srv/site", &good)).unwrap_err().to_string();
    assert_eq!(error, "jail web: /srv/site holds what unpack did not put there; remove it first, or name another path");
}

#[test]
fn a_file_of_the_host_that_changed_after_the_plan_is_refused_and_the_old_one_stays() {
    let stage = Stage::new();
    let source = stage.place.path().join("source");
    std::fs::write(&source, "new").unwrap();
    std::fs::write(stage.data().join("etc/conf"), "old").unwrap();
    let content = Content(vec![noted(&source).unwrap()]);
    let wanted =
        FileWanted { path: path("/etc/conf"), content, attributes: Attributes::default(), restart: false, parents: true };
    let actions = decide::file(&stage.view, &jail(), &wanted).unwrap();
    for text in ["changed", "ne", "newer"] {
        std::fs::write(&source, text).unwrap();
        let error = perform(&stage.view, &actions[0]).unwrap_err().to_string();
        assert!(error.contains("is not what it was when the plan was made; make the plan again"), "{error}");
        assert_eq!(std::fs::read_to_string(stage.data().join("etc/conf")).unwrap(), "old");
    }
    std::fs::write(&source, "new").unwrap();
    perform(&stage.view, &actions[0]).unwrap();
    assert_eq!(std::fs::read_to_string(stage.data().join("etc/conf")).unwrap(), "new");
    let names = stage.view.names(&jail(), &path("/etc")).unwrap();
    assert!(names.iter().all(|name| !name.starts_with(".jailsh-")), "{names:?}");
}

#[test]
fn a_secret_goes_into_the_file_and_into_no_plan() {
    let stage = Stage::new();
    let content = Content(vec![Part::Text("password=".into()), Part::Secret("db".into())]);
    let wanted =
        FileWanted { path: path("/etc/conf"), content, attributes: Attributes::default(), restart: false, parents: true };
    let actions = decide::file(&stage.view, &jail(), &wanted).unwrap();
    assert!(!serde_json::to_string(&actions).unwrap().contains("secret of"));
    stage.grant(|seen| decide::file(seen, &jail(), &wanted));
    assert_eq!(std::fs::read_to_string(stage.data().join("etc/conf")).unwrap(), "password=secret of db");
}

#[test]
fn a_file_of_holes_is_neither_read_for_hours_nor_taken_for_what_it_is_to_be() {
    let stage = Stage::new();
    let huge = std::fs::File::create(stage.data().join("etc/motd")).unwrap();
    huge.set_len(1 << 42).unwrap();
    let wanted = FileWanted {
        path: path("/etc/motd"),
        content: Content::text("hello\n"),
        attributes: Attributes::default(),
        restart: false,
        parents: true,
    };
    assert_eq!(stage.grant(|seen| decide::file(seen, &jail(), &wanted)), ["write /etc/motd"]);
    assert_eq!(std::fs::metadata(stage.data().join("etc/motd")).unwrap().len(), 6);
}

/// What a jail's root could do to a path over and over: real, a link out of the jail, a pipe, gone.
fn swap(data: &std::path::Path, outside: &std::path::Path, turn: usize) {
    use std::os::unix::fs::symlink;
    let (site, aside) = (data.join("srv/site"), data.join("srv/aside"));
    let up = std::path::Path::new("../../../../../../../../../../..").join(outside.strip_prefix("/").unwrap());
    // Whoever comes first wins; what fails now works in the next turn.
    let _ = match turn % 6 {
        0 => std::fs::rename(&site, &aside).and_then(|()| symlink(outside, &site)),
        1 => std::fs::remove_file(&site).and_then(|()| symlink(&up, &site)),
        2 => std::fs::remove_file(&site).and_then(|()| std::fs::rename(&aside, &site)),
        3 => std::fs::remove_file(site.join("f")).and_then(|()| symlink(up.join("f"), site.join("f"))),
        4 => {
            let _ = std::fs::remove_file(site.join("f"));
            nix::unistd::mkfifo(&site.join("f"), nix::sys::stat::Mode::S_IRWXU).map_err(Into::into)
        }
        _ => std::fs::remove_file(site.join("f")),
    };
}

#[test]
fn whatever_is_swapped_meanwhile_nothing_outside_is_read_or_touched() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let stage = Stage::new();
    let outside = stage.place.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f"), "the host's own").unwrap();
    std::fs::create_dir(stage.data().join("srv/site")).unwrap();
    let (data, out, over) = (stage.data(), outside.clone(), std::sync::Arc::new(AtomicBool::new(false)));
    let until = over.clone();
    let jail_at_work = std::thread::spawn(move || {
        let mut turn = 0;
        while !until.load(Ordering::Relaxed) {
            swap(&data, &out, turn);
            turn += 1;
        }
        turn
    });
    let archive = archive(&stage.place.path().join("a.tar"), &[("top/f", "from the archive")]);
    let wishes = [
        Wish::File("/srv/site/f", "ours", Some(0o600)),
        Wish::Line("/srv/site/f", "a line"),
        Wish::Directory("/srv/site/d", Some(0o700)),
        Wish::Link("/srv/site/l", "f"),
        Wish::Copy("/srv/site/tree", true),
        Wish::Copy("/srv/site", true),
        Wish::Unpack("/srv/site/app"),
        Wish::Absent("/srv/site/f"),
        Wish::File("/srv/site/f", "ours", Some(0o4755)),
        Wish::Absent("/srv/site"),
    ];
    let mut done = 0;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
    while std::time::Instant::now() < end {
        for wish in &wishes {
            let seen = stage.view.bytes(&jail(), &path("/srv/site/f"));
            assert_ne!(seen.ok().flatten().as_deref(), Some(&b"the host's own"[..]), "read through {wish:?}");
            let actions = decide(&stage.view, wish, &archive).unwrap_or_default();
            done += actions.iter().take_while(|action| perform(&stage.view, action).is_ok()).count();
        }
        let _ = std::fs::create_dir(stage.data().join("srv/site"));
    }
    over.store(true, Ordering::Relaxed);
    let turns = jail_at_work.join().unwrap();
    assert!(done > 20 && turns > 100, "nothing raced: {done} actions, {turns} turns");
    let left: Vec<_> = std::fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["f"]);
    assert_eq!(std::fs::read_to_string(outside.join("f")).unwrap(), "the host's own");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(outside.join("f")).unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o644);
}
