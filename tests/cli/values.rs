//! What scripts are given besides their arguments: variables, the host's facts, secrets; and that plans remember it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::Place;

const PASSWORD: &str = "correct horse battery staple";

/// A place with one secret, and the directory that it is in.
fn with_secret() -> (Place, String) {
    let place = Place::new().file("secrets/db", format!("{PASSWORD}\n"));
    fs::set_permissions(place.work().join("secrets/db"), fs::Permissions::from_mode(0o600)).unwrap();
    let directory = place.work().join("secrets").display().to_string();
    (place, directory)
}

#[test]
fn variables_are_texts_and_missing_ones_are_errors_unless_there_is_a_default() {
    let place = Place::new();
    let run = |script: &str| place.run("jailsh", &["-e", script]).with("DOMAIN", "example.org").go();
    assert_eq!(run("env(\"DOMAIN\")").stdout, "example.org\n");
    assert_eq!(run("env(\"DOMAIN\", \"x\") + env(\"NOT_SET\", \"y\") + env(\"NOT_SET\", 1)").stdout, "example.orgy1\n");
    let scripts = ["env(\"NOT_SET\")", "env(\"\")", "env(\"A=B\")", "env(1)", "fn env(name) { 1 }"];
    insta::assert_snapshot!(scripts.map(|script| run(script).to_string()).concat());
}

#[test]
fn the_hosts_facts_are_named_and_others_are_not_there() {
    let place = Place::new();
    let run = |script: &str| place.run("jailsh", &["-e", script]).go();
    let known =
        run("let f = facts(); [f.body, f.version, f.cpus >= 1, f.memory > 1000000, f.kernel.len > 3, type_of(f.hostname)]");
    assert_eq!(known.stdout, format!("[\"sim\", {:?}, true, true, true, \"string\"]\n", env!("CARGO_PKG_VERSION")));
    let names = "hostname kernel architecture cpus memory version body data_dir";
    assert_eq!(
        run("for line in facts().to_string().split(\"\\n\") { print(line.split()[0]) }").stdout.replace('\n', " ").trim(),
        names
    );
    let json: Value = serde_json::from_str(&run("facts().to_json()").stdout).unwrap();
    assert_eq!(json["body"], "sim");
    assert_eq!(run("facts().data_dir").stdout, "[place]/data\n");
    insta::assert_snapshot!(run("facts().cpu"));
}

#[test]
fn a_secret_goes_where_it_is_used_and_nowhere_else() {
    let (place, directory) = with_secret();
    let script = "let it = secret(\"db\");\nlet web = jail(\"web\", #{ });\nweb.create();\nweb.file(\"/etc/app.conf\", [\"password = \", it, \"\\n\"], #{ mode: \"0600\" });\nprint(it);\nprint([it]);\ndebug(it);\n";
    let place = place.file("app.rhai", script);
    let run = |arguments: &[&str]| place.run("jailsh", arguments).with("CREDENTIALS_DIRECTORY", &directory).go();
    let plan = run(&["plan", "--json", "app.rhai"]);
    assert_eq!(plan.status, Some(2), "{plan}");
    let document: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(document["provenance"]["secrets"], serde_json::json!(["db"]));
    let listing = run(&["plan", "app.rhai"]);
    let outcome = run(&["app.rhai"]);
    assert_eq!(outcome.stdout, "secret(\"db\")\n[secret(\"db\")]\n", "{outcome}");
    let file = place.data().join("jails/web/data/etc/app.conf");
    assert_eq!(fs::read_to_string(file).unwrap(), format!("password = {PASSWORD}\n"));
    for said in [plan, listing, outcome] {
        assert!(!said.to_string().contains("horse"), "{said}");
    }
    let again = run(&["plan", "app.rhai"]);
    assert_eq!(again.status, Some(0), "{again}");
}

#[test]
fn a_secret_becomes_no_text() {
    let (place, directory) = with_secret();
    let scripts = [
        "secret(\"db\").to_json()",
        "`${secret(\"db\")}`",
        "let it = secret(\"db\"); let text = `a ${it} b`; print(`went on with ${text}`)",
        "try { `${secret(\"db\")}` } catch { } print(\"went on\")",
        "secret(\"db\").to_string()",
        "\"password=\" + secret(\"db\")",
        "let x = \"\"; x += secret(\"db\"); x",
        "secret(\"db\") + \"x\"",
        "secret(\"db\").content",
        "jail(\"web\", #{ env: #{ PASSWORD: secret(\"db\") } })",
        "http_get(secret(\"db\"))",
        "secret(\"none\")",
        "secret(\"../secrets/db\")",
    ];
    let said =
        scripts.map(|script| place.run("jailsh", &["-e", script]).with("CREDENTIALS_DIRECTORY", &directory).go().to_string());
    assert!(!said.concat().contains("horse"), "{said:?}");
    insta::assert_snapshot!(said.concat());
    fs::set_permissions(place.work().join("secrets/db"), fs::Permissions::from_mode(0o644)).unwrap();
    let open = place.run("jailsh", &["-e", "secret(\"db\")"]).with("CREDENTIALS_DIRECTORY", &directory).go();
    assert_eq!(open.status, Some(77), "{open}");
    assert!(open.stderr.contains("can be read by others"), "{open}");
}

#[test]
fn what_a_file_held_of_a_secret_is_named_in_the_difference() {
    let (place, directory) = with_secret();
    let script = |content: &str| {
        format!(
            "let web = jail(\"web\", #{{ }});\nlet it = secret(\"db\");\nweb.create();\nweb.file(\"/etc/app.conf\", {content});\n"
        )
    };
    let place = place.file("old.rhai", script("[\"password = \", it]")).file("new.rhai", script("\"none\""));
    let run = |arguments: &[&str]| place.run("jailsh", arguments).with("CREDENTIALS_DIRECTORY", &directory).go();
    assert_eq!(run(&["run", "old.rhai"]).status, Some(0));
    for arguments in [&["plan", "new.rhai"][..], &["plan", "--json", "new.rhai"], &["run", "--diff", "new.rhai"]] {
        let said = run(arguments).to_string();
        assert!(said.contains("-password = [secret db]") && !said.contains("horse"), "{said}");
    }
}

#[test]
fn a_plan_names_all_that_its_script_read_and_is_refused_when_a_fact_has_changed() {
    let place = Place::new()
        .file("lib/site.rhai", "fn domain() { env(\"DOMAIN\", \"example.org\") }\n")
        .file("app.rhai", "import \"lib/site\" as site;\nlet web = jail(\"web\", #{ });\nweb.create();\nweb.file(\"/etc/name\", `${site::domain()} ${facts().cpus} ${env(\"WHO\", \"me\")}`);\n");
    let plan = place.run("jailsh", &["plan", "--json", "app.rhai"]).with("WHO", "you").go();
    let document: Value = serde_json::from_str(&plan.stdout).unwrap_or_else(|_| panic!("{plan}"));
    let read = &document["provenance"];
    let keys = |of: &str| read[of].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys("facts"), ["cpus"]);
    assert_eq!(keys("environment"), ["DOMAIN", "WHO"]);
    assert_eq!((&read["environment"]["DOMAIN"], read["environment"]["WHO"].as_str().map(str::len)), (&Value::Null, Some(64)));
    assert_eq!(keys("modules"), ["[place]/work/lib/site.rhai"]);
    let cpus = read["facts"]["cpus"].as_str().unwrap();
    let place = place.file("plan.json", plan.stdout.replace(cpus, &"0".repeat(64)));
    let refused = place.run("jailsh", &["run", "--plan", "plan.json"]).go();
    assert_eq!(refused.status, Some(2), "{refused}");
    assert!(refused.stderr.contains("fact \"cpus\""), "{refused}");
    assert_eq!(place.leftovers(), [""; 0]);
}
