//! No text of a plan file makes the parser panic; what it takes it takes again after writing.

use jailsh::plan::{Document, listing};

pub fn judge(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(plan) = Document::parse(text) {
        let again = Document::parse(&plan.to_json()).expect("its own text");
        assert_eq!(again, plan);
        let _ = listing(&plan.actions);
    }
}
