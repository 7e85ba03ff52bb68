//! The life of an example: up, left alone, changed by hand in each way, repaired in just that, and gone.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cases::Case;
use crate::stage::{Said, Stage};
use crate::subject::{processes, wait_until};

pub fn life(case: &Case) {
    let Some(stage) = Stage::set() else { return };
    stage.jailsh("plan", case.name, &[]).must_be(2);
    let run = stage.jailsh("run", case.name, &[]).must_be(0);
    assert!(run.text.contains(", 0 failed, 0 skipped"), "{}", run.text);
    (case.answers)(&stage);
    let calm = |what: &str| {
        let plan = stage.jailsh("plan", case.name, &[]);
        assert_eq!(plan.status, Some(0), "after {what}:\n{}{}", plan.text, plan.errors);
    };
    calm("run");
    let again = stage.jailsh("run", case.name, &[]).must_be(0);
    assert_eq!(again.text, "run: nothing to do\n");

    let repair = |what: &str| -> Said {
        let plan = stage.jailsh("plan", case.name, &[]);
        assert_eq!(plan.status, Some(2), "{what}:\n{}{}", plan.text, plan.errors);
        let run = stage.jailsh("run", case.name, &[]).must_be(0);
        calm(what);
        (case.answers)(&stage);
        run
    };
    let (jail, path) = case.file;
    let wrote: Vec<String> = match (case.restarts, path) {
        (_, "/etc/group") => vec![format!("{jail}: put user {jail}")],
        (true, _) => vec![format!("{jail}: write {path}"), format!("{jail}: restart: {path} changed")],
        (false, _) => vec![format!("{jail}: write {path}")],
    };
    let file = stage.jail(jail).join("data").join(path.trim_start_matches('/'));
    let text = fs::read_to_string(&file).unwrap();

    // Every second line is gone, the last one with them.
    let edited: String =
        text.lines().step_by(2).filter(|line| *line != text.lines().last().unwrap()).map(|line| format!("{line}\n")).collect();
    fs::write(&file, &edited).unwrap();
    assert_eq!(repair("an edited file").done(), wrote);
    let mended = fs::read_to_string(&file).unwrap();
    assert!(mended == text || path == "/etc/group", "{mended}");

    fs::write(&file, &text).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(repair("a removed file").done(), wrote);

    let last = *case.jails.last().unwrap();
    stage.run("jailmgr", &["stop", last]).must_be(0);
    assert_eq!(repair("a stopped jail").done(), [format!("{last}: start")]);

    kill(Pid::from_raw(stage.supervisor(last).unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(repair("a killed supervisor").done(), [format!("{last}: start")]);

    let supervisor = stage.supervisor(last).unwrap();
    let children = |parent: i32| processes().into_iter().filter(move |process| process.parent == parent).collect::<Vec<_>>();
    let services: Vec<i32> = children(supervisor)
        .into_iter()
        .flat_map(|child| if child.command.starts_with("jailctl: ") { children(child.pid) } else { vec![child] })
        .filter(|process| !process.command.starts_with("jailctl: "))
        .map(|process| process.pid)
        .collect();
    assert!(!services.is_empty(), "no service under the supervisor of {last}");
    let restarts = stage.restarts(last);
    // A check of the service's health may have been among them, and have ended.
    let killed = services.into_iter().filter(|service| kill(Pid::from_raw(*service), Signal::SIGKILL).is_ok()).count();
    assert!(killed > 0, "no service of {last} was there to be killed");
    // On a slow machine the supervisor has it up again before a plan has looked.
    let is_noticed = || stage.jailsh("plan", case.name, &[]).status == Some(2) || stage.restarts(last) > restarts;
    wait_until("the service's end is noticed", is_noticed);
    // Whoever is first, the supervisor or the run: it is up again, and nothing else was done.
    let run = stage.jailsh("run", case.name, &[]).must_be(0);
    assert!(run.done().is_empty() || run.done() == [format!("{last}: start")], "{}", run.text);
    calm("a killed service");
    (case.answers)(&stage);

    let spec = stage.jail(last).join("jail.toml");
    let written = fs::read_to_string(&spec).unwrap();
    let other = written.replace("profile = \"medium\"", "profile = \"low\"").replace("base = \"high\"", "base = \"medium\"");
    assert_ne!(other, written, "{written}");
    fs::write(&spec, other).unwrap();
    let done = repair("a changed spec");
    assert_eq!(done.done(), [format!("{last}: change its spec"), format!("{last}: restart: its spec changed")]);
    assert_eq!(fs::read_to_string(&spec).unwrap(), written);

    stage.jailsh("plan", case.name, &["down"]).must_be(2);
    stage.jailsh("run", case.name, &["down"]).must_be(0);
    stage.jailsh("plan", case.name, &["down"]).must_be(0);
    stage.must_be_bare();
}
