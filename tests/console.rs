//! landlock: the REPL with real jails, typed by hand.

#[path = "support/terminal.rs"]
mod terminal;

use std::os::unix::process::CommandExt;
use std::process::Command;

use terminal::Terminal;

const JAIL: &str = "typed-by-hand";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// A data directory and the body; its jail is destroyed on drop, however the test ended.
struct Host {
    body: String,
    data: tempfile::TempDir,
}

impl Host {
    /// `None` after saying why the test is skipped.
    fn here() -> Option<Host> {
        let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
        if body.is_none() {
            eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
        }
        Some(Host { body: body?, data: tempfile::tempdir().expect("a scratch directory") })
    }

    fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(tool).args(["--kernel", &self.body, "--data-dir"]).arg(self.data.path()).args(arguments);
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Only what a failed test left; a good one left nothing.
        let _ = self.command("jailmgr", &["destroy", "--force", JAIL]).output();
    }
}

fn line(terminal: &mut Terminal, text: &str, prompt: &str) -> String {
    terminal.press(text);
    terminal.wait(text, |screen| screen.lines().last().is_some_and(|line| line.ends_with(text.trim())));
    terminal.press("\r");
    terminal.wait(prompt, |screen| screen.lines().last() == Some(prompt))
}

#[test]
fn a_jails_life_is_typed_by_hand_and_taken_back() {
    let Some(host) = Host::here() else { return };
    let mut command = host.command("jailsh", &[]);
    command.env("TERM", "xterm").env("NO_COLOR", "1").env("PAGER", "cat").env("XDG_STATE_HOME", host.data.path().join("state"));
    let mut repl = Terminal::start(command, (50, 90));
    let used = format!("{JAIL}>");
    repl.wait("jailsh>", |screen| screen.lines().last() == Some("jailsh>"));
    line(
        &mut repl,
        &format!("create(\"{JAIL}\", #{{ command: [\"/usr/bin/sleep\", \"1000\"], profile: \"low\" }}).change"),
        "jailsh>",
    );
    line(&mut repl, &format!(":use {JAIL}"), &used);
    line(&mut repl, "start().change", &used);
    let ran = line(&mut repl, "exec([\"echo\", \"from inside\"]).stdout", &used);
    assert!(ran.contains("from inside"), "{ran}");
    // The command gets Ctrl-C, the shell goes on.
    repl.press("exec([\"sleep\", \"500\"]).status");
    repl.see("\"500\"]).status");
    repl.press("\r");
    let sleeping = || {
        String::from_utf8_lossy(&host.command("jailctl", &["exec", JAIL, "ps", "ax"]).output().unwrap().stdout)
            .contains("sleep 500")
    };
    let begun = std::time::Instant::now();
    while !sleeping() {
        assert!(begun.elapsed().as_secs() < 30, "{}", repl.screen());
    }
    repl.press(CTRL_C);
    repl.wait("the prompt", |screen| screen.lines().last() == Some(&used));
    // A shell inside, on a terminal of its own.
    repl.press(":shell\r");
    repl.wait("a shell", |screen| screen.lines().last().is_some_and(|line| line.ends_with('#') || line.ends_with('$')));
    repl.press("echo $((40 + 2)); exit\r");
    repl.wait("42", |screen| screen.lines().any(|line| line.trim() == "42"));
    repl.wait("the prompt", |screen| screen.lines().last() == Some(&used));
    line(&mut repl, "stop().change", &used);
    let undone = line(&mut repl, ":undo", &used);
    assert!(undone.contains(&format!("{JAIL}: start")), "{undone}");
    let up = line(&mut repl, "status().state", &used);
    assert!(up.trim_end_matches(&used).trim_end().ends_with("\"running\""), "{up}");
    let gone = line(&mut repl, "stop(); destroy().change", "jailsh>");
    assert!(gone.contains(&format!("note: jail {JAIL} is gone")), "{gone}");
    repl.press(CTRL_D);
    assert_eq!(repl.end().code(), Some(0));
    assert!(!host.data.path().join("jails").join(JAIL).exists());
}
