//! From the jails of this host and what is asked for to a [`Schedule`]. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::cycle::cycles;
use super::{End, Jobs, Schedule};
use crate::jail::spec::nearest;
use crate::kernel::JailName;

/// What counts of a jail here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its `depends_on`, or why its spec cannot be read.
    pub needs: Result<Vec<JailName>, String>,
    pub service: Service,
}

/// How far a jail's service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Down,
    /// Supervised, but not ready, or not any more: who needs it waits for it.
    Unready,
    Ready,
}

/// What to do, and what was decided before anything began.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub schedule: Schedule,
    pub ends: Vec<(JailName, End)>,
}

impl Plan {
    /// Gives up on jails of which something went wrong already, and skips those that need them.
    pub fn without(&mut self, failed: &BTreeSet<JailName>) {
        for name in failed {
            let skipped = self.schedule.failed(name);
            self.ends.extend(skipped.into_iter().map(|(name, need)| (name, skip(&need, "was not restarted"))));
        }
    }
}

/// Starts the `chosen` jails. With `and_needs`, those that they need and that do not run are started too; without, a jail
/// that needs one of those is skipped. One that is supervised and not ready is waited for in either case.
pub fn starting(known: &BTreeMap<JailName, Known>, chosen: BTreeSet<JailName>, and_needs: bool) -> Plan {
    let serves = |name: &JailName| known.get(name).is_some_and(|jail| jail.service == Service::Ready);
    let is_coming = |name: &JailName| known.get(name).is_some_and(|jail| jail.service == Service::Unready);
    let needs = |name: &JailName| known.get(name).map_or(&[][..], |jail| jail.needs.as_deref().unwrap_or_default());
    let mut names = chosen;
    let mut open: Vec<JailName> = names.iter().cloned().collect();
    while let Some(name) = open.pop() {
        for need in needs(&name) {
            let is_job = and_needs && known.contains_key(need) && !serves(need) || is_coming(need);
            if is_job && names.insert(need.clone()) {
                open.push(need.clone());
            }
        }
    }
    let jobs: Jobs = names.iter().map(|name| (name.clone(), needs(name).iter().cloned().collect())).collect();
    let mut refused = in_circles(&jobs);
    for name in &names {
        if let Some(Err(why)) = known.get(name).map(|jail| &jail.needs) {
            refused.insert(name.clone(), End::Failed(why.clone()));
        }
        for need in needs(name) {
            if !known.contains_key(need) {
                refused.insert(name.clone(), End::Failed(unknown(known, need)));
            } else if !names.contains(need) && !serves(need) {
                let why = format!("it needs {need}, which does not run and has no autostart; start it first");
                refused.entry(name.clone()).or_insert(End::Skipped(why));
            }
        }
    }
    // Edges between the refused, circles among them, mean nothing any more.
    let jobs =
        jobs.into_iter().map(|(name, needs)| if refused.contains_key(&name) { (name, BTreeSet::new()) } else { (name, needs) });
    let mut schedule = Schedule::new(jobs.collect());
    let mut ends = Vec::new();
    for (name, end) in refused {
        let skipped = schedule.failed(&name);
        ends.push((name, end));
        ends.extend(skipped.into_iter().map(|(name, need)| (name, skip(&need, "did not start"))));
    }
    Plan { schedule, ends }
}

/// Stops the `chosen` jails, each after those that need it. Nothing keeps a jail from being stopped: whoever cannot be read
/// needs nobody, and a circle is cut.
pub fn stopping(known: &BTreeMap<JailName, Known>, chosen: BTreeSet<JailName>) -> Plan {
    let mut jobs: Jobs = chosen.into_iter().map(|name| (name, BTreeSet::new())).collect();
    for name in jobs.keys().cloned().collect::<Vec<_>>() {
        for need in known.get(&name).and_then(|jail| jail.needs.as_ref().ok()).into_iter().flatten() {
            if let Some(waits) = jobs.get_mut(need) {
                waits.insert(name.clone());
            }
        }
    }
    loop {
        let circles = cycles(&jobs);
        if circles.is_empty() {
            return Plan { schedule: Schedule::new(jobs), ends: Vec::new() };
        }
        for circle in circles {
            let waits = jobs.get_mut(&circle[0]).expect("a circle is made of jobs");
            waits.remove(&circle[1 % circle.len()]);
        }
    }
}

/// What to stop and then to start again.
#[derive(Debug, Clone, Default)]
pub struct Again {
    pub stop: Plan,
    pub start: Plan,
}

/// Restarts the `chosen` jails: stops those that are `up`, each after those of them that need it, then starts all, each
/// after those it needs; what they need and does not run is started too. One that could not be started is not stopped.
pub fn restarting(known: &BTreeMap<JailName, Known>, chosen: BTreeSet<JailName>, up: &BTreeSet<JailName>) -> Again {
    let start = starting(known, chosen.clone(), true);
    let left: BTreeSet<&JailName> = start.ends.iter().map(|(name, _)| name).collect();
    let stop = chosen.into_iter().filter(|name| up.contains(name) && !left.contains(name)).collect();
    Again { stop: stopping(known, stop), start }
}

/// Why a jail is skipped when one that it needs did not start, or whatever it did.
pub fn skip(need: &JailName, what: &str) -> End {
    End::Skipped(format!("it needs {need}, which {what}"))
}

fn in_circles(jobs: &Jobs) -> BTreeMap<JailName, End> {
    let mut refused = BTreeMap::new();
    for circle in cycles(jobs) {
        let around: Vec<&str> = circle.iter().chain(circle.first()).map(JailName::as_str).collect();
        let why =
            format!("jails depend on each other in a circle: {}; take one of them out of a depends_on", around.join(" -> "));
        refused.extend(circle.into_iter().map(|name| (name, End::Failed(why.clone()))));
    }
    refused
}

fn unknown(known: &BTreeMap<JailName, Known>, need: &JailName) -> String {
    let hint = nearest(need.as_str(), known.keys().map(JailName::as_str));
    let remedy = hint.map_or("create it, or take it out".to_owned(), |near| format!("did you mean {near}?"));
    format!("depends_on: no jail named {need}; {remedy}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> JailName {
        text.parse().unwrap()
    }

    /// `"web*: db cache"`: web runs, and needs db and cache; `"web~"`: it is not ready; `"web!"`: its spec cannot be read.
    fn known(lines: &[&str]) -> BTreeMap<JailName, Known> {
        let jail = |line: &&str| {
            let (jail, needs) = line.split_once(':').unwrap_or((line, ""));
            let needs =
                if jail.ends_with('!') { Err("line 1: what?".into()) } else { Ok(needs.split_whitespace().map(name).collect()) };
            let service = match jail.chars().last() {
                Some('*') => Service::Ready,
                Some('~') => Service::Unready,
                _ => Service::Down,
            };
            (name(jail.trim_end_matches(['*', '~', '!'])), Known { needs, service })
        };
        lines.iter().map(jail).collect()
    }

    fn chosen(names: &str) -> BTreeSet<JailName> {
        names.split_whitespace().map(name).collect()
    }

    /// The order with one lane, and the ends.
    fn told(mut plan: Plan) -> String {
        let mut text = String::new();
        while let Some(name) = plan.schedule.begin() {
            plan.schedule.done(&name);
            text.push_str(&format!("{name} "));
        }
        assert_eq!(plan.schedule.left(), 0);
        for (name, end) in plan.ends {
            text.push_str(&format!("\n{name}: {end:?}"));
        }
        text
    }

    #[test]
    fn a_jail_starts_after_those_it_needs_and_stops_before_them() {
        let known = known(&["a: b", "b: z", "z", "c"]);
        assert_eq!(told(starting(&known, chosen("a b c z"), false)), "c z b a ");
        assert_eq!(told(stopping(&known, chosen("a b c z"))), "a b c z ");
    }

    #[test]
    fn what_a_named_jail_needs_is_started_too_unless_it_runs() {
        let known = known(&["web: app", "app: db cache", "db", "cache*: store", "store", "other"]);
        assert_eq!(told(starting(&known, chosen("web"), true)), "db app web ");
    }

    #[test]
    fn a_jail_in_back_off_does_not_count_as_running() {
        let known = known(&["web: db", "db~: disk", "disk*"]);
        assert_eq!(told(starting(&known, chosen("web"), false)), "db web ");
        assert_eq!(told(starting(&known, chosen("web"), true)), "db web ");
    }

    #[test]
    fn a_restart_stops_those_that_need_first_and_leaves_alone_what_would_not_start_again() {
        let known = known(&["web*: app", "app*: db cache", "db*", "cache", "bad!", "on*: bad", "other*"]);
        let again = restarting(&known, chosen("web app db bad on"), &chosen("web app db bad on other"));
        assert_eq!(told(again.stop), "web app db ");
        assert_eq!(
            told(again.start),
            "cache db app web \nbad: Failed(\"line 1: what?\")\non: Skipped(\"it needs bad, which did not start\")"
        );
    }

    #[test]
    fn with_all_a_jail_without_autostart_is_not_started_for_another_one() {
        let known = known(&["web: db", "front: web", "db", "good: run", "run*"]);
        insta::assert_snapshot!(told(starting(&known, chosen("web front good"), false)));
    }

    #[test]
    fn circles_strangers_and_unreadable_specs_are_told_and_the_others_start() {
        let known = known(&["a: b", "b: c", "c: a", "d: c", "e: dd", "f!", "g: f", "good", "s: s"]);
        insta::assert_snapshot!(told(starting(&known, chosen("a b c d e f g good s"), false)));
    }

    #[test]
    fn nothing_keeps_a_jail_from_being_stopped() {
        let known = known(&["a*: b", "b*: c", "c*: a", "d!", "e*: nobody d"]);
        assert_eq!(told(stopping(&known, chosen("a b c d e gone"))), "a b c e d gone ");
    }

    proptest! {
        #[test]
        fn every_chosen_jail_has_one_end_whatever_needs_what(
            graph in proptest::collection::btree_map(0..10_u8, (proptest::collection::vec(0..12_u8, 0..4), any::<bool>(), any::<bool>()), 0..10),
            picked in proptest::collection::btree_set(0..10_u8, 0..10),
            and_needs in any::<bool>(),
        ) {
            let jail = |number: u8| name(&format!("j{number}"));
            let known: BTreeMap<JailName, Known> = graph
                .into_iter()
                .map(|(at, (needs, serves, broken))| {
                    let needs = if broken { Err("broken".to_owned()) } else { Ok(needs.into_iter().map(jail).collect()) };
                    (jail(at), Known { needs, service: if serves { Service::Ready } else { Service::Down } })
                })
                .collect();
            let picked: BTreeSet<JailName> = picked.into_iter().map(jail).filter(|name| known.contains_key(name)).collect();
            let plan = starting(&known, picked.clone(), and_needs);
            let mut seen: Vec<JailName> = plan.ends.iter().map(|(name, _)| name.clone()).collect();
            let mut schedule = plan.schedule;
            while let Some(name) = schedule.begin() {
                schedule.done(&name);
                seen.push(name);
            }
            prop_assert_eq!(schedule.left(), 0);
            let once: BTreeSet<JailName> = seen.iter().cloned().collect();
            prop_assert_eq!(once.len(), seen.len(), "a jail twice: {:?}", seen);
            prop_assert!(once.is_superset(&picked));
            prop_assert!(and_needs || once == picked);

            let mut schedule = stopping(&known, picked.clone()).schedule;
            let mut stopped = BTreeSet::new();
            while let Some(name) = schedule.begin() {
                schedule.done(&name);
                prop_assert!(stopped.insert(name));
            }
            prop_assert_eq!(stopped, picked);
        }
    }
}
