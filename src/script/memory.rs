//! A bound on the script's memory: every allocation of this process is counted. Rhai's own limits on lists and maps would
//! make each `push` walk the whole list, and the process's size tells too late: one step can double a list.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The allocator of this program.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Bytes allocated now.
static USED: AtomicUsize = AtomicUsize::new(0);
/// Bytes that no single step may exceed.
static WALL: AtomicUsize = AtomicUsize::new(usize::MAX);
/// A step that stays below the limit when it begins can at most copy a list and let the copy grow.
const WALL_FACTOR: usize = 4;
/// The wall is nowhere nearer than this: the verbs take their own, and tests run side by side.
const WALL_LEAST: usize = 1 << 30;

// SAFETY: all requests are passed to the system's allocator as they are; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size);
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn take(size: usize) {
    let before = USED.fetch_add(size, Ordering::Relaxed);
    if before.saturating_add(size) > WALL.load(Ordering::Relaxed) {
        end();
    }
}

/// Far beyond the limit within one step, where the interpreter cannot be asked to stop: the process ends here, as if it
/// were killed. A list that is asked for by its length was refused before ([`Meter::room`]).
#[cold]
fn end() -> ! {
    const MESSAGE: &[u8] =
        b"error: the script uses far more memory than it may\nhint: keep less at a time, or raise --max-memory\n";
    // SAFETY: write and _exit are system calls on a static text.
    unsafe {
        libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
        libc::_exit(1)
    }
}

/// What a script has taken since it began.
#[derive(Debug)]
pub struct Meter {
    base: Cell<usize>,
    limit: usize,
}

impl Meter {
    /// `limit` in bytes. There is one script at a time.
    pub fn new(limit: u64) -> Meter {
        let meter = Meter { base: Cell::new(0), limit: usize::try_from(limit).unwrap_or(usize::MAX) };
        meter.begin();
        meter
    }

    /// From now on it counts anew.
    pub fn begin(&self) {
        let base = USED.load(Ordering::Relaxed);
        WALL.store(base.saturating_add(self.limit.saturating_mul(WALL_FACTOR).max(WALL_LEAST)), Ordering::Relaxed);
        self.base.set(base);
    }

    pub fn exceeded(&self) -> bool {
        USED.load(Ordering::Relaxed).saturating_sub(self.base.get()) > self.limit
    }

    /// Whether as many more bytes fit.
    pub fn room(&self, bytes: u64) -> bool {
        let used = USED.load(Ordering::Relaxed).saturating_sub(self.base.get()) as u64;
        used.saturating_add(bytes) <= self.limit as u64
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        WALL.store(usize::MAX, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_until_it_is_given_back() {
        let meter = Meter { base: Cell::new(USED.load(Ordering::Relaxed)), limit: 64 << 20 };
        let mut block: Vec<u8> = Vec::with_capacity(96 << 20);
        assert!(meter.exceeded() && !meter.room(1));
        block.reserve_exact(128 << 20);
        assert!(meter.exceeded());
        drop(block);
        let zeroed = vec![0_u8; 96 << 20];
        assert!(meter.exceeded());
        drop(zeroed);
        assert!(!meter.exceeded() && meter.room(1 << 20) && !meter.room(1 << 30));
    }
}
