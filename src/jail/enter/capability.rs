//! Which capabilities a jail's processes can ever have, the bounding set; and the one that a service's user can be given.

use nix::errno::Errno;
use nix::unistd::{Uid, setresuid};

use crate::kernel::policy::{Action, right_asked};
use crate::kernel::{Description, Enforcement, RightSet};

/// The kernel's answer for a capability it does not know.
const UNKNOWN: Errno = Errno::EINVAL;

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

/// capget(2): a set of 64 bits as two halves, each with what is effective, permitted and inheritable.
type Sets = [[u32; 3]; 2];

/// Of the version with two halves, for the calling process.
const HEADER: [u32; 2] = [0x2008_0522, 0];

fn sets() -> Result<Sets, Errno> {
    let mut sets = [[0_u32; 3]; 2];
    // SAFETY: a header and sets of that version, which outlive the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, HEADER.as_ptr(), sets.as_mut_ptr()) }).map(|_| sets)
}

fn set(sets: Sets) -> Result<(), Errno> {
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, HEADER.as_ptr(), sets.as_ptr()) }).map(drop)
}

/// What the caller made inheritable would be had again from a program with inheritable file capabilities (CVE-2022-29162).
fn inherit_none() -> Result<(), Errno> {
    let mut sets = sets()?;
    sets.iter_mut().for_each(|[.., inheritable]| *inheritable = 0);
    set(sets)
}

/// capabilities(7): binding ports below 1024.
const CAP_NET_BIND_SERVICE: u32 = 10;

/// Becomes the user, and keeps the one capability that binds ports below 1024 as an ambient one, which goes along through
/// execve(2). A process that may not have it becomes the user without.
pub fn set_user_with_low_ports(uid: Uid) -> Result<(), Errno> {
    let only = 1 << CAP_NET_BIND_SERVICE;
    let [[_, permitted, _], _] = sets()?;
    if permitted & only == 0 {
        return setresuid(uid, uid, uid);
    }
    prctl(libc::PR_SET_KEEPCAPS, 1)?;
    setresuid(uid, uid, uid)?;
    set([[only; 3], [0; 3]])?;
    // SAFETY: the option takes integers only.
    let raised = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) };
    Errno::result(raised).map(drop)
}

fn prctl(option: i32, argument: u64) -> Result<(), Errno> {
    // SAFETY: the options of this file's callers take integers only.
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
