//! Confining a process for good: IPC namespace, Landlock domain, capabilities, system call filter.
//!
//! no_new_privs stays off for a jail that holds setuid_exec, so that setuid programs work inside: what they can become is
//! bounded all the same.

use std::error::Error;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use seccompiler::BpfProgram;

use super::{filter, probe};
use crate::kernel::policy::{Action, right_asked, right_of};
use crate::kernel::{KernelError, RightSet, detached};

/// capabilities(7): making device nodes. The policy judges nodes by kind, which a capability cannot.
const CAP_MKNOD: u32 = 27;

/// What confines the members of one jail, prepared while files can be opened and memory allocated.
pub struct Walls {
    abi: ABI,
    nodes: bool,
    setuid: bool,
    capabilities: u64,
    filter: BpfProgram,
}

impl Walls {
    /// For members that hold these rights.
    ///
    /// # Errors
    /// [`KernelError::NoLandlock`] where [`probe::abi`] says so.
    pub fn prepare(rights: RightSet) -> Result<Walls, KernelError> {
        // Everything is granted below the root, so a kind of access that this program does not know yet can break nothing.
        let abi = ABI::from(i32::try_from(probe::abi()?).unwrap_or(i32::MAX));
        let setuid = rights.holds("setuid_exec".parse().expect("a right of the table"));
        let (nodes, capabilities) = (may_make_nodes(rights), capabilities(rights));
        Ok(Walls { abi, nodes, setuid, capabilities, filter: filter::program(rights) })
    }

    /// Confines the calling process and all it will ever fork. It must have one thread, be host root with all
    /// capabilities, and stand in the jail's mount namespace: the tree below its root is all the domain will reach.
    pub fn close(&self) -> Result<(), Errno> {
        unshare(CloneFlags::CLONE_NEWIPC)?;
        self.enter_domain()?;
        self.bound_capabilities()?;
        // While there still is the capability that installs a filter without no_new_privs.
        install(&self.filter)?;
        if !self.setuid {
            prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        }
        shed_capabilities(self.capabilities)
    }

    /// A domain that handles files refuses more than it says: mount(2) and its kin to everybody inside, and every way of
    /// opening, making, removing or running a file on a mount that is not below the root, whatever descriptor leads there
    /// (a leaked directory, /proc/PID/exe of who brought us in: CVE-2019-5736).
    fn enter_domain(&self) -> Result<(), Errno> {
        let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open("/", directory, Mode::empty())?;
        // Message queues are files of a file system that is mounted nowhere. It is the new IPC namespace's own; a kernel
        // without them has none to reach.
        let queues = detached::file_system(c"mqueue", &[]).ok();
        let every = AccessFs::from_all(self.abi);
        let nodes = AccessFs::MakeChar | AccessFs::MakeBlock;
        let granted = if self.nodes { every } else { every & !nodes };
        let domain = || -> Result<_, RulesetError> {
            Ruleset::default()
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(every)?
                .scope(Scope::from_all(self.abi))?
                .create()?
                .no_new_privs(false)
                .add_rule(PathBeneath::new(&root, granted))?
                .add_rules(queues.iter().map(|queues| Ok::<_, RulesetError>(PathBeneath::new(queues, granted))))?
                .restrict_self()
        };
        let status = domain().map_err(|error| errno_of(&error))?;
        if status.ruleset == RulesetStatus::FullyEnforced { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
    }

    fn bound_capabilities(&self) -> Result<(), Errno> {
        prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64)?;
        for cap in (0..u64::BITS).filter(|cap| self.capabilities >> cap & 1 == 0) {
            match prctl(libc::PR_CAPBSET_DROP, cap.into()) {
                // Capabilities are numbered without gaps: this is beyond the kernel's last one.
                Err(Errno::EINVAL) => break,
                other => other?,
            }
        }
        Ok(())
    }
}

/// The capabilities that members holding these rights keep, a bit each.
pub fn capabilities(rights: RightSet) -> u64 {
    let keep = |cap: u32| match cap {
        CAP_MKNOD => may_make_nodes(rights),
        cap => right_asked(Action::Capability(cap), rights, RightSet::EMPTY).is_none_or(|right| rights.holds(right)),
    };
    (0..u64::BITS).filter(|cap| keep(*cap)).fold(0, |set, cap| set | 1 << cap)
}

fn may_make_nodes(rights: RightSet) -> bool {
    right_of(Action::Mknod(libc::S_IFCHR)).is_none_or(|right| rights.holds(right))
}

/// The crate wraps what the kernel said.
fn errno_of(error: &(dyn Error + 'static)) -> Errno {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let kernel = |error: &(dyn Error + 'static)| error.downcast_ref::<std::io::Error>()?.raw_os_error();
    causes.into_iter().find_map(kernel).map_or(Errno::EOPNOTSUPP, Errno::from_raw)
}

/// seccomp(2) itself: the crate's own way would set no_new_privs first.
fn install(filter: &BpfProgram) -> Result<(), Errno> {
    let len = u16::try_from(filter.len()).map_err(|_| Errno::E2BIG)?;
    let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: as many instructions as said, in the kernel's layout, which it copies and does not change.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    Errno::result(answer).map(drop)
}

/// Of what the process has, keeps these; hands nothing on by inheritance.
fn shed_capabilities(keep: u64) -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    /// The lower 32 capabilities of each set, then the upper ones, as capset(2) wants them.
    #[repr(C)]
    #[derive(Default)]
    struct Half {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let header = [VERSION_3, 0];
    let mut sets: [Half; 2] = Default::default();
    // SAFETY: the header and the sets have the sizes that this version asks for; pid 0 is the caller.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) })?;
    for (half, keep) in sets.iter_mut().zip([keep as u32, (keep >> 32) as u32]) {
        half.permitted &= keep;
        half.effective &= keep;
        half.inheritable = 0;
    }
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }).map(drop)
}

fn prctl(option: i32, argument: u64) -> Result<(), Errno> {
    // SAFETY: the options of this file's callers take integers only.
    Errno::result(unsafe { libc::prctl(option, argument, 0, 0, 0) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Level;

    const CHOWN: u32 = 0;
    const SYS_CHROOT: u32 = 18;
    const SYS_ADMIN: u32 = 21;

    fn kept(rights: RightSet, caps: &[u32]) -> Vec<u64> {
        caps.iter().map(|cap| capabilities(rights) >> cap & 1).collect()
    }

    #[test]
    fn a_capability_is_kept_if_it_is_free_or_its_right_is_held() {
        assert_eq!(kept(Level::Low.rights(), &[CHOWN, SYS_CHROOT, SYS_ADMIN, CAP_MKNOD]), [1, 1, 0, 0]);
        assert_eq!(kept(Level::High.rights(), &[CHOWN, SYS_CHROOT, SYS_ADMIN, CAP_MKNOD]), [1, 0, 0, 0]);
        let nodes = RightSet::EMPTY.with("mknod".parse().unwrap());
        assert_eq!(kept(nodes, &[CHOWN, SYS_CHROOT, SYS_ADMIN, CAP_MKNOD]), [1, 0, 0, 1]);
    }

    #[test]
    fn a_capability_nobody_knows_takes_the_strictest_right() {
        assert_eq!(kept(Level::Low.rights(), &[41, 63]), [0, 0]);
    }
}
