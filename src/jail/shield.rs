//! Keeping this program's own file out of a jail's reach.
//!
//! A program in a jail may be a link to /proc/self/exe: then the jail runs our own binary, loads its own library into it
//! and gets a descriptor of the file through the host's mount, to be overwritten later (CVE-2019-5736). So the program
//! runs from a read-only mount of its file that is mounted nowhere; writing through that is EROFS for ever.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::geteuid;

use super::{JailError, root};

/// Says to the program, executed anew, that this was tried: its pid, which an execve keeps.
const TRIED: &str = "JAILSH_SHIELDED";

/// Executes this program anew from a read-only mount, once. To be called first thing in `main`, before any thread, by
/// programs that [`super::spawn`]; returns when the program is shielded, or not root and so no way into a jail.
/// Afterwards `/proc/self/exe` still executes this program, but its link has no path of the host's any more.
///
/// # Errors
/// A kernel that cannot do it; no jail should be entered then.
pub fn shield_executable() -> Result<(), JailError> {
    let doing = || JailError::system("run from a read-only mount of the program's file");
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let program = nix::fcntl::open("/proc/self/exe", flags, Mode::empty()).map_err(doing())?;
    let tried = std::env::var(TRIED).is_ok_and(|pid| pid == std::process::id().to_string());
    if tried {
        // SAFETY: called before any thread exists, by contract.
        unsafe { std::env::remove_var(TRIED) };
    }
    let read_only = fstatvfs(&program).map_err(doing())?.flags().contains(FsFlags::ST_RDONLY);
    if read_only || !geteuid().is_root() {
        return Ok(());
    }
    if tried {
        return Err(doing()(Errno::ENOTSUP));
    }
    let copy = root::read_only_copy(program.as_fd()).map_err(doing())?;
    let c_string = |bytes: Vec<u8>| CString::new(bytes).expect("the kernel passed it with a NUL at its end");
    let argv: Vec<CString> = std::env::args_os().map(|argument| c_string(argument.into_vec())).collect();
    let mut environment: Vec<CString> =
        std::env::vars_os().map(|(name, value)| c_string([name.into_vec(), value.into_vec()].join(&b'='))).collect();
    environment.push(c_string(format!("{TRIED}={}", std::process::id()).into_bytes()));
    let pointers = |texts: &[CString]| {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect::<Vec<*const libc::c_char>>()
    };
    let (arguments, variables) = (pointers(&argv), pointers(&environment));
    let (fd, this, how) = (copy.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: both lists end with a null pointer and hold NUL-terminated texts that outlive the call.
    let failed = unsafe { libc::syscall(libc::SYS_execveat, fd, this, arguments.as_ptr(), variables.as_ptr(), how) };
    Errno::result(failed).map(drop).map_err(doing())
}
