//! Actions as text and as JSON.

use serde_json::json;

use super::*;

#[test]
fn every_action_goes_through_json() {
    let jail: JailName = "web".parse().unwrap();
    let spec = Spec::parse(&jail, &json!({"command": ["a"], "depends_on": ["a0", "db"], "ports": [80]})).unwrap();
    let path: JailPath = "/etc/motd".parse().unwrap();
    let attributes = Attributes { mode: Some(0o640), owner: Some("www-data".into()), group: None };
    let command = Command { argv: vec!["a".into(), "b c".into()], timeout_ms: Some(5), ..Command::default() };
    let program = Program { name: "x.sh".into(), text: Content::text("true"), interpreter: vec!["/bin/sh".into()] };
    let archive =
        Archive { file: "/a.tar".into(), sha256: Digest::of("x"), strip: 1, owner: Some("www-data".into()), group: None };
    let user: UserWish = serde_json::from_value(json!({"name": "web", "group": {"name": "adm"}, "groups": ["adm"]})).unwrap();
    let group: GroupWish = serde_json::from_value(json!({"name": "web", "gid": 7})).unwrap();
    let steps = [
        Step::Create { spec: Written(Box::new(spec)) },
        Step::Start,
        Step::Restart { why: "its spec changed".into() },
        Step::Write { path: path.clone(), content: Content::text("x"), attributes: attributes.clone(), restart: true },
        Step::Line { path: path.clone(), line: Line { text: "x".into(), replaces: None, absent: true }, restart: false },
        Step::Directory { path: path.clone(), attributes },
        Step::Link { path: path.clone(), target: "/x".into(), restart: false },
        Step::Remove { path: path.clone(), restart: false },
        Step::Unpack { path, archive, restart: false },
        Step::Packages { packages: vec!["nginx".parse().unwrap()], version: Some("1".into()), update: true },
        Step::User { user },
        Step::Group { group },
        Step::Run { command: Command { program: Some(program), ..command.clone() } },
        Step::Run { command },
        Step::Apply { text: "true".into(), ephemeral: true, capture: true, check: true },
    ];
    for step in steps {
        let word = step.words().tag;
        let action = Action { jail: jail.clone(), step, new: true, detail: vec!["+x".into()], place: None };
        let json = serde_json::to_value(&action).unwrap();
        assert_eq!(json["action"], word);
        assert_eq!(serde_json::from_value::<Action>(json).unwrap(), action);
    }
}

#[test]
fn a_long_command_is_cut_and_odd_words_are_quoted() {
    assert_eq!(shown(&["sh".into(), "-c".into(), "a b".into(), String::new()]), "sh -c \"a b\" \"\"");
    assert_eq!(shown(&["x".repeat(200)]).len(), 103);
}
