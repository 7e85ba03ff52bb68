//! No text of a script makes the guard or the check panic.

use std::cell::RefCell;

use jailsh::script::check::Checker;

/// Texts that one engine checks: to make one takes a hundred times as long as to check a text.
const TEXTS: usize = 256;

thread_local! {
    static CHECKER: RefCell<Option<(Checker, usize)>> = const { RefCell::new(None) };
}

pub fn judge(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (mut checker, count) = CHECKER.take().unwrap_or_else(|| (Checker::new(Vec::new()), 0));
    checker.script("fuzz", None, text.to_owned());
    match count {
        TEXTS.. => drop(checker.finish()),
        _ => CHECKER.set(Some((checker, count + 1))),
    }
}
