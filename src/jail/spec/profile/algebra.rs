//! New profiles from old ones. What changes a profile takes its name away: it no longer is the one that the name means.

use super::{Profile, Reasons};
use crate::kernel::Right;

/// What an extension adds and takes away; checked as a profile is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension(pub(super) Profile);

impl Profile {
    /// With one right more; no change if it is a fence, which no profile can grant.
    #[must_use]
    pub fn with(&self, right: Right, reason: Option<String>) -> Profile {
        let mut profile = self.unnamed();
        if !right.is_fence() {
            profile.lift(right);
            profile.grant.insert(right, reason);
        }
        profile
    }

    /// With one right less, and its parts. A part that is granted goes; its right as a whole stays as it is.
    #[must_use]
    pub fn without(&self, right: Right, reason: Option<String>) -> Profile {
        let mut profile = self.unnamed();
        profile.ungrant(right);
        if !right.is_part() {
            profile.audit.remove(right);
            profile.deny.insert(right, reason);
        }
        profile
    }

    fn ungrant(&mut self, right: Right) {
        self.grant.remove(right);
        Right::parts().filter(|part| part.whole() == right).for_each(|part| self.grant.remove(part));
    }

    /// What stands against granting it. The level's own word on a right as a whole is left.
    pub(super) fn lift(&mut self, right: Right) {
        let held = self.level.rights().holds(right.whole());
        for against in [Some(right), Some(right.whole()).filter(|_| !held)].into_iter().flatten() {
            self.deny.remove(against);
            self.audit.remove(against);
        }
    }

    /// With one right not held, but let through and told; no change if it is a fence or grave, which is never let
    /// through.
    #[must_use]
    pub fn auditing(&self, right: Right, reason: Option<String>) -> Profile {
        let mut profile = self.unnamed();
        if !right.is_fence() && !right.is_grave() && !right.is_part() {
            profile.ungrant(right);
            profile.deny.remove(right);
            profile.audit.insert(right, reason);
        }
        profile
    }

    /// With what the extension grants, denies, audits and proves on top: where both speak of a right, the extension has the last
    /// word. The proof of this profile stays part of it, so that a descendant which breaks it is found.
    #[must_use]
    pub fn extended(&self, Extension(by): &Extension) -> Profile {
        let apply = |profile: Profile, reasons: &Reasons, change: fn(&Profile, Right, Option<String>) -> Profile| {
            reasons.iter().fold(profile, |profile, (right, reason)| change(&profile, right, reason.map(str::to_owned)))
        };
        let granted = apply(self.unnamed(), &by.grant, Profile::with);
        let mut profile = apply(apply(granted, &by.deny, Profile::without), &by.audit, Profile::auditing);
        profile.prove(by);
        profile.name = by.name.clone();
        profile
    }

    /// With all that the other one holds or, where this one holds it not, audits, and its proof of what is allowed.
    #[must_use]
    pub fn joined(&self, other: &Profile) -> Profile {
        let mut profile = self.unnamed();
        for right in other.rights().iter() {
            let reason = other.grant.of(right).map(str::to_owned);
            if !profile.rights().holds(right) || reason.is_some() {
                profile = profile.with(right, reason);
            }
        }
        for (right, reason) in other.audit.iter().filter(|(right, _)| !self.rights().holds(*right)) {
            profile = profile.auditing(right, reason.map(str::to_owned));
        }
        add(&mut profile.must_allow, &other.must_allow);
        profile
    }

    /// With no right that the other one does not hold, none that it does not let through, and its proof of what is denied.
    #[must_use]
    pub fn restricted(&self, other: &Profile) -> Profile {
        let mut profile = self.unnamed();
        let (held, told) = (other.rights(), other.audited());
        for right in self.rights().iter().filter(|right| !held.holds(*right)) {
            let reason = other.reason(right).map(str::to_owned);
            profile = if told.holds(right) { profile.auditing(right, reason) } else { profile.without(right, reason) };
        }
        for right in self.audited().iter().filter(|right| !held.holds(*right) && !told.holds(*right)) {
            profile = profile.without(right, other.reason(right).map(str::to_owned));
        }
        add(&mut profile.must_deny, &other.must_deny);
        profile
    }

    fn unnamed(&self) -> Profile {
        Profile { name: None, ..self.clone() }
    }

    fn prove(&mut self, by: &Profile) {
        add(&mut self.must_allow, &by.must_allow);
        add(&mut self.must_deny, &by.must_deny);
    }
}

/// Each once.
fn add<T: Clone + PartialEq>(to: &mut Vec<T>, from: &[T]) {
    for item in from {
        if !to.contains(item) {
            to.push(item.clone());
        }
    }
}
