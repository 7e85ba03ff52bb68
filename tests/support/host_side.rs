//! A process that owns one of everything that others must not reach; see tests/attacks/host.c. It runs on the host, or in
//! a jail as that jail's own.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// It ends, and removes what it made, on drop.
pub struct HostSide {
    child: Child,
    targets: Vec<String>,
    /// Held so that it never writes into a closed pipe.
    _output: BufReader<ChildStdout>,
}

impl HostSide {
    /// Runs `command`, which must end in `attacks host BAIT`.
    pub fn start(mut command: Command) -> HostSide {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the target process starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut targets = Vec::new();
        let mut line = String::new();
        while !line.starts_with("ready=") {
            line.clear();
            let read = output.read_line(&mut line).expect("the target process speaks");
            assert!(read > 0, "the target process ended early: {:?}", child.wait());
            targets.push(line.trim_end().to_owned());
        }
        HostSide { child, targets, _output: output }
    }

    /// `key=value` arguments for the attack program.
    pub fn targets(&self) -> &[String] {
        &self.targets
    }
}

impl Drop for HostSide {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Its end is not what the test is about.
        let _ = self.child.wait();
    }
}
