//! The module's nodes as sysctlbyname(3) has them, and what else of the system the body asks. Runs on NetBSD alone.

use std::ffi::{CString, c_int, c_void};
use std::ptr;

use nix::errno::Errno;

use super::Nodes;

/// Below which all nodes of the module are.
const TREE: &str = "security.models.jail";
/// Tries to read a node that grows between the question for its size and the one for its bytes.
const TRIES: usize = 16;
/// Where the kernel does not say: what most ports have.
const USUAL_HZ: u64 = 100;

/// The running kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sysctl;

/// One sysctlbyname(3): what is written, and room for what is read; the number of bytes that there are.
fn ask(name: &str, old: Option<&mut [u8]>, new: Option<&[u8]>) -> (usize, Result<(), i32>) {
    let Ok(name) = CString::new(name) else { return (0, Err(libc::EINVAL)) };
    let (old, mut length) = old.map_or((ptr::null_mut(), 0), |old| (old.as_mut_ptr().cast::<c_void>(), old.len()));
    let (new, new_length) = new.map_or((ptr::null(), 0), |new| (new.as_ptr().cast::<c_void>(), new.len()));
    // SAFETY: the name is NUL-terminated; both buffers are as long as said, or null and empty; all outlive the call.
    let answer = unsafe { libc::sysctlbyname(name.as_ptr(), old, &mut length, new, new_length) };
    (length, if answer == 0 { Ok(()) } else { Err(Errno::last_raw()) })
}

fn read(name: &str) -> Result<Vec<u8>, i32> {
    for _ in 0..TRIES {
        let (length, sized) = ask(name, None, None);
        sized?;
        // A jail may come in between.
        let mut bytes = vec![0; length + length / 4];
        match ask(name, Some(&mut bytes), None) {
            (length, Ok(())) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            (_, Err(libc::ENOMEM)) => {}
            (_, Err(number)) => return Err(number),
        }
    }
    Err(libc::ENOMEM)
}

impl Nodes for Sysctl {
    fn read(&self, node: &str) -> Result<Vec<u8>, i32> {
        read(&format!("{TREE}.{node}"))
    }

    fn write(&self, node: &str, new: &[u8]) -> Result<(), i32> {
        ask(&format!("{TREE}.{node}"), None, Some(new)).1
    }

    fn exchange(&self, node: &str, new: &[u8]) -> (Vec<u8>, Result<(), i32>) {
        // What the kernel does not fill in stays zero, which names no jail and no port.
        let mut old = vec![0; new.len()];
        let (_, result) = ask(&format!("{TREE}.{node}"), Some(&mut old), Some(new));
        (old, result)
    }

    /// `stathz` of struct clockinfo (sys/time.h): the fourth of five integers. Zero stands for `hz`, the first.
    fn ticks_per_second(&self) -> u64 {
        const SIZE: usize = size_of::<c_int>();
        let Ok(bytes) = read("kern.clockrate") else { return USUAL_HZ };
        let number = |at: usize| {
            let field = bytes.get(at * SIZE..(at + 1) * SIZE)?;
            u64::try_from(c_int::from_ne_bytes(field.try_into().ok()?)).ok().filter(|number| *number > 0)
        };
        number(3).or_else(|| number(0)).unwrap_or(USUAL_HZ)
    }

    fn release(&self) -> String {
        nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default()
    }
}
