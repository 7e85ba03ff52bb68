//! Wishes over jails that are not there yet: what is decided, and that the same wish finds nothing to do afterwards.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jail::{Base, Spec};
use crate::plan::observed::Kind;
use crate::plan::{Attributes, Command, Content, Digest, Entry, JailSeen, Line, Packages, Part, Seed, Shadow};

/// A host with nothing on it.
struct Bare;

impl Observe for Bare {
    fn jail(&self, _: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        Ok(None)
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        Ok(Vec::new())
    }

    fn entry(&self, _: &JailName, _: &JailPath) -> Result<Entry, ObserveError> {
        Ok(Entry::Absent)
    }

    fn bytes(&self, _: &JailName, _: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        Ok(None)
    }

    fn target(&self, _: &JailName, _: &JailPath) -> Result<Option<String>, ObserveError> {
        Ok(None)
    }

    fn names(&self, _: &JailName, _: &JailPath) -> Result<Vec<String>, ObserveError> {
        Ok(Vec::new())
    }

    /// Base `debian` alone keeps a record, `bare` one without apt.
    fn packages(&self, _: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        let installed = |names: &[&str]| {
            let paragraph = |name: &&str| format!("Package: {name}\nStatus: install ok installed\nVersion: 2\n");
            Packages::parse(&names.iter().map(paragraph).collect::<Vec<_>>().join("\n"))
        };
        Ok(match base.to_string().as_str() {
            "debian" => Some(installed(&["apt", "nginx"])),
            "bare" => Some(installed(&["dpkg"])),
            _ => None,
        })
    }

    fn seed(&self, _: &Base, path: &JailPath) -> Result<Seed, ObserveError> {
        let bytes = b"root:x:0:0::/root:/bin/sh\nnews:x:9:9::/:/bin/false\n".to_vec();
        Ok(match path.as_str() {
            "/etc/passwd" => {
                let entry = Entry::File { sha256: Digest::of(&bytes), size: bytes.len() as u64, mode: 0o644, uid: 0, gid: 0 };
                Seed { bytes: Some(bytes), ..Seed::of(entry) }
            }
            "/etc/skel" => Seed { names: vec![".profile".into()], ..Seed::of(Entry::Directory { mode: 0o755, uid: 0, gid: 0 }) },
            "/etc/os-release" => Seed::of(Entry::Link { target: "../usr/lib/os-release".into() }),
            _ => Seed::of(Entry::Absent),
        })
    }

    fn id(&self, _: &JailName, _: Kind, _: &str) -> Result<Option<u32>, ObserveError> {
        Ok(None)
    }

    fn probe(&self, _: &JailName, _: &Command) -> Result<Option<i32>, ObserveError> {
        Ok(None)
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        Ok(wanted == pinned)
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        Err(ObserveError::Secret(format!("{part:?} is not on this host")))
    }
}

fn name() -> JailName {
    "web".parse().unwrap()
}

fn spec(tree: serde_json::Value) -> Spec {
    Spec::parse(&name(), &tree).unwrap()
}

fn path(text: &str) -> JailPath {
    text.parse().unwrap()
}

/// Decides, records, and says what was decided.
fn settle(shadow: &mut Shadow<Bare>, wish: impl Fn(&dyn Observe) -> Result<Vec<Action>, DecideError>) -> Vec<String> {
    let actions = wish(&*shadow).unwrap();
    for action in &actions {
        shadow.record(action).unwrap();
    }
    assert_eq!(wish(&*shadow).unwrap(), Vec::new(), "the same wish again");
    actions.iter().map(|action| format!("{}: {}", action.step, action.detail.join("; "))).collect()
}

fn with_jail() -> Shadow<Bare> {
    let mut shadow = Shadow::new(Bare);
    let made = settle(&mut shadow, |seen| create(seen, &name(), &spec(json!({"command": ["httpd"], "ports": [80]}))));
    assert_eq!(made, [r#"create: command: ["httpd"]; profile: "high"; ports: [80]"#]);
    shadow
}

fn wanted(at: &str, text: &str) -> FileWanted {
    FileWanted { path: path(at), content: Content::text(text), attributes: Attributes::default(), restart: true, parents: true }
}

#[test]
fn a_change_of_a_running_jail_is_taken_up_by_one_restart() {
    let mut shadow = with_jail();
    assert_eq!(settle(&mut shadow, |seen| start(seen, &name())), ["start: "]);
    let changed = spec(json!({"command": ["httpd"], "ports": [8080]}));
    assert_eq!(settle(&mut shadow, |seen| create(seen, &name(), &changed)), ["change its spec: ports: [80] -> [8080]"]);
    assert_eq!(
        settle(&mut shadow, |seen| file(seen, &name(), &wanted("/etc/web/conf", "a\n"))),
        ["make /etc/web/: ", "write /etc/web/conf: new, mode 0644, owner root:root; +a"]
    );
    assert_eq!(settle(&mut shadow, |seen| start(seen, &name())), ["restart: its spec changed and 1 more: "]);
    assert_eq!(settle(&mut shadow, |seen| stop(seen, &name())), ["stop: "]);
    assert_eq!(settle(&mut shadow, |seen| file(seen, &name(), &wanted("/etc/web/conf", "b\n"))).len(), 1);
    assert_eq!(settle(&mut shadow, |seen| start(seen, &name())), ["start: "]);
}

#[test]
fn a_file_that_differs_in_its_mode_alone_is_not_written() {
    let mut shadow = with_jail();
    settle(&mut shadow, |seen| file(seen, &name(), &wanted("/etc/motd", "x")));
    let mut stricter = wanted("/etc/motd", "x");
    stricter.attributes = Attributes { mode: Some(0o600), owner: Some("www".into()), group: None };
    assert_eq!(
        settle(&mut shadow, |seen| file(seen, &name(), &stricter)),
        ["set mode and owner of /etc/motd: mode: 0644 -> 0600; owner: 0 -> www"]
    );
    assert_eq!(settle(&mut shadow, |seen| absent(seen, &name(), &path("/etc/motd"), false)), ["remove /etc/motd: it is a file"]);
}

#[test]
fn a_line_is_added_replaced_and_taken_away() {
    let mut shadow = with_jail();
    let put = |line: Line| move |seen: &dyn Observe| super::line(seen, &name(), &path("/etc/conf"), &line, false);
    let port = Line { text: "port 80".into(), replaces: Some("port ".into()), absent: false };
    settle(&mut shadow, |seen| file(seen, &name(), &wanted("/etc/conf", "# x\nport 1\nport 2\nend\n")));
    let changed = settle(&mut shadow, put(port.clone()));
    assert_eq!(changed, ["put a line into /etc/conf: @@ -1,4 +1,3 @@;  # x; -port 1; -port 2; +port 80;  end"]);
    assert_eq!(settle(&mut shadow, put(Line { absent: true, ..port.clone() })).len(), 1);
    assert_eq!(settle(&mut shadow, put(Line { replaces: None, ..port })).len(), 1);
}

#[test]
fn what_cannot_be_done_says_what_would() {
    let mut shadow = with_jail();
    settle(&mut shadow, |seen| directory(seen, &name(), &path("/srv/a"), &Attributes::default()));
    let absent_jail: JailName = "wbe".parse().unwrap();
    let tried = [
        start(&shadow, &absent_jail).unwrap_err(),
        file(&shadow, &name(), &wanted("/usr/bin/x", "x")).unwrap_err(),
        file(&shadow, &name(), &wanted("/srv/a", "x")).unwrap_err(),
        link(&shadow, &name(), &path("/srv/a"), "/b", false).unwrap_err(),
        absent(&shadow, &name(), &path("/etc"), false).unwrap_err(),
        run(&shadow, &name(), &Command { argv: vec!["a".into()], ..Command::default() }, &Guard::default()).unwrap_err(),
        file(&shadow, &name(), &FileWanted { parents: false, ..wanted("/srv/b/c", "x") }).unwrap_err(),
    ];
    insta::assert_snapshot!(tried.map(|error| error.to_string()).join("\n"));
}

#[test]
fn a_guard_lets_a_command_run_once() {
    let mut shadow = with_jail();
    let command = Command { argv: vec!["initdb".into()], ephemeral: true, ..Command::default() };
    let guard = Guard { creates: Some(path("/var/lib/db")), ..Guard::default() };
    let wish = |seen: &dyn Observe| run(seen, &name(), &command, &guard);
    assert_eq!(wish(&shadow).unwrap().len(), 1);
    settle(&mut shadow, |seen| directory(seen, &name(), &path("/var/lib/db"), &Attributes::default()));
    assert_eq!(wish(&shadow).unwrap(), Vec::new());
}

fn of_base(base: &str) -> Shadow<Bare> {
    let mut shadow = Shadow::new(Bare);
    let spec = Spec::parse(&name(), &json!({ "base": base })).unwrap();
    settle(&mut shadow, |seen| create(seen, &name(), &spec));
    shadow
}

fn packages_of(names: &[&str], version: Option<&str>) -> PackagesWanted {
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    PackagesWanted { names, version: version.map(Into::into), update: false }
}

#[test]
fn what_a_base_lacks_is_installed_once_and_what_comes_with_it_is_unknown() {
    let mut shadow = of_base("debian");
    let wish = |seen: &dyn Observe, names: &[&str], version| packages(seen, &name(), &packages_of(names, version)).unwrap();
    assert_eq!(wish(&shadow, &["nginx"], None), Vec::new());
    assert_eq!(wish(&shadow, &["nginx"], Some("2")), Vec::new());
    assert_eq!(wish(&shadow, &["nginx"], Some("3"))[0].detail, ["~nginx: 2 -> 3"]);
    let actions = wish(&shadow, &["nginx", "redis", "git"], None);
    assert_eq!((actions.len(), actions[0].step.to_string()), (1, "install redis git".into()));
    assert_eq!(actions[0].detail, ["+redis", "+git"]);
    assert_eq!(shadow.entry(&name(), &path("/etc/redis")).unwrap(), Entry::Absent);
    actions.iter().for_each(|action| shadow.record(action).unwrap());
    assert_eq!(wish(&shadow, &["git", "redis"], None), Vec::new());
    assert_eq!(shadow.entry(&name(), &path("/etc/redis")).unwrap(), Entry::Unknown);
    assert!(matches!(shadow.entry(&name(), &path("/etc/passwd")).unwrap(), Entry::File { .. }));
}

#[test]
fn where_nothing_can_be_installed_the_way_to_get_it_is_told() {
    let refusals = ["host", "bare", "box"].map(|base| {
        let shadow = of_base(base);
        packages(&shadow, &name(), &packages_of(&["redis"], None)).unwrap_err().to_string()
    });
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_jail_to_be_made_of_an_imported_base_has_the_files_of_that() {
    let mut shadow = of_base("debian");
    let text = String::from_utf8(shadow.bytes(&name(), &path("/etc/passwd")).unwrap().unwrap()).unwrap();
    assert!(text.contains("news:x:9:9"), "{text}");
    assert_eq!(shadow.id(&name(), Kind::User, "news").unwrap(), Some(9));
    assert_eq!(shadow.names(&name(), &path("/etc/skel")).unwrap(), [".profile"]);
    assert!(matches!(shadow.entry(&name(), &path("/etc/os-release")).unwrap(), Entry::Link { .. }));
    assert!(matches!(shadow.entry(&name(), &path("/etc")).unwrap(), Entry::Directory { .. }));
    // The host's, whatever it holds then.
    assert_eq!(shadow.entry(&name(), &path("/etc/resolv.conf")).unwrap(), Entry::Unknown);
    let same = FileWanted { ..wanted("/etc/passwd", &text) };
    settle(&mut shadow, |seen| file(seen, &name(), &same));
    assert_eq!(file(&shadow, &name(), &same).unwrap(), Vec::new());
}

/// A wish about one of a few paths.
#[derive(Debug, Clone)]
enum Wish {
    File(&'static str, &'static str, Option<u32>),
    Directory(&'static str),
    Link(&'static str, &'static str),
    Line(&'static str, &'static str),
    Absent(&'static str),
}

fn wishes() -> impl Strategy<Value = Wish> {
    let paths = prop::sample::select(vec!["/etc/a", "/etc/a/b", "/etc/c", "/srv/x/y/z", "/srv/x"]);
    let texts = prop::sample::select(vec!["", "one\n", "one\ntwo\n", "no end"]);
    let modes = prop::option::of(prop::sample::select(vec![0o600, 0o755]));
    prop_oneof![
        (paths.clone(), texts.clone(), modes).prop_map(|(path, text, mode)| Wish::File(path, text, mode)),
        paths.clone().prop_map(Wish::Directory),
        (paths.clone(), prop::sample::select(vec!["/etc/c", "b"])).prop_map(|(path, target)| Wish::Link(path, target)),
        (paths.clone(), prop::sample::select(vec!["one", "three"])).prop_map(|(path, line)| Wish::Line(path, line)),
        paths.prop_map(Wish::Absent),
    ]
}

fn decide(seen: &dyn Observe, wish: &Wish) -> Result<Vec<Action>, DecideError> {
    let jail = name();
    match wish {
        Wish::File(at, text, mode) => {
            let attributes = Attributes { mode: *mode, ..Attributes::default() };
            file(seen, &jail, &FileWanted { attributes, ..wanted(at, text) })
        }
        Wish::Directory(at) => directory(seen, &jail, &path(at), &Attributes::default()),
        Wish::Link(at, target) => link(seen, &jail, &path(at), target, false),
        Wish::Line(at, text) => {
            let line = Line { text: (*text).to_owned(), replaces: None, absent: false };
            super::line(seen, &jail, &path(at), &line, false)
        }
        Wish::Absent(at) => absent(seen, &jail, &path(at), false),
    }
}

proptest! {
    /// Whatever was wished before: what is decided now brings it about, so that deciding again finds nothing.
    #[test]
    fn every_wish_is_granted_once(history in prop::collection::vec(wishes(), 1..12)) {
        let mut shadow = with_jail();
        for wish in history {
            // One that does not fit what is there is refused, and changes nothing.
            let Ok(actions) = decide(&shadow, &wish) else { continue };
            for action in &actions {
                shadow.record(action).unwrap();
            }
            prop_assert_eq!(decide(&shadow, &wish).unwrap(), Vec::new(), "{:?}", wish);
        }
    }
}
