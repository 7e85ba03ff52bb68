//! newest: what is live on a terminal, over jails that run: events above the line, the view of all jails, a line watched.

#[path = "support/terminal.rs"]
mod terminal;

use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use terminal::Terminal;

/// The kernel body that scripts/test has chosen.
fn body() -> Option<String> {
    let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
    if body.is_none() {
        eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
    }
    body
}

/// A jail that runs; gone at the end of the test however that ends.
struct Running {
    name: &'static str,
    body: String,
    place: tempfile::TempDir,
}

impl Running {
    fn start(body: String, name: &'static str) -> Running {
        let jail = Running { name, body, place: tempfile::tempdir().unwrap() };
        jail.must("jailmgr", &["create", "-x", "/bin/sh -c 'echo began; exec sleep 1000'", "-l", "medium", name]);
        jail.must("jailmgr", &["start", name]);
        jail
    }

    fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(tool).args(["--kernel", &self.body, "--data-dir"]).arg(self.place.path().join("data"));
        // Nobody's history, and nobody's colours.
        command.args(arguments).stdin(Stdio::null()).env("HOME", self.place.path()).env("NO_COLOR", "1");
        command.env("XDG_STATE_HOME", self.place.path()).env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        self.command(tool, arguments).output().unwrap()
    }

    fn must(&self, tool: &str, arguments: &[&str]) {
        let output = self.run(tool, arguments);
        assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A console whose events are on.
    fn console(&self) -> Terminal {
        let mut terminal = Terminal::start(self.command("jailsh", &[]), (24, 100));
        for _ in 0..100 {
            // Whoever types faster than this is a program, and nothing looks.
            std::thread::sleep(Duration::from_millis(300));
            enter(&mut terminal, ":events");
            let told =
                terminal.wait("answer", |screen| screen.contains("told above the line") && last_line(screen).ends_with('>'));
            if !told.contains("nothing looks for them") {
                return terminal;
            }
            terminal.press("\u{c}");
            terminal.wait("empty screen", |screen| !screen.contains("told above the line"));
        }
        panic!("nothing looks for events");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What the test already did itself fails here, and need not be done again.
        self.run("jailmgr", &["stop", self.name]);
        self.run("jailmgr", &["destroy", self.name]);
    }
}

/// The line that is being typed.
fn last_line(screen: &str) -> &str {
    screen.lines().last().unwrap_or_default()
}

/// Types at the prompt, and waits until it stands there: what comes with an Enter in one read is not the next
/// line's. A hint may follow it.
fn write(terminal: &mut Terminal, text: &str) {
    terminal.wait("prompt", |screen| last_line(screen).ends_with('>'));
    terminal.press(text);
    let shown = text.trim_start_matches('\u{c}');
    terminal.wait(shown, |screen| last_line(screen).contains(shown));
}

fn enter(terminal: &mut Terminal, line: &str) {
    write(terminal, line);
    terminal.press("\r");
}

#[test]
fn a_restart_is_told_above_the_line_that_is_being_typed() {
    let Some(body) = body() else { return };
    let jail = Running::start(body, "live-falls");
    let mut terminal = jail.console();
    write(&mut terminal, "let x = 40 +");
    jail.must("jailctl", &["kill", "-s", "KILL", jail.name]);
    // The line is taken away for a moment and painted again below.
    let screen = terminal.wait("restart above the line", |screen| {
        screen.contains("* live-falls: restarted") && last_line(screen).contains("let x = 40 +")
    });
    assert!(screen.contains("* live-falls: ended: killed "), "{screen}");
    terminal.press(" 2;\r");
    enter(&mut terminal, "x");
    terminal.see("42");
    enter(&mut terminal, ":events off");
    write(&mut terminal, "let y = 1 +");
    // It is told when the next run begins, which is before its process is one of the jail's.
    jail.must("jailctl", &["wait", "--for", "running", "--timeout", "20", jail.name]);
    jail.must("jailctl", &["kill", "-s", "KILL", jail.name]);
    terminal.press(" 1;\r");
    let ended_twice = |screen: &str| screen.matches("Z live-falls: ended").count() == 2;
    let mut screen = String::new();
    for _ in 0..100 {
        enter(&mut terminal, "\u{c}:events");
        screen = terminal.wait("answer", |screen| screen.contains("events are off") && last_line(screen).ends_with('>'));
        if ended_twice(&screen) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(ended_twice(&screen) && !screen.contains("* live-falls"), "{screen}");
    terminal.press("\u{4}");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn a_denial_is_told_above_the_line_and_why_knows_the_remedy() {
    let Some(body) = body() else { return };
    let jail = Running::start(body.clone(), "live-denied");
    let mut terminal = jail.console();
    write(&mut terminal, "let x = 40 +");
    let denied = ["exec", jail.name, "/usr/bin/busybox", "ping", "-c", "1", "127.0.0.1"];
    assert!(!jail.run("jailctl", &denied).status.success(), "medium grants no ping");
    if body != "lsm" {
        terminal.press(" 2;\r");
        enter(&mut terminal, ":why live-denied");
        terminal.see("is not known: telling denials cannot be had from the landlock body");
        return;
    }
    let told = "* live-denied: denied ping (socket inet raw icmp) to busybox, pid ";
    terminal.wait("denial above the line", |screen| screen.contains(told) && last_line(screen).contains("let x = 40 +"));
    terminal.press(" 2;\r");
    enter(&mut terminal, ":why");
    let screen =
        terminal.wait("remedy", |screen| screen.contains("jail(\"live-denied\").update(") && last_line(screen).ends_with('>'));
    let remedy = "profile: #{ base: \"medium\", grant: #{ ping: \"busybox needs it\" } },";
    assert!(screen.contains("live-denied was denied 1 time") && screen.contains(remedy), "{screen}");
    // The remedy is a line that works.
    let line = screen.lines().find_map(|line| line.trim().strip_prefix("jail(").map(|_| line.trim().to_owned())).unwrap();
    enter(&mut terminal, &line);
    terminal.see("hanged");
    jail.must("jailctl", &denied);
    enter(&mut terminal, ":why");
    terminal.see("By now it is allowed.");
    // What one console read, another one reads too.
    let mut other = jail.console();
    enter(&mut other, ":why live-denied");
    other.see("live-denied was denied 1 time");
}

#[test]
fn the_live_view_and_a_watched_line_give_the_console_back() {
    let Some(body) = body() else { return };
    let jail = Running::start(body, "live-seen");
    let mut terminal = jail.console();
    enter(&mut terminal, "let kept = 41;");
    terminal.wait("prompt", |screen| last_line(screen).ends_with('>'));
    let modes = terminal.modes();
    enter(&mut terminal, ":top");
    terminal.see("live-seen");
    assert!(terminal.is_alternate());
    terminal.resize(24, 70);
    terminal.wait("narrow head", |screen| {
        screen.lines().nth(2).is_some_and(|line| line.contains("PROCS") && !line.contains("SINCE"))
    });
    terminal.resize(24, 100);
    terminal.press("/live-seen\r\r");
    terminal.wait("processes", |screen| {
        screen.contains("PROCESSES") && screen.contains("live-seen, jid ") && screen.contains("jailctl: supervise jail=live-seen")
    });
    terminal.see("stdout: began");
    terminal.press("qq");
    terminal.wait("console", |screen| screen.contains(":top") && !screen.contains("PROCESSES"));
    enter(&mut terminal, ":watch 200ms kept + 4");
    terminal.see("any key ends it");
    terminal.see("45");
    terminal.press("x");
    terminal.wait("console", |screen| !screen.contains("any key ends it") && last_line(screen).ends_with('>'));
    enter(&mut terminal, ":watch 200ms throw \"no luck\"");
    terminal.see("error[");
    terminal.press("\u{3}");
    terminal.wait("console", |screen| !screen.contains("any key ends it") && last_line(screen).ends_with('>'));
    enter(&mut terminal, ":logs live-seen");
    terminal.see("stdout: began");
    // The line that was typed before is still the one before.
    terminal.wait("prompt", |screen| last_line(screen).ends_with('>'));
    terminal.press("\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A");
    terminal.wait("history", |screen| last_line(screen).contains(":top"));
    assert!(terminal.modes() == modes && !String::from_utf8_lossy(&terminal.raw).contains("\u{1b}[31m"), "NO_COLOR is set");
    terminal.press("\r");
    terminal.wait("view", |screen| screen.contains("PROCS"));
    terminal.signal(Signal::SIGTERM);
    assert_eq!(terminal.end().code(), Some(143));
    assert!(!terminal.is_alternate());
}
