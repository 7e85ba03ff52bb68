//! `:watch`: a line evaluated again and again, its value drawn in place.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::{Answer, Command};
use crate::repl::shell::{Shell, say};
use crate::repl::show;
use crate::script::console::Said;
use crate::script::{Hearing, duration};
use crate::telemetry::{self, clock};

pub const COMMAND: Command = Command {
    name: "watch",
    arguments: "TIME EXPR",
    help: "evaluate anew every so often, until a key is pressed: :watch 2 stats()",
    run,
};

/// Shortest time between two evaluations.
const SHORTEST: Duration = Duration::from_millis(100);

/// The alternate screen without cursor and without wrapping, and back (xterm's ctlseqs: 1049, 25, 7).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

fn parse(argument: &str) -> Result<(Duration, &str), String> {
    let (time, line) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    let usage = "use :watch TIME EXPR, such as :watch 2 stats()";
    if line.trim().is_empty() {
        return Err(format!("nothing is to be watched; {usage}"));
    }
    let delay = duration::parse(time).map_err(|why| format!("{why}; {usage}"))?;
    Ok((delay.max(SHORTEST), line.trim()))
}

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let (delay, line) = parse(argument)?;
    let _hearing = Hearing::begin();
    let mut terminal = Terminal::enter().map_err(|errno| format!("the terminal cannot be read key by key: {}", errno.desc()))?;
    loop {
        let begun = Instant::now();
        let (text, end) = evaluate(shell, line);
        terminal.draw(&format!("every {delay:?}: {line}  {}  any key ends it", clock(telemetry::now())), &text);
        if end.is_some() || key(delay.saturating_sub(begun.elapsed())) {
            drop(terminal);
            // What was seen last stays to be read.
            say(&text);
            return Ok(end.unwrap_or(Answer::Done));
        }
    }
}

/// What to show; how to go on if not with another time.
fn evaluate(shell: &mut Shell, line: &str) -> (String, Option<Answer>) {
    let said = shell.console.aside("watch", line);
    if matches!(said, Said::Failed { .. }) {
        shell.session.interactive.failed();
    }
    shell.undo.remember(line, shell.session.interactive.deeds());
    match said {
        Said::Exit(status) => (String::new(), Some(Answer::Leave(status))),
        Said::Value(value) => {
            let shown = show::show(&value, shell.form, show::Screen::of_terminal(shell.colour));
            (shown.unwrap_or_else(|fault| format!("error: {fault}")), None)
        }
        Said::Failed { report, interrupted } => (report, interrupted.then_some(Answer::Done)),
    }
}

/// Waits for a key, which is taken, or Ctrl-C. Did one come?
fn key(wait: Duration) -> bool {
    let until = Instant::now() + wait;
    loop {
        if Hearing::is_pending() {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        let stdin = stdin();
        let mut keys = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut keys, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) => return Hearing::is_pending(),
            Err(Errno::EINTR) => {}
            Err(_) => return true,
            Ok(_) => {
                // An arrow is several bytes; a terminal that hung up has none.
                let _ = nix::unistd::read(stdin.as_fd(), &mut [0; 64]);
                return true;
            }
        }
    }
}

/// The terminal, giving keys as they are pressed; as it was once this is dropped.
struct Terminal {
    before: Termios,
    /// It can be drawn on; else snapshots follow each other.
    in_place: bool,
}

impl Terminal {
    fn enter() -> Result<Terminal, Errno> {
        let before = tcgetattr(stdin())?;
        let mut keys = before.clone();
        // Ctrl-C still ends a line that does not end.
        keys.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        tcsetattr(stdin(), SetArg::TCSANOW, &keys)?;
        let in_place = stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        let terminal = Terminal { before, in_place };
        if in_place {
            put(ENTER);
        }
        Ok(terminal)
    }

    fn draw(&mut self, head: &str, text: &str) {
        if !self.in_place {
            put(&format!("{head}\n{}\n\n", text.trim_end()));
            return;
        }
        put(&frame(head, text, show::Screen::of_terminal(false).lines));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.in_place {
            put(LEAVE);
        }
        // A terminal that hung up has no settings.
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &self.before);
    }
}

/// Drawn over what is there (ECMA-48: CUP, EL, ED); lines that do not fit the screen are counted.
fn frame(head: &str, text: &str, lines: usize) -> String {
    let content: Vec<&str> = text.trim_end().lines().collect();
    let room = lines.saturating_sub(2).max(1);
    let hidden = content.len().saturating_sub(room);
    let shown = if hidden > 0 { &content[..room - 1] } else { &content[..] };
    let mut frame = format!("\x1b[H{head}\x1b[K\n\x1b[K");
    for line in shown {
        frame += &format!("\n{line}\x1b[0m\x1b[K");
    }
    if hidden > 0 {
        frame += &format!("\nand {} lines more\x1b[K", hidden + 1);
    }
    frame + "\x1b[J"
}

/// A terminal that hung up sees nothing.
fn put(text: &str) {
    let mut stdout = stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_before_the_line() {
        assert_eq!(parse("2 stats()"), Ok((Duration::from_secs(2), "stats()")));
        assert_eq!(parse("1ms  let x = 1; x"), Ok((SHORTEST, "let x = 1; x")));
        for wrong in ["", "2", "2 ", "stats()", "soon stats()"] {
            assert!(parse(wrong).is_err_and(|why| why.contains("such as :watch 2 stats()")), "{wrong:?}");
        }
    }

    #[test]
    fn what_does_not_fit_the_screen_is_counted() {
        let lines = |text: &str, height| frame("head", text, height).matches('\n').count() + 1;
        assert_eq!(lines("a\nb\n", 24), 4);
        let text = "x\n".repeat(30);
        assert_eq!(lines(&text, 10), 10);
        assert!(frame("head", &text, 10).contains("and 23 lines more"));
        assert!(frame("head", &text, 1).contains("and 30 lines more"));
    }
}
