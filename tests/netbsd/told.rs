//! What parts of the program for NetBSD asked of a system that is not there.

use std::cell::RefCell;

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub fn tell(what: String) {
    TOLD.with_borrow_mut(|told| told.push(what));
}

/// All since the last time.
pub fn told() -> Vec<String> {
    TOLD.take()
}
