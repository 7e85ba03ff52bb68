//! jailsh doc and jailsh definitions: the reference of the script API as a user asks for it.

use crate::harness::Place;

#[test]
fn the_reference_tells_of_a_name_and_of_all_names() {
    let place = Place::new();
    let told = |arguments: &[&str]| place.run("jailsh", arguments).bare().go().to_string();
    insta::assert_snapshot!(
        [
            told(&["doc", "create"]),
            told(&["doc", "spec.profile"]),
            told(&["doc", "Output.status"]),
            told(&["doc", "args"]),
            told(&["doc", "exce"]),
            told(&["doc", "--json", "args"]),
        ]
        .join("\n")
    );
    let all = told(&["doc"]);
    for name in ["exec", "Output", "spec", "args", "trim"] {
        assert!(all.split_whitespace().any(|word| word == name), "{name} is not in the overview:\n{all}");
    }
    assert!(!all.contains('\x1b'), "colours are for terminals");
}

#[test]
fn the_reference_is_json_for_programs() {
    let place = Place::new();
    let outcome = place.run("jailsh", &["doc", "--json"]).bare().go();
    let all: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let exec = all["functions"].as_array().and_then(|all| all.iter().find(|item| item["name"] == "exec")).expect("exec");
    assert_eq!(
        exec["signatures"][1]["parameters"][1],
        serde_json::json!({ "name": "options", "type": "map", "shape": "exec.options" })
    );
}

#[test]
fn definitions_and_the_page_are_written_where_they_are_asked_for() {
    let place = Place::new();
    let written = place.run("jailsh", &["definitions", "defs"]).bare().go();
    assert_eq!((written.status, written.stderr.as_str()), (Some(0), ""));
    for path in written.stdout.lines() {
        let text = std::fs::read_to_string(place.work().join(path)).expect(path);
        assert!(text.len() > 100, "{path} is all but empty");
    }
    let json = std::fs::read(place.work().join("defs/reference.json")).expect("reference.json");
    assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
    let page = place.run("jailsh", &["doc", "--html", "defs"]).bare().go();
    assert_eq!(page.stdout, "defs/reference.html\n");
    let page = std::fs::read_to_string(place.work().join("defs/reference.html")).expect("the page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("id=\"exec\"") && page.ends_with("</html>\n"));
    insta::assert_snapshot!(
        [
            place.run("jailsh", &["doc", "--html", "no/such/place.html"]).bare().go().to_string(),
            place.run("jailsh", &["definitions", "defs/reference.json"]).bare().go().to_string(),
            place.run("jailsh", &["definitions"]).bare().go().to_string(),
        ]
        .join("")
    );
}
