//! Who may begin now: a job begins when those it waits for are done. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::JailName;

/// Jobs, and for each the jobs it waits for.
pub type Jobs = BTreeMap<JailName, BTreeSet<JailName>>;

/// The jobs that are not done yet.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// What those that cannot begin still wait for; never empty.
    waiting: Jobs,
    ready: BTreeSet<JailName>,
    begun: BTreeSet<JailName>,
    dependants: BTreeMap<JailName, Vec<JailName>>,
}

impl Schedule {
    /// `jobs` must be without circles; what they wait for and is no job is taken for done.
    pub fn new(jobs: Jobs) -> Schedule {
        let names: BTreeSet<JailName> = jobs.keys().cloned().collect();
        let mut schedule = Schedule::default();
        for (name, mut needs) in jobs {
            needs.retain(|need| names.contains(need));
            for need in &needs {
                schedule.dependants.entry(need.clone()).or_default().push(name.clone());
            }
            if needs.is_empty() {
                schedule.ready.insert(name);
            } else {
                schedule.waiting.insert(name, needs);
            }
        }
        schedule
    }

    /// Jobs that are not done.
    pub fn left(&self) -> usize {
        self.waiting.len() + self.ready.len() + self.begun.len()
    }

    /// The next job, each once. `None`: wait for one that has begun, or nothing is left.
    pub fn begin(&mut self) -> Option<JailName> {
        let name = self.ready.pop_first()?;
        self.begun.insert(name.clone());
        Some(name)
    }

    /// A job is done: those that waited for it may begin.
    pub fn done(&mut self, name: &JailName) {
        self.take(name);
        for dependant in self.dependants.remove(name).unwrap_or_default() {
            let Some(needs) = self.waiting.get_mut(&dependant) else { continue };
            needs.remove(name);
            if needs.is_empty() {
                self.waiting.remove(&dependant);
                self.ready.insert(dependant);
            }
        }
    }

    /// A job failed, begun or not: those that wait for it, at first or second hand, never begin. Returns each of them
    /// with the one it waited for.
    pub fn failed(&mut self, name: &JailName) -> Vec<(JailName, JailName)> {
        self.take(name);
        let mut skipped = Vec::new();
        let mut lost = vec![name.clone()];
        while let Some(need) = lost.pop() {
            for dependant in self.dependants.remove(&need).unwrap_or_default() {
                if self.waiting.remove(&dependant).is_some() {
                    skipped.push((dependant.clone(), need.clone()));
                    lost.push(dependant);
                }
            }
        }
        skipped
    }

    fn take(&mut self, name: &JailName) {
        self.waiting.remove(name);
        self.ready.remove(name);
        self.begun.remove(name);
    }
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::cycle::cycles;

    /// `("a", "b c")`: a waits for b and c.
    pub fn jobs(pairs: &[(&str, &str)]) -> Jobs {
        let name = |text: &str| text.parse::<JailName>().unwrap();
        pairs.iter().map(|(job, needs)| (name(job), needs.split_whitespace().map(name).collect())).collect()
    }

    /// Any graph of up to 12 jobs, circles, strangers and self-references included.
    fn graphs() -> impl Strategy<Value = Jobs> {
        proptest::collection::btree_map(0..12_u8, proptest::collection::btree_set(0..14_u8, 0..4), 0..12).prop_map(|graph| {
            let name = |number: u8| format!("j{number}").parse::<JailName>().unwrap();
            graph.into_iter().map(|(job, needs)| (name(job), needs.into_iter().map(name).collect())).collect()
        })
    }

    /// The same without the jobs of its circles.
    fn acyclic() -> impl Strategy<Value = Jobs> {
        graphs().prop_map(|mut jobs| {
            for name in cycles(&jobs).concat() {
                jobs.remove(&name);
            }
            jobs
        })
    }

    proptest! {
        #[test]
        fn every_job_begins_once_and_after_all_it_waits_for(jobs in acyclic(), lanes in 1..5_usize, picks in any::<u64>()) {
            let mut schedule = Schedule::new(jobs.clone());
            let (mut flying, mut done) = (Vec::new(), BTreeSet::new());
            let mut picks = picks;
            loop {
                while flying.len() < lanes {
                    let Some(name) = schedule.begin() else { break };
                    for need in &jobs[&name] {
                        prop_assert!(done.contains(need) || !jobs.contains_key(need), "{name} before {need}");
                    }
                    prop_assert!(!done.contains(&name) && !flying.contains(&name), "{name} twice");
                    flying.push(name);
                }
                if flying.is_empty() {
                    break;
                }
                let name = flying.swap_remove(picks as usize % flying.len());
                picks = picks.rotate_left(7);
                schedule.done(&name);
                done.insert(name);
            }
            prop_assert_eq!((schedule.left(), done.len()), (0, jobs.len()));
        }

        #[test]
        fn a_failure_harms_those_that_need_it_and_nobody_else(jobs in acyclic(), bad in proptest::collection::btree_set(0..12_u8, 0..4)) {
            let bad: BTreeSet<JailName> = bad.into_iter().map(|number| format!("j{number}").parse().unwrap()).collect();
            let mut schedule = Schedule::new(jobs.clone());
            let (mut done, mut skipped) = (BTreeSet::new(), BTreeMap::new());
            while let Some(name) = schedule.begin() {
                if bad.contains(&name) {
                    for (dependant, need) in schedule.failed(&name) {
                        prop_assert!(jobs[&dependant].contains(&need) && (bad.contains(&need) || skipped.contains_key(&need)));
                        prop_assert!(skipped.insert(dependant, need).is_none());
                    }
                } else {
                    schedule.done(&name);
                    done.insert(name);
                }
            }
            prop_assert_eq!(schedule.left(), 0);
            for name in jobs.keys() {
                let is_harmed = jobs[name].iter().any(|need| skipped.contains_key(need) || bad.contains(need) && jobs.contains_key(need));
                prop_assert_eq!(skipped.contains_key(name), is_harmed, "{}", name);
                prop_assert_eq!(done.contains(name), !is_harmed && !bad.contains(name), "{}", name);
            }
        }

        #[test]
        fn without_its_circles_every_graph_ends_and_each_circle_closes(jobs in graphs()) {
            let circles = cycles(&jobs);
            for circle in &circles {
                for (at, name) in circle.iter().enumerate() {
                    prop_assert!(jobs[name].contains(&circle[(at + 1) % circle.len()]));
                }
            }
            let named: Vec<JailName> = circles.concat();
            prop_assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "a jail in two circles");
            let mut schedule = Schedule::new(jobs.into_iter().filter(|(name, _)| !named.contains(name)).collect());
            while let Some(name) = schedule.begin() {
                schedule.done(&name);
            }
            prop_assert_eq!(schedule.left(), 0);
        }
    }
}
