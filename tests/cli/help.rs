//! The help of each tool and verb.

use crate::harness::Place;

fn help_of(tool: &str, verbs: &[&str]) -> String {
    let place = Place::new();
    let mut text = place.run(tool, &["--help"]).bare().go().to_string();
    assert_eq!(place.verbs(tool), verbs, "a verb of {tool} without a snapshot of its help");
    for verb in verbs {
        let help = place.run(tool, &[verb, "--help"]).bare().go();
        assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""), "{tool} {verb} --help");
        assert!(
            help.stdout.contains("Example") && help.stdout.contains("Exit status:"),
            "{tool} {verb} --help:\n{}",
            help.stdout
        );
        assert!(help.stdout.lines().all(|line| line.len() <= 100), "{tool} {verb} --help has a long line:\n{}", help.stdout);
        text += &format!("\n{help}");
    }
    text
}

#[test]
fn jailsh_and_each_verb_show_what_they_do_with_an_example_and_the_exit_status() {
    insta::assert_snapshot!(help_of(
        "jailsh",
        &[
            "plan",
            "run",
            "test",
            "check",
            "explain",
            "doc",
            "definitions",
            "lsp",
            "doctor",
            "kmod",
            "profile",
            "score",
            "why",
            "learn",
            "probe",
            "report",
            "generate"
        ]
    ));
}

#[test]
fn jailctl_and_each_verb_show_what_they_do_with_an_example_and_the_exit_status() {
    let verbs = [
        "create",
        "exec",
        "stats",
        "metrics",
        "top",
        "supervise",
        "status",
        "logs",
        "denials",
        "wait",
        "kill",
        "freeze",
        "thaw",
        "update",
        "list",
        "info",
        "destroy",
    ];
    insta::assert_snapshot!(help_of("jailctl", &verbs));
}

#[test]
fn jailmgr_and_each_verb_show_what_they_do_with_an_example_and_the_exit_status() {
    let verbs = [
        "bootstrap",
        "create",
        "apply",
        "start",
        "stop",
        "restart",
        "config",
        "list",
        "status",
        "destroy",
        "clone",
        "rename",
        "snapshot",
        "rollback",
        "export",
        "import",
        "base",
        "upgrade-base",
        "gc",
    ];
    insta::assert_snapshot!(help_of("jailmgr", &verbs));
}

#[test]
fn the_verbs_below_base_show_the_same() {
    let place = Place::new();
    let text: String =
        ["import", "list", "remove"].map(|verb| place.run("jailmgr", &["base", verb, "--help"]).bare().go().to_string()).concat();
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    assert_eq!((text.matches("Example: ").count(), text.matches("Exit status: ").count()), (3, 3), "{text}");
}

#[test]
fn the_verbs_below_profile_show_the_same() {
    let place = Place::new();
    let verbs = ["check", "show", "diff", "probes"];
    let text: String = verbs.map(|verb| place.run("jailsh", &["profile", verb, "--help"]).bare().go().to_string()).concat();
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    assert_eq!((text.matches("Example").count(), text.matches("Exit status: ").count()), (4, 4), "{text}");
}

#[test]
fn the_tool_is_chosen_by_the_name_it_is_called_under() {
    let place = Place::new();
    for (title, name) in [("/usr/sbin/jailctl", "jailctl"), ("./jailmgr", "jailmgr"), ("anything", "jailsh")] {
        let version = place.run(title, &["--version"]).bare().go();
        assert_eq!(version.stdout, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}
