//! body: what the standard profiles promise is tried for real, in jails that are thrown away.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

/// The body and a data directory; `None` after saying why the test is skipped.
fn stage() -> Option<(String, tempfile::TempDir)> {
    let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
    if body.is_none() {
        eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
    }
    Some((body?, tempfile::tempdir().expect("a scratch directory")))
}

fn run(stage: &(String, tempfile::TempDir), tool: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
    command.arg0(tool).args(["--kernel", &stage.0, "--data-dir"]).arg(stage.1.path()).args(arguments);
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn jails(stage: &(String, tempfile::TempDir)) -> String {
    text(&run(stage, "jailmgr", &["list", "-o", "name"]).stdout)
}

#[test]
fn every_standard_profile_keeps_its_word_in_a_real_jail() {
    let Some(stage) = stage() else { return };
    let output = run(&stage, "jailsh", &["profile", "check", "--real"]);
    let said = text(&output.stdout);
    let failed: Vec<&str> = said.lines().filter(|line| !line.contains(" ok ")).collect();
    assert!(output.status.success(), "{}\n{}", failed.join("\n"), text(&output.stderr));
    assert!(said.lines().count() > 300, "{said}");
    assert_eq!(jails(&stage), "");
}

/// Every probe, in the strictest profile and in the laxest: what only one of them allows is told apart by the kernel itself.
#[test]
fn each_probe_of_the_catalogue_gives_the_policys_answer() {
    let Some(stage) = stage() else { return };
    let listed = text(&run(&stage, "jailsh", &["profile", "probes", "-o", "name"]).stdout);
    let names: Vec<&str> =
        listed.lines().filter(|name| !name.ends_with("PORT") && !name.contains("/udp") && !name.ends_with("PATH")).collect();
    assert!(names.len() > 30, "{listed}");
    for level in ["high", "low"] {
        let script = format!(
            "let names = {names:?}; let told = profile(#{{ base: {level:?}, must_deny: names }}).check().findings;
             let tried = profile(#{{ base: {level:?}, must_deny: names }}).check(#{{ real: true }}).findings;
             for at in 0..names.len() {{ print(`${{names[at]}}: ${{told[at].got}}, tried ${{tried[at].got}} ${{tried[at].detail ?? \"\"}}`) }}"
        );
        let output = run(&stage, "jailsh", &["-e", &script]);
        let said = text(&output.stdout);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let differs: Vec<&str> = said
            .lines()
            .filter(|line| line.contains(": denied, tried allowed") || line.contains(": allowed, tried denied"))
            .collect();
        assert!(differs.is_empty(), "{level}: {differs:#?}");
        assert_eq!(said.lines().count(), names.len(), "{said}");
    }
    assert_eq!(jails(&stage), "");
}

#[test]
fn a_trial_that_was_killed_is_swept_by_the_next() {
    let Some(stage) = stage() else { return };
    let name = format!("jailsh-proof-{}", i32::MAX);
    assert!(run(&stage, "jailmgr", &["create", &name]).status.success());
    let output = run(&stage, "jailsh", &["-e", "profile(#{ must_deny: [\"mount\"] }).check(#{ real: true }).ok"]);
    assert_eq!(text(&output.stdout), "true\n", "{}", text(&output.stderr));
    assert_eq!(jails(&stage), "");
}
