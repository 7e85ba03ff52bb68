//! Reads the denials out of the module's ring buffer (Documentation/bpf/ringbuf.rst).
//!
//! The ring has one place from which its readers take, and whoever takes first would leave nothing to the others: a
//! console, a live view. So each reader keeps its own place, and the ring's is moved on only once the ring is half full, by
//! whoever reads then, or by a supervisor. A reader that comes now still finds what was denied before.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::size_of;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::abi::{self, DenialEvent};
use super::control::Control;
use super::pins;
use crate::kernel::bpf::Abi;
use crate::kernel::{Denial, Jid, KernelError, Object, Right};

/// Bytes of the ring, as kmod/linux/state.h makes it (EVENT_RING_BYTES).
const RING: u64 = 1 << 19;
/// Before each record: its length, and where it is. The kernel's BPF_RINGBUF_HDR_SZ.
const HEADER: u64 = 8;
/// Bits of the length: the record is still being written, or is none (BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT).
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;

/// Where a reader is; `None` before its first look.
pub type Place = Cell<Option<u64>>;

/// All that were told since the last look, oldest first, and how many went by unread.
pub fn take(control: &Control, place: &Place) -> Result<(Vec<Denial>, u64), KernelError> {
    let map = control.open("denial_events")?;
    let ring = Ring::open(map.as_fd())?;
    if place.get() == Some(ring.written()) {
        return Ok((Vec::new(), 0));
    }
    // Readers take turns: what one is reading no other gives back to the kernel.
    let _lock = pins::lock()?;
    let (written, freed) = (ring.written(), ring.freed());
    let before = place.get().filter(|at| *at <= written).unwrap_or(freed);
    let record = record_size(size_of::<DenialEvent>() as u32);
    let missed = freed.saturating_sub(before) / record;
    let mut taken = Vec::new();
    let mut at = before.max(freed);
    while at < written {
        let length = ring.length(at);
        if length & BUSY != 0 {
            break;
        }
        let size = length & !DISCARDED;
        if length & DISCARDED == 0 && size as usize >= size_of::<DenialEvent>() {
            taken.extend(denial(&ring.event(at + HEADER)));
        }
        at += record_size(size);
    }
    place.set(Some(at));
    if written - freed > RING / 2 {
        ring.free(at, written - RING / 2);
    }
    Ok((taken, missed))
}

/// Gives the oldest half back to the kernel once the ring is half full, so that the newest are told where nobody reads.
/// Called by each supervisor once a second.
pub fn relieve(control: &Control) -> Result<(), KernelError> {
    let map = control.open("denial_events")?;
    let ring = Ring::open(map.as_fd())?;
    if ring.written() - ring.freed() <= RING / 2 {
        return Ok(());
    }
    let _lock = pins::lock()?;
    let written = ring.written();
    ring.free(written, written - RING / 2);
    Ok(())
}

/// Bytes that a record takes: with its header, in steps of eight.
fn record_size(length: u32) -> u64 {
    (u64::from(length) + HEADER).next_multiple_of(8)
}

/// The ring as it is mapped: the readers' place, the writers' place, the records twice in a row, so that none is torn.
struct Ring {
    freed: Mapped,
    written: Mapped,
    page: u64,
}

struct Mapped {
    start: NonNull<c_void>,
    length: usize,
}

impl Mapped {
    fn new(map: impl AsFd, protection: ProtFlags, length: u64, offset: u64) -> Result<Mapped, KernelError> {
        let length = NonZeroUsize::new(length as usize).expect("a page or more");
        // SAFETY: a new mapping at a place of the kernel's choice.
        let start = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, map, offset as libc::off_t) };
        let start = start.map_err(KernelError::system("map the ring of denials"))?;
        Ok(Mapped { start, length: length.get() })
    }

    /// The value at this many bytes.
    fn at<T>(&self, offset: u64) -> NonNull<T> {
        debug_assert!(offset as usize + size_of::<T>() <= self.length);
        // SAFETY: within the mapping.
        unsafe { self.start.byte_add(offset as usize).cast() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`; all references to it ended before.
        let _ = unsafe { munmap(self.start, self.length) };
    }
}

impl Ring {
    fn open(map: impl AsFd) -> Result<Ring, KernelError> {
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as u64;
        let freed = Mapped::new(map.as_fd(), ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, page, 0)?;
        let written = Mapped::new(map.as_fd(), ProtFlags::PROT_READ, page + 2 * RING, page)?;
        Ok(Ring { freed, written, page })
    }

    fn freed(&self) -> u64 {
        // SAFETY: a counter at the start of a mapped page, which the kernel and readers change atomically.
        unsafe { self.freed.at::<AtomicU64>(0).as_ref() }.load(Ordering::Acquire)
    }

    fn written(&self) -> u64 {
        // SAFETY: as above.
        unsafe { self.written.at::<AtomicU64>(0).as_ref() }.load(Ordering::Acquire)
    }

    fn offset(&self, at: u64) -> u64 {
        self.page + (at & (RING - 1))
    }

    fn length(&self, at: u64) -> u32 {
        // SAFETY: the header of a record, in steps of eight, which the kernel ends by a release.
        unsafe { self.written.at::<AtomicU32>(self.offset(at)).as_ref() }.load(Ordering::Acquire)
    }

    fn event(&self, at: u64) -> DenialEvent {
        // SAFETY: a whole record that the kernel has ended and that is not given back yet; every bit pattern is an event.
        unsafe { self.written.at::<DenialEvent>(self.offset(at)).read_unaligned() }
    }

    /// Gives the records before `until` back to the kernel, of those that end before `read`.
    fn free(&self, read: u64, until: u64) {
        let mut at = self.freed();
        while at < until && at < read {
            let length = self.length(at);
            if length & BUSY != 0 {
                break;
            }
            at += record_size(length & !DISCARDED);
        }
        // SAFETY: as in `freed`; readers hold the lock.
        unsafe { self.freed.at::<AtomicU64>(0).as_ref() }.store(at, Ordering::Release);
    }
}

fn denial(event: &DenialEvent) -> Option<Denial> {
    let mut address = [0; 16];
    address.copy_from_slice(&event.subject[..16]);
    let object = Object::from_raw(event.object, address);
    // The address is no text.
    let is_address = matches!(object, Object::Destination { .. } | Object::Port { .. });
    let subject = if is_address { String::new() } else { abi::text(&event.subject) };
    Some(Denial {
        jid: Jid::new(event.jid)?,
        right: Right::from_index(event.right)?,
        pid: event.pid,
        command: abi::text(&event.command),
        audited: event.audited != 0,
        object,
        subject: Some(subject).filter(|subject| !subject.is_empty()),
        when_ns: event.when_ns,
    })
}

/// An event is read as its bytes are.
const _: fn() = || {
    fn is_abi<T: Abi>() {}
    is_abi::<DenialEvent>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_as_large_as_the_module_makes_it() {
        let state = include_str!("../../../kmod/linux/state.h");
        assert!(state.contains("EVENT_RING_BYTES = 1 << 19,"), "RING is not what state.h says");
    }

    #[test]
    fn records_take_whole_steps_of_eight() {
        assert_eq!([0, 1, 8, 208].map(record_size), [8, 16, 16, 216]);
    }
}
