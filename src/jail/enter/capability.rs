//! Which capabilities a jail's processes can ever have: the bounding set.

use nix::errno::Errno;

use crate::kernel::policy::{Action, right_of};
use crate::kernel::{Description, Enforcement, RightSet};

/// The kernel's answer for a capability it does not know.
const UNKNOWN: Errno = Errno::EINVAL;

/// A bit per capability to keep.
///
/// A capability whose right the profile lacks goes, unless the kernel body refuses its use by itself: then it stays, because
/// the refusal has to reach the body to be counted and told (the capability module would refuse first, silently).
pub fn kept(description: &Description, rights: RightSet) -> u64 {
    let keep = |cap: u32| match right_of(Action::Capability(cap)) {
        None => true,
        Some(right) => rights.holds(right) || matches!(description.enforcement(right), Some(Enforcement::Enforced { .. })),
    };
    (0..u64::BITS).filter(|cap| keep(*cap)).fold(0, |set, cap| set | 1 << cap)
}

/// Removes every capability outside `keep` from the bounding set, and all from the ambient and the inheritable set.
pub fn drop_others(keep: u64) -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64)?;
    inherit_none()?;
    for cap in (0..u64::BITS).filter(|cap| keep >> cap & 1 == 0) {
        match prctl(libc::PR_CAPBSET_DROP, u64::from(cap)) {
            // Capabilities are numbered without gaps: this is beyond the last one.
            Err(UNKNOWN) => break,
            other => other?,
        }
    }
    Ok(())
}

/// What the caller made inheritable would be had again from a program with inheritable file capabilities (CVE-2022-29162).
fn inherit_none() -> Result<(), Errno> {
    /// capget(2): sets of 64 bits, as two times effective, permitted and inheritable.
    const VERSION_3: u32 = 0x2008_0522;
    let (mut header, mut sets) = ([VERSION_3, 0], [[0_u32; 3]; 2]);
    // SAFETY: a header and sets of that version, which outlive both calls. Process 0 is the caller.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) })?;
    let [[.., low], [.., high]] = &mut sets;
    (*low, *high) = (0, 0);
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()) }).map(drop)
}

fn prctl(option: i32, argument: u64) -> Result<(), Errno> {
    // SAFETY: both options take integers only.
    Errno::result(unsafe { libc::prctl(option, argument, 0, 0, 0) }).map(drop)
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
