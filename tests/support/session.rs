//! Running rows of the table and hearing each result before the next row starts.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Runs `command`, which must end in `attacks run CLASS ...` or `attacks row NAME ...`, and calls `heard` with each row's
/// name and result. The rows wait meanwhile, so what happened since the last call is this row's doing.
pub fn run(mut command: Command, mut heard: impl FnMut(&str, &str)) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the attack program starts");
    let mut go_on = child.stdin.take().expect("piped");
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let line = line.expect("the attack program speaks UTF-8");
        let (name, result) = line.split_once('\t').unwrap_or_else(|| panic!("a name and a result: {line:?}"));
        heard(name, result);
        // A single row does not wait and may be gone.
        let _ = go_on.write_all(b".");
    }
    drop(go_on);
    let status = child.wait().expect("the attack program ends");
    assert!(status.success(), "the attack program ended with {status}");
}
