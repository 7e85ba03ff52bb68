//! A jail's root: where it is composed, how it is found again, and the way into it. Each system makes roots of its own mounts,
//! behind the same functions.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "netbsd")]
use netbsd as here;

pub use here::seed;
pub(super) use here::{OWN_PROGRAMS, go_in, open_pty, read_only_copy, run_of, unlink_stale};
pub use here::{base_in_use, forget, pin, pinned, prepare_run_dir, unpin};
