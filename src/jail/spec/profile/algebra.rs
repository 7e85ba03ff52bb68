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
            profile.deny.remove(right);
            profile.grant.insert(right, reason);
        }
        profile
    }

    /// With one right less.
    #[must_use]
    pub fn without(&self, right: Right, reason: Option<String>) -> Profile {
        let mut profile = self.unnamed();
        profile.grant.remove(right);
        profile.deny.insert(right, reason);
        profile
    }

    /// With what the extension grants, denies and proves on top: where both speak of a right, the extension has the last
    /// word. The proof of this profile stays part of it, so that a descendant which breaks it is found.
    #[must_use]
    pub fn extended(&self, Extension(by): &Extension) -> Profile {
        let apply = |profile: Profile, reasons: &Reasons, change: fn(&Profile, Right, Option<String>) -> Profile| {
            reasons.iter().fold(profile, |profile, (right, reason)| change(&profile, right, reason.map(str::to_owned)))
        };
        let granted = apply(self.unnamed(), &by.grant, Profile::with);
        let mut profile = apply(granted, &by.deny, Profile::without);
        profile.prove(by);
        profile.name = by.name.clone();
        profile
    }

    /// With all that the other one holds, and its proof of what is allowed.
    #[must_use]
    pub fn joined(&self, other: &Profile) -> Profile {
        let mut profile = self.unnamed();
        for right in other.rights().iter() {
            let reason = other.grant.of(right).map(str::to_owned);
            if !profile.rights().holds(right) || reason.is_some() {
                profile = profile.with(right, reason);
            }
        }
        add(&mut profile.must_allow, &other.must_allow);
        profile
    }

    /// With no right that the other one does not hold, and its proof of what is denied.
    #[must_use]
    pub fn restricted(&self, other: &Profile) -> Profile {
        let mut profile = self.unnamed();
        for right in self.rights().iter().filter(|right| !other.rights().holds(*right)) {
            profile = profile.without(right, other.deny.of(right).map(str::to_owned));
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
