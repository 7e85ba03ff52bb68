//! Takes the denials out of the module's ring buffer.

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::os::fd::AsRawFd;

use super::abi::{self, DenialEvent};
use super::control::Control;
use super::pins;
use crate::kernel::{Denial, Jid, KernelError, Right};

/// All that wait, oldest first. One reader at a time: the ring has one place to read from.
pub fn take(control: &Control) -> Result<Vec<Denial>, KernelError> {
    let _lock = pins::lock()?;
    let map = control.open("denial_events")?;
    let mut taken: Vec<Denial> = Vec::new();
    let into: *mut c_void = (&raw mut taken).cast();
    // SAFETY: an open ring buffer; `into` outlives the ring, which is freed below.
    let ring = unsafe { libbpf_sys::ring_buffer__new(map.as_raw_fd(), Some(keep), into, std::ptr::null()) };
    if ring.is_null() {
        return Err(KernelError::System { doing: "open the ring of denials".into(), errno: nix::errno::Errno::last() });
    }
    // SAFETY: a ring just made; `keep` is called from within, on this thread.
    let answer = unsafe { libbpf_sys::ring_buffer__consume(ring) };
    // SAFETY: a ring just made, not used after this.
    unsafe { libbpf_sys::ring_buffer__free(ring) };
    if answer < 0 {
        let errno = nix::errno::Errno::from_raw(-answer);
        return Err(KernelError::System { doing: "read the ring of denials".into(), errno });
    }
    Ok(taken)
}

/// # Safety
/// `into` is the vector of [`take`]; `data` is readable for `size` bytes.
unsafe extern "C" fn keep(into: *mut c_void, data: *mut c_void, size: libbpf_sys::size_t) -> c_int {
    if size as usize >= size_of::<DenialEvent>() {
        // SAFETY: enough bytes, and every bit pattern is a valid event (trait Abi).
        let event = unsafe { data.cast::<DenialEvent>().read_unaligned() };
        // SAFETY: the vector of `take`, which nothing else uses meanwhile.
        let taken = unsafe { &mut *into.cast::<Vec<Denial>>() };
        taken.extend(denial(&event));
    }
    0
}

fn denial(event: &DenialEvent) -> Option<Denial> {
    Some(Denial {
        jid: Jid::new(event.jid)?,
        right: Right::from_index(event.right)?,
        pid: event.pid,
        command: abi::text(&event.command),
        object: event.object,
        when_ns: event.when_ns,
    })
}
