//! kill -9 between any two actions, then a run: the same as one clean run.

use std::collections::BTreeMap;
use std::fs;

use crate::body;
use crate::cases::{Case, GIT, NGINX, WEB};
use crate::stage::Stage;
use crate::tracer::{Side, killed_at};

/// One clean run: what there is then, and of how many actions it was.
fn clean(stage: &Stage, case: &Case) -> (BTreeMap<String, String>, usize) {
    let run = stage.jailsh("run", case.name, &[]).must_be(0);
    let state = stage.state(case.jails);
    stage.jailsh("run", case.name, &["down"]).must_be(0);
    (state, run.done().len())
}

/// What is left is done, and the end is the same.
fn ends_alike(stage: &Stage, case: &Case, state: &BTreeMap<String, String>, what: &str) {
    let run = stage.jailsh("run", case.name, &[]);
    assert_eq!(run.status, Some(0), "{what}:\n{}{}", run.text, run.errors);
    let now = stage.state(case.jails);
    let differs: Vec<_> = state.iter().filter(|(name, is)| now.get(*name) != Some(is)).collect();
    assert!(differs.is_empty(), "{what}: no longer as after a clean run: {differs:#?}");
    let more: Vec<_> = now.keys().filter(|name| !state.contains_key(*name)).collect();
    assert!(more.is_empty(), "{what}: besides what a clean run makes: {more:?}");
    let plan = stage.jailsh("plan", case.name, &[]);
    assert_eq!(plan.status, Some(0), "{what}:\n{}", plan.text);
    stage.jailsh("run", case.name, &["down"]).must_be(0);
}

fn survives_kills(case: &Case) {
    if body::in_guest() && case.name != WEB.name {
        return eprintln!("skipped: {} is killed too often for an emulated machine", case.name);
    }
    let Some(stage) = Stage::set() else { return };
    let (state, count) = clean(&stage, case);
    assert!(count > 3 && state.len() > 20, "{count} actions, {state:#?}");
    let script = format!("examples/{}.rhai", case.name);
    for line in 1..=count {
        for side in [Side::BeforeItIsTold, Side::AfterItWasTold] {
            let got_there = killed_at(stage.command("jailsh", &["run", &script]), line, side);
            assert!(got_there, "{} ended before its line {line}", case.name);
            ends_alike(&stage, case, &state, &format!("killed at line {line}, {side:?}"));
        }
    }
    stage.must_be_bare();
}

fn survives_cut_plans(case: &Case) {
    if body::in_guest() {
        return eprintln!("skipped: {} takes long on an emulated machine", case.name);
    }
    let Some(stage) = Stage::set() else { return };
    let (state, count) = clean(&stage, case);
    let plan = stage.run("jailsh", &["plan", "--json", &format!("examples/{}.rhai", case.name)]);
    assert_eq!(plan.status, Some(2), "{}", plan.errors);
    let plan: serde_json::Value = serde_json::from_str(&plan.text).expect("JSON");
    for first in 1..=count {
        let mut cut = plan.clone();
        cut["actions"].as_array_mut().expect("a list").truncate(first);
        let path = stage.path("cut.plan");
        fs::write(&path, cut.to_string()).unwrap();
        let run = stage.run("jailsh", &["run", "--plan", path.to_str().unwrap()]).must_be(0);
        assert_eq!(run.done().len(), first, "{}", run.text);
        ends_alike(&stage, case, &state, &format!("the first {first} actions"));
    }
    stage.must_be_bare();
}

#[test]
fn web_ends_alike_wherever_it_was_killed() {
    survives_kills(&WEB);
}

#[test]
fn git_ends_alike_wherever_it_was_killed() {
    survives_kills(&GIT);
}

#[test]
fn nginx_ends_alike_wherever_it_was_killed() {
    survives_kills(&NGINX);
}

#[test]
fn web_ends_alike_after_any_part_of_its_plan() {
    survives_cut_plans(&WEB);
}

#[test]
fn git_ends_alike_after_any_part_of_its_plan() {
    survives_cut_plans(&GIT);
}

#[test]
fn nginx_ends_alike_after_any_part_of_its_plan() {
    survives_cut_plans(&NGINX);
}
