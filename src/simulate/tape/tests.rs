//! What was recorded answers the same, and holds no secret.

use super::*;
use crate::jail::Spec;
use crate::plan::decide::{self, FileWanted};
use crate::plan::{Action, Attributes, Content, Observe, Part};
use crate::simulate::World;

fn wanted(path: &str, parts: Vec<Part>) -> FileWanted {
    FileWanted {
        path: path.parse().unwrap(),
        content: Content(parts),
        attributes: Attributes::default(),
        restart: false,
        parents: true,
    }
}

/// Two wishes, decided over something.
fn decided(seen: &dyn Observe, jail: &JailName, spec: &Spec) -> Vec<Action> {
    let mut actions = decide::create(seen, jail, spec).unwrap();
    let secret = vec![Part::Text("password = ".into()), Part::Secret("db".into())];
    actions.extend(decide::file(seen, jail, &wanted("/etc/db", secret)).unwrap());
    actions.extend(decide::file(seen, jail, &wanted("/etc/motd", vec![Part::Text("hello\n".into())])).unwrap());
    actions
}

#[test]
fn a_recording_answers_as_the_host_did_and_names_secrets_only() {
    let world = World::new();
    world.script().secrets.insert("db".into(), "hunter2".into());
    let jail: JailName = "web".parse().unwrap();
    let spec = Spec::parse(&jail, &json!({ "ports": [80] })).unwrap();
    let given = crate::simulate::Given {
        spec: Spec::parse(&jail, &json!({})).unwrap(),
        files: vec![("/etc/db".parse().unwrap(), b"password = hunter2".to_vec())],
        running: false,
    };
    world.given(&jail, given).unwrap();
    let tape = Tape::new("site.rhai", &["hunter2".into()]);
    let actions = decided(&Recorder { below: &world, tape: &tape }, &jail, &spec);
    for action in &actions {
        world.perform(action).unwrap();
        tape.deed(action, None, None, None);
    }
    let text = tape.text(&[("db".into(), b"hunter2".to_vec())]);
    assert!(!text.contains("hunter2") && text.contains("[secret db]"), "{text}");
    let replay = Replay::parse(&text).unwrap();
    let again = decided(&replay, &jail, &spec);
    assert_eq!(
        again.iter().map(|action| &action.step).collect::<Vec<_>>(),
        actions.iter().map(|action| &action.step).collect::<Vec<_>>()
    );
    assert!(!again.iter().any(|action| action.step.to_string() == "write /etc/db"), "the secret was there already");
    again.iter().for_each(|action| drop(replay.perform(action).unwrap()));
    assert_eq!(replay.difference(), [""; 0]);
    let replay = Replay::parse(&text).unwrap();
    replay.perform(&again[0]).map(drop).unwrap();
    assert!(replay.difference().iter().any(|line| line == "-web: write /etc/motd"), "{:?}", replay.difference());
}

#[test]
fn a_recording_holds_no_hash_of_a_password_and_is_replayed_all_the_same() {
    const HASH: &str = "$6$saltsalt$u7ZcNv3oCz2XKQb5wM1yEo0dRj9LhTfGpSaVxIkBnUqWmYtA4eHr8DgJsP6lF2";
    let world = World::new();
    let jail: JailName = "web".parse().unwrap();
    let file = |path: &str, text: String| (path.parse().unwrap(), text.into_bytes());
    let given = crate::simulate::Given {
        spec: Spec::parse(&jail, &json!({})).unwrap(),
        files: vec![
            file("/etc/shadow", format!("root:{HASH}:1::::::\nold:ab0Cd1Ef2Gh3I:1::::::\n")),
            file("/etc/motd", format!("root has {HASH}\n")),
        ],
        running: false,
    };
    world.given(&jail, given).unwrap();
    let user: crate::plan::UserWish = serde_json::from_value(json!({ "name": "app" })).unwrap();
    let line = crate::plan::Line { text: format!("root:{HASH}:2::::::"), replaces: Some("root:".into()), absent: false };
    let wishes = |seen: &dyn Observe| {
        let mut actions = decide::user(seen, &jail, &user).unwrap();
        actions.extend(decide::line(seen, &jail, &"/etc/motd".parse().unwrap(), &line, false).unwrap());
        actions
    };
    let tape = Tape::new("site.rhai", &[]);
    let actions = wishes(&Recorder { below: &world, tape: &tape });
    assert_eq!(actions.len(), 2);
    actions.iter().for_each(|action| tape.deed(action, None, Some(&format!("it says {HASH}")), None));
    let text = tape.text(&[]);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &HASH[12..30]);
    for part in [&HASH[12..], "ab0Cd1", &encoded[..8]] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    let replay = Replay::parse(&text).unwrap();
    wishes(&replay).iter().for_each(|action| drop(replay.perform(action).unwrap()));
    assert_eq!(replay.difference(), [""; 0]);
}

#[test]
fn what_is_no_recording_is_told_so() {
    for (text, why) in [
        ("", "no recording"),
        ("{}", "its first line does not say so"),
        ("{\"format\":\"jailsh-recording\",\"version\":9}", "version 9"),
        ("{\"format\":\"jailsh-recording\",\"version\":1}\n{\"saw\":\"jails\"}", "no answer"),
    ] {
        let error = Replay::parse(text).err().unwrap().to_string();
        assert!(error.contains(why), "{error}");
    }
}
