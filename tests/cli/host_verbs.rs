//! The verbs of scripts that copy, move and wait for jails, as far as a simulated kernel goes.

use crate::harness::Place;

const MAKE: &str = "let web = jail(\"web\", #{ command: [\"/bin/true\"], ports: [80] }); web.create();\n";

#[test]
fn a_script_takes_snapshots_and_goes_back_to_them() {
    let place = Place::new();
    let script = format!(
        r#"{MAKE}
        let taken = web.snapshot("before");
        print([taken.name, taken.files > 0, taken.left_out]);
        jail("web", #{{ command: ["/bin/false"] }}).create();
        print(web.rollback("before").name);
        print(jail("web", #{{ command: ["/bin/true"], ports: [80] }}).create());
        snapshot("web", #{{ live: false }});
        print(web.snapshots().len());
        print(web.snapshots()[0].name);
        web.delete_snapshot("before");
        print(snapshots("web").len());
        "#
    );
    let outcome = place.run("jailsh", &["-e", &script]).go();
    assert_eq!(outcome.stderr, "", "{outcome}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[..4], ["[\"before\", true, 0]", "before", "unchanged", "2"]);
    assert_eq!(lines[5..], ["1"], "{outcome}");
}

#[test]
fn a_script_clones_renames_exports_and_imports() {
    let place = Place::new();
    let archive = place.work().join("web.tar.zst");
    let script = format!(
        r#"{MAKE}
        let staging = web.clone("staging", #{{ ports: [8081] }});
        print(staging.name);
        print(rename("staging", "stage").name);
        let written = web.export_to("{0}");
        let read = import_from("{0}", #{{ name: "copy" }});
        print([written.files == read.files, read.name, read.sha256.len()]);
        print(import_from("{0}", #{{ name: "again", sha256: read.sha256 }}).name);
        let names = []; for row in list() {{ names.push(row.name) }} print(names);
        print(gc()[0].what);
        print(bases().len());
        "#,
        archive.display()
    );
    let outcome = place.run("jailsh", &["-e", &script]).go();
    let expected =
        "staging\nstage\n[true, \"copy\", 64]\nagain\n[\"again\", \"copy\", \"stage\", \"web\"]\n1 of jails that are gone\n0\n";
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), (expected, ""));
}

#[test]
fn waiting_ends_with_the_state_or_when_the_time_is_over() {
    let place = Place::new();
    let script = format!(
        r#"{MAKE}
        print(web.wait("down"));
        print(wait("web", "stopped", #{{ timeout: 5 }}));
        try {{ web.wait("running", #{{ timeout: "50ms" }}) }} catch (e) {{ print(`${{e.kind}}: ${{e.message}}`) }}
        "#
    );
    let outcome = place.run("jailsh", &["-e", &script]).go();
    assert_eq!(outcome.stdout, "down\ndown\ntimed_out: jail web is still down, not running\n", "{outcome}");
}

#[test]
fn what_cannot_be_is_told_at_the_call() {
    let place = Place::new();
    let texts = [
        "snapshot(\"wbe\")",
        "web.snapshot(\"../x\")",
        "web.snapshot(#{ liv: true })",
        "web.rollback(\"before\")",
        "web.clone(\"web\")",
        "web.clone(\"b\", #{ ports: [0] })",
        "web.clone(\"b\", #{ ports: 80 })",
        "web.export_to(\"web.zip\")",
        "import_from(\"nothing.tar\")",
        "import_from(\"-\")",
        "import_from(\"x.tar\", #{ sha256: \"12\" })",
        "web.kill()",
        "web.kill(\"TREM\")",
        "web.freeze()",
        "web.update(#{ profil: \"low\" })",
        "web.wait(\"runing\")",
        "web.logs()",
        "web.logs(-1)",
        "let logs = 1;",
    ];
    let run = |text: &&str| place.run("jailsh", &["-e", &format!("{MAKE}{text}")]).go();
    let shown = |text| {
        let outcome = run(text);
        let stderr = outcome.stderr.lines().filter(|line| !line.starts_with("    ")).collect::<Vec<_>>().join("\n");
        format!("> {text}\n{}{stderr}\n[status {}]\n", outcome.stdout, outcome.status.unwrap_or(-1))
    };
    insta::assert_snapshot!(texts.iter().map(shown).collect::<String>());
}
