//! No text of a `jail.toml` makes the parser panic, and what it takes it takes again after rendering.

use jailsh::jail::Spec;

pub fn judge(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let name = "fuzz".parse().expect("a name");
    if let Ok(spec) = Spec::from_toml(&name, text) {
        assert_eq!(Spec::from_toml(&name, &spec.to_toml()).expect("its own text"), spec);
    }
}
