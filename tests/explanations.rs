//! Each example of `jailsh explain` ends with the code that it is to explain.

use std::process::{Command, Stdio};

use jailsh::script::explain::{self, Example};

/// These take more than a script; other tests bring them about.
const TOLD: [&str; 21] = [
    "E0304", "E0305", "E0306", "E0308", "E0309", "E0310", "E0313", "E0314", "E0315", "E0316", "E0317", "E0319", "E0320", "E0326",
    "E0327", "E0328", "E0329", "E0330", "E0401", "E0407", "E0408",
];

#[test]
fn every_example_ends_with_its_code() {
    let mut told = Vec::new();
    for explanation in explain::all() {
        let place = tempfile::tempdir().unwrap();
        let (options, script): (&[&str], &str) = match explanation.example {
            Example::Script(script) => (&[], script),
            Example::With(options, script) => (options, script),
            Example::Importing { module: (name, text), script } => {
                std::fs::write(place.path().join(format!("{name}.rhai")), text).unwrap();
                (&[], script)
            }
            Example::Told(_) => {
                told.push(explanation.code.as_str());
                continue;
            }
        };
        std::fs::write(place.path().join("example.rhai"), script).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_jailsh"))
            .args(["--kernel", "sim"])
            .args(options)
            .arg("example.rhai")
            .current_dir(place.path())
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_ne!(output.status.code(), Some(0), "{}: {said}", explanation.code);
        assert!(said.contains(&format!("error[{}]: ", explanation.code)), "{}: {said}", explanation.code);
    }
    assert_eq!(told, TOLD);
}
