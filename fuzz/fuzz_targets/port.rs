#![no_main]

#[path = "../judges/mod.rs"]
mod judges;

libfuzzer_sys::fuzz_target!(|input: &[u8]| judges::judge("port", input));
