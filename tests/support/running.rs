//! A program that runs beside a test.

#![allow(dead_code, reason = "each test uses its part")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A child of the test that is killed and reaped on drop.
pub struct Running(pub Child);

impl Running {
    pub fn start(mut command: Command) -> Running {
        Running(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts"))
    }

    /// All it says, once its input ended.
    pub fn end(mut self) -> String {
        drop(self.0.stdin.take());
        let output = self.0.stdout.take().expect("piped");
        let lines: Vec<String> = BufReader::new(output).lines().map_while(Result::ok).collect();
        self.0.wait().expect("it is ours");
        lines.join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
