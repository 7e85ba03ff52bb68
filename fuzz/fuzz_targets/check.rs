//! No text of a script makes the guard or the check panic.
#![no_main]

use jailsh::script::check::Checker;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut checker = Checker::new(Vec::new());
    checker.script("fuzz", None, text.to_owned());
    checker.finish();
});
