//! The machine's memory and clock.

use nix::errno::Errno;
use nix::time::ClockId;

/// A clock that nobody sets.
pub const SINCE_BOOT: ClockId = ClockId::CLOCK_MONOTONIC;

/// Bytes; `None` where the system does not tell.
pub fn physical_memory() -> nix::Result<Option<i64>> {
    let mut bytes = 0_i64;
    let mut size = size_of::<i64>();
    let none = std::ptr::null();
    // SAFETY: a NUL-terminated name, and room for the one integer that this node has.
    let answer = unsafe { libc::sysctlbyname(c"hw.physmem64".as_ptr(), (&raw mut bytes).cast(), &mut size, none, 0) };
    Errno::result(answer).map(|_| Some(bytes))
}
