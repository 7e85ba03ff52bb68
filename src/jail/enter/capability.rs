//! Which capabilities a jail's processes can ever have: the bounding set. Pure.

use crate::kernel::policy::{Action, right_asked};
use crate::kernel::{Description, Enforcement, RightSet};

/// A bit per capability to keep.
///
/// A capability whose right the profile lacks goes, unless the kernel body refuses its use by itself: then it stays, because
/// the refusal has to reach the body to be counted and told (the capability module would refuse first, silently).
pub fn kept(description: &Description, rights: RightSet) -> u64 {
    let keep = |cap: u32| match right_asked(Action::Capability(cap), rights, RightSet::EMPTY) {
        None => true,
        Some(right) => rights.holds(right) || matches!(description.enforcement(right), Some(Enforcement::Enforced { .. })),
    };
    (0..u64::BITS).filter(|cap| keep(*cap)).fold(0, |set, cap| set | 1 << cap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sim::Sim;
    use crate::kernel::{Kernel, Level, Right, RightStatus};

    const SYS_CHROOT: u32 = 18;
    const SYS_BOOT: u32 = 22;
    const CHOWN: u32 = 0;

    #[test]
    fn without_enforcement_by_the_kernel_body_only_what_the_profile_grants_is_kept() {
        let low = kept(&Sim::new().describe(), Level::Low.rights());
        assert_eq!([CHOWN, SYS_CHROOT, SYS_BOOT].map(|cap| low >> cap & 1), [1, 1, 0]);
        let high = kept(&Sim::new().describe(), Level::High.rights());
        assert_eq!([CHOWN, SYS_CHROOT, SYS_BOOT].map(|cap| high >> cap & 1), [1, 0, 0]);
    }

    #[test]
    fn what_the_kernel_body_refuses_and_counts_itself_is_left_to_it() {
        let enforced = |right: Right| RightStatus { right, enforcement: Enforcement::Enforced { by: "capable".into() } };
        let description = Description { rights: Right::all().map(enforced).collect(), ..Sim::new().describe() };
        assert_eq!(kept(&description, Level::High.rights()), u64::MAX);
    }
}
