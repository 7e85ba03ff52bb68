//! No text of a plan file makes the parser panic; what it takes it takes again after writing, and no path in it climbs.
#![no_main]

use jailsh::plan::{Document, listing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(plan) = Document::parse(text) {
        let again = Document::parse(&plan.to_json()).expect("its own text");
        assert_eq!(again, plan);
        let _ = listing(&plan.actions);
    }
});
