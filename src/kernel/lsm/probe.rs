//! Does this kernel take BPF LSM programs, and do they run? Found out by loading and firing one: the names in
//! /sys/kernel/security/lsm prove nothing. The program refuses one thread's capget(2) with an errno nobody else uses.

use std::fs;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use crate::kernel::KernelError;

/// What the program answers; capget(2) itself never does.
const SIGN: Errno = Errno::EXDEV;

/// One instruction of BPF, see Documentation/bpf/instruction-set.rst.
const fn instruction(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> u64 {
    code as u64 | ((destination | source << 4) as u64) << 8 | (offset as u16 as u64) << 16 | (immediate as u32 as u64) << 32
}

/// `return bpf_get_current_pid_tgid() == caller ? -SIGN : 0;`
fn program(caller: u64) -> [u64; 8] {
    const CALL: u8 = 0x85;
    const LOAD_64: u8 = 0x18;
    const JUMP_IF_NOT_EQUAL: u8 = 0x5d;
    const MOVE: u8 = 0xb7;
    const EXIT: u8 = 0x95;
    const GET_CURRENT_PID_TGID: i32 = 14;
    [
        instruction(CALL, 0, 0, 0, GET_CURRENT_PID_TGID),
        instruction(LOAD_64, 1, 0, 0, caller as u32 as i32),
        instruction(0, 0, 0, 0, (caller >> 32) as i32),
        instruction(JUMP_IF_NOT_EQUAL, 0, 1, 2, 0),
        instruction(MOVE, 0, 0, 0, -(SIGN as i32)),
        instruction(EXIT, 0, 0, 0, 0),
        instruction(MOVE, 0, 0, 0, 0),
        instruction(EXIT, 0, 0, 0, 0),
    ]
}

/// Refused with the reason and the remedy, or fine.
pub fn probe() -> Result<(), KernelError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(KernelError::NotPermitted);
    }
    let release = super::kernel_release();
    if version(&release).is_some_and(|version| version < (6, 1)) {
        return Err(refused(format!("Linux {release} is too old"), "use Linux 6.1 or newer"));
    }
    let pid_tgid = u64::from(std::process::id()) << 32 | nix::unistd::gettid().as_raw() as u64;
    let loaded = load(&program(pid_tgid))?;
    // SAFETY: attaches the program just loaded to the hook it was loaded for; no name is given.
    let link = unsafe { libbpf_sys::bpf_raw_tracepoint_open(std::ptr::null(), loaded.as_raw_fd()) };
    if link < 0 {
        return Err(explain("attach", Errno::from_raw(-link)));
    }
    // SAFETY: a descriptor just made by the kernel, owned by nobody else. Closing it detaches the program.
    let _link = unsafe { OwnedFd::from_raw_fd(link) };
    if own_capabilities() == Err(SIGN) {
        return Ok(());
    }
    Err(refused("its BPF LSM is switched off".into(), &format!("boot with `{}`", boot_parameter())))
}

fn load(program: &[u64]) -> Result<OwnedFd, KernelError> {
    // A platform that refuses such programs refuses them before it looks for the hook; the search reads megabytes.
    if let Err(errno @ (Errno::EPERM | Errno::EACCES)) = load_for(0, program) {
        return Err(explain("load", errno));
    }
    // SAFETY: a NUL-terminated name.
    let hook = unsafe { libbpf_sys::libbpf_find_vmlinux_btf_id(c"capget".as_ptr(), libbpf_sys::BPF_LSM_MAC) };
    if hook < 0 {
        let why = "it was built without BPF LSM or without type information";
        return Err(refused(why.into(), "use a kernel with CONFIG_BPF_LSM=y and CONFIG_DEBUG_INFO_BTF=y"));
    }
    load_for(hook as u32, program).map_err(|errno| explain("load", errno))
}

/// For the hook of this number in the kernel's type information.
fn load_for(hook: u32, program: &[u64]) -> Result<OwnedFd, Errno> {
    let options = libbpf_sys::bpf_prog_load_opts {
        sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as libbpf_sys::size_t,
        expected_attach_type: libbpf_sys::BPF_LSM_MAC,
        attach_btf_id: hook,
        ..Default::default()
    };
    // SAFETY: the instructions have the layout of struct bpf_insn and, like the names and options, live through the call.
    let answer = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_LSM,
            c"jail_probe".as_ptr(),
            c"GPL".as_ptr(),
            program.as_ptr().cast(),
            program.len() as libbpf_sys::size_t,
            (&raw const options).cast_mut(),
        )
    };
    if answer < 0 {
        return Err(Errno::from_raw(-answer));
    }
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

/// capget(2) of the calling thread.
fn own_capabilities() -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    // SAFETY: the header and the sets have the sizes that this version asks for.
    let answer = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    Errno::result(answer).map(drop)
}

fn refused(why: String, remedy: &str) -> KernelError {
    KernelError::Refused { why, remedy: remedy.into() }
}

fn explain(step: &str, errno: Errno) -> KernelError {
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return refused("it is locked down for confidentiality".into(), "boot with `lockdown=integrity` or without lockdown");
    }
    let why = match errno {
        Errno::EPERM | Errno::EACCES => format!("the platform does not let anybody {step} BPF LSM programs ({errno})"),
        errno => format!("it could not {step} a trivial BPF LSM program ({errno})"),
    };
    refused(why, "use a machine of your own, or a guest: `scripts/vm`")
}

/// The list that is there, with `bpf` added.
fn boot_parameter() -> String {
    let list = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let list = list.trim();
    if list.is_empty() { "lsm=lockdown,capability,landlock,yama,apparmor,bpf".into() } else { format!("lsm={list},bpf") }
}

/// Major and minor number of a kernel release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(version("6.1.0-56-amd64"), Some((6, 1)));
        assert_eq!(version("6.12.117+deb13-amd64"), Some((6, 12)));
        assert!(version("5.15.1").unwrap() < (6, 1) && version("6.10.0").unwrap() > (6, 9));
        assert_eq!(version("mystery"), None);
    }
}
