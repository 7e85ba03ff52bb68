//! Capabilities: what root's powers are made of here.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, setresgid, setresuid};

/// The kernel's answer for a capability it does not know.
const UNKNOWN: Errno = Errno::EINVAL;

/// Removes every capability outside `keep` from the bounding set, and all from the ambient and the inheritable set.
pub fn drop_capabilities(keep: u64) -> Result<(), Errno> {
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

/// Becomes the user for good: real, effective and saved.
pub fn set_user(uid: Uid) -> Result<(), Errno> {
    setresuid(uid, uid, uid)
}

/// Becomes a member of the group for good.
pub fn set_group(gid: Gid) -> Result<(), Errno> {
    setresgid(gid, gid, gid)
}
