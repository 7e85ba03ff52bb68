//! Jails that need each other. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Jobs;
use crate::kernel::JailName;

/// Circles among the jobs, each as the way around it, until what is left has none: no jail is in two of them.
pub fn cycles(jobs: &Jobs) -> Vec<Vec<JailName>> {
    let mut left: BTreeMap<&JailName, BTreeSet<&JailName>> =
        jobs.iter().map(|(name, needs)| (name, needs.iter().filter(|need| jobs.contains_key(*need)).collect())).collect();
    let mut found = Vec::new();
    loop {
        peel(&mut left);
        let Some((&first, _)) = left.first_key_value() else { return found };
        let around = walk(&left, first);
        for name in &around {
            left.remove(*name);
        }
        for needs in left.values_mut() {
            needs.retain(|need| !around.contains(need));
        }
        found.push(around.into_iter().cloned().collect());
    }
}

/// Takes away, again and again, whoever needs nobody that is left.
fn peel(left: &mut BTreeMap<&JailName, BTreeSet<&JailName>>) {
    let mut dependants: BTreeMap<&JailName, Vec<&JailName>> = BTreeMap::new();
    for (name, needs) in left.iter() {
        for need in needs {
            dependants.entry(*need).or_default().push(*name);
        }
    }
    let mut free: Vec<&JailName> = left.iter().filter(|(_, needs)| needs.is_empty()).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        left.remove(name);
        for dependant in dependants.remove(name).unwrap_or_default() {
            let needs = left.get_mut(dependant).expect("it needs someone still, so it is left");
            needs.remove(name);
            if needs.is_empty() {
                free.push(dependant);
            }
        }
    }
}

/// From one need to the next until a jail comes again; the way from there. Everybody left needs someone left.
fn walk<'a>(left: &BTreeMap<&'a JailName, BTreeSet<&'a JailName>>, first: &'a JailName) -> Vec<&'a JailName> {
    let mut way = vec![first];
    loop {
        let here = way.last().expect("never empty");
        let next = *left[here].first().expect("who needs nobody was taken away");
        match way.iter().position(|name| *name == next) {
            Some(start) => return way.split_off(start),
            None => way.push(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::schedule::tests::jobs;

    #[test]
    fn a_circle_is_told_once_and_who_only_leads_to_it_is_not_in_it() {
        let found = cycles(&jobs(&[("a", "b"), ("b", "c"), ("c", "b"), ("d", "a"), ("e", ""), ("x", "y"), ("y", "x")]));
        let text: Vec<String> = found.iter().map(|way| way.iter().map(JailName::as_str).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(text, ["b c", "x y"]);
    }

    #[test]
    fn needs_outside_of_the_jobs_make_no_circle() {
        assert_eq!(cycles(&jobs(&[("a", "b c"), ("c", "")])), Vec::<Vec<JailName>>::new());
    }
}
