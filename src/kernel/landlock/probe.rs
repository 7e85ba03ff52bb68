//! Can this kernel hold a Landlock body, and if not, what is missing?

use std::fs;

use nix::errno::Errno;

use crate::kernel::KernelError;

/// Domains can be scoped, so that signals and abstract sockets stay inside, since this ABI (Linux 6.12).
pub const ABI_NEEDED: u32 = 6;

/// What Debian boots with, for machines where the list in use cannot be read.
const USUAL_MODULES: &str = "lockdown,yama,apparmor,bpf";

/// The Landlock ABI of this kernel, asked of the kernel itself.
///
/// # Errors
/// [`KernelError::NoLandlock`] with the remedy: not built in, switched off at boot, or older than [`ABI_NEEDED`].
pub fn abi() -> Result<u32, KernelError> {
    let answer = ask();
    let modules =
        if answer.is_err() { fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default() } else { String::new() };
    interpret(answer, modules.trim())
}

/// landlock_create_ruleset(2): with this flag and no attributes it answers the ABI and makes nothing.
fn ask() -> Result<i64, Errno> {
    const VERSION: u32 = 1;
    let nothing = std::ptr::null::<u8>();
    // SAFETY: a null pointer with size 0 is what the flag asks for.
    Errno::result(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0usize, VERSION) })
}

/// What the kernel's answer means; `modules` are the security modules it runs, comma separated, empty if unknown.
fn interpret(answer: Result<i64, Errno>, modules: &str) -> Result<u32, KernelError> {
    let (why, remedy) = match answer.map(u32::try_from) {
        Ok(Ok(abi)) if abi >= ABI_NEEDED => return Ok(abi),
        Ok(abi) => (
            format!("its kernel has Landlock ABI {}, and a jail needs ABI {ABI_NEEDED}", abi.unwrap_or(0)),
            "use Linux 6.12 or later".to_owned(),
        ),
        Err(Errno::ENOSYS) => (
            "its kernel was built without Landlock".to_owned(),
            "use Linux 6.12 or later with CONFIG_SECURITY_LANDLOCK=y".to_owned(),
        ),
        Err(Errno::EOPNOTSUPP) => {
            let others = if modules.is_empty() { USUAL_MODULES } else { modules };
            ("Landlock was switched off at boot".to_owned(), format!("boot with `lsm=landlock,{others}`"))
        }
        Err(errno) => (
            format!("asked for its Landlock ABI the kernel answers {errno}"),
            "run jailsh where landlock_create_ruleset(2) is not filtered".to_owned(),
        ),
    };
    Err(KernelError::NoLandlock { why, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: Result<i64, Errno>, modules: &str) -> String {
        interpret(answer, modules).unwrap_err().to_string()
    }

    #[test]
    fn the_abi_needed_and_later_ones_are_taken() {
        assert_eq!(interpret(Ok(6), "").unwrap(), 6);
        assert_eq!(interpret(Ok(99), "").unwrap(), 99);
    }

    #[test]
    fn each_way_of_missing_landlock_has_its_own_remedy() {
        insta::assert_snapshot!(
            [
                told(Err(Errno::ENOSYS), "lockdown,capability"),
                told(Err(Errno::EOPNOTSUPP), "lockdown,capability,apparmor"),
                told(Err(Errno::EOPNOTSUPP), ""),
                told(Ok(5), ""),
                told(Err(Errno::EPERM), ""),
            ]
            .join("\n"),
            @r"
        this machine cannot hold jails by Landlock: its kernel was built without Landlock; use Linux 6.12 or later with CONFIG_SECURITY_LANDLOCK=y
        this machine cannot hold jails by Landlock: Landlock was switched off at boot; boot with `lsm=landlock,lockdown,capability,apparmor`
        this machine cannot hold jails by Landlock: Landlock was switched off at boot; boot with `lsm=landlock,lockdown,yama,apparmor,bpf`
        this machine cannot hold jails by Landlock: its kernel has Landlock ABI 5, and a jail needs ABI 6; use Linux 6.12 or later
        this machine cannot hold jails by Landlock: asked for its Landlock ABI the kernel answers EPERM: Operation not permitted; run jailsh where landlock_create_ruleset(2) is not filtered
        "
        );
    }

    #[test]
    fn the_running_kernel_answers_one_way_or_the_other() {
        assert!(matches!(abi(), Ok(ABI_NEEDED..) | Err(KernelError::NoLandlock { .. })));
    }
}
