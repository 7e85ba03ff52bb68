//! No text of a `jail.toml` makes the parser panic, and what it takes it takes again after rendering.
#![no_main]

use jailsh::jail::Spec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let name = "fuzz".parse().expect("a name");
    if let Ok(spec) = Spec::from_toml(&name, text) {
        assert_eq!(Spec::from_toml(&name, &spec.to_toml()).expect("its own text"), spec);
    }
});
