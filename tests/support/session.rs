//! Running rows of the table one by one, each when it is asked for.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The attack program, waiting for the word to go on.
pub struct Session {
    child: Child,
    go_on: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Runs `command`, which must end in `attacks run CLASS ...` or `attacks row NAME ...`. Returns when the program is in
    /// place, in its chroot or jail, and has done nothing yet.
    pub fn start(mut command: Command) -> Session {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the attack program starts");
        let go_on = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut session = Session { child, go_on, output };
        assert_eq!(session.line().as_deref(), Some("ready"), "of {command:?}");
        session
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).expect("the attack program speaks UTF-8");
        (read > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// Lets the next row run; its name and its result, or `None` after the last one.
    pub fn next_row(&mut self) -> Option<(String, String)> {
        // After the last row nobody reads this any more.
        let _ = self.go_on.as_mut().map(|pipe| pipe.write_all(b"."));
        let Some(line) = self.line() else {
            let status = self.child.wait().expect("it is ours");
            assert!(status.success(), "the attack program ended with {status}");
            return None;
        };
        let (name, result) = line.split_once('\t').unwrap_or_else(|| panic!("a name and a result: {line:?}"));
        Some((name.to_owned(), result.to_owned()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.go_on.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
