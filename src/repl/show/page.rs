//! Output longer than the screen goes through a pager: a child without a shell and with a clean environment.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use unicode_width::UnicodeWidthStr;

use super::Screen;

/// Quits by itself if all fits, lets colours through, leaves the text on the screen.
const USUAL: [&str; 2] = ["less", "-FRX"];
/// Where programs of the host are; what the caller's PATH says does not matter to root.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What of the caller's environment a pager needs.
const KEPT: [&str; 7] = ["TERM", "LANG", "LC_ALL", "LC_CTYPE", "COLORTERM", "TERMINFO", "TERMINFO_DIRS"];

/// The program that shows long output; none where there is no terminal to show it on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pager {
    argv: Vec<String>,
}

impl Pager {
    /// By `JAILSH_PAGER`, `PAGER`, or less(1). Empty or `cat` is none, and so is a terminal that cannot move its cursor.
    pub fn of_environment() -> Pager {
        let is_screen = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        match is_screen {
            true => Pager::chosen(&|name| std::env::var(name).ok()),
            false => Pager::default(),
        }
    }

    fn chosen(variable: &dyn Fn(&str) -> Option<String>) -> Pager {
        if variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
            return Pager::default();
        }
        let named = ["JAILSH_PAGER", "PAGER"].into_iter().find_map(variable);
        let argv = match named {
            // Words that no shell would take apart either are nobody's pager.
            Some(words) => shlex::split(&words).unwrap_or_default(),
            None => USUAL.map(str::to_owned).to_vec(),
        };
        match argv.first().map(String::as_str) {
            None | Some("" | "cat") => Pager::default(),
            Some(_) => Pager { argv },
        }
    }

    fn command(&self) -> Option<Command> {
        let (program, arguments) = self.argv.split_first()?;
        let kept = |name: &&str| std::env::var_os(name).map(|value| (OsString::from(name), value));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(KEPT.iter().filter_map(kept))
            .env("PATH", PATH)
            // No shell, no editor, no other file out of less(1), which may run as root; and no history of it.
            .env("LESSSECURE", "1")
            .env("LESSHISTFILE", "-")
            .env("LESSCHARSET", "utf-8")
            .current_dir("/")
            .stdin(Stdio::piped());
        Some(command)
    }
}

/// Prints on standard output, through the pager if it takes more than the screen's lines.
///
/// # Errors
/// Standard output cannot be written.
pub fn deliver(text: &str, pager: &Pager, screen: Screen) -> std::io::Result<()> {
    let child = if takes(text, screen.width) < screen.lines {
        None
    } else {
        pager.command().and_then(|mut command| command.spawn().ok())
    };
    match child {
        Some(child) => {
            feed(child, text);
            Ok(())
        }
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        }
    }
}

/// Lines of a screen that it takes.
fn takes(text: &str, width: usize) -> usize {
    text.lines().map(|line| bare_width(line).div_ceil(width.max(1)).max(1)).sum()
}

/// Without the sequences that colour it.
fn bare_width(line: &str) -> usize {
    let mut parts = line.split("\x1b[");
    let first = parts.next().map_or(0, UnicodeWidthStr::width);
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, after)| after.width())).sum::<usize>()
}

/// A Ctrl-C on the terminal reaches both; it is the pager's, and is not heard here until that has ended.
struct Deaf(Option<SigAction>);

impl Deaf {
    fn new() -> Deaf {
        extern "C" fn nothing(_signal: i32) {}
        // A handler and not SIG_IGN: what a child inherits must not be an ignored signal, were one started meanwhile.
        let deaf = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler does nothing at all.
        Deaf(unsafe { sigaction(Signal::SIGINT, &deaf) }.ok())
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: it is the action that was there before.
            let _ = unsafe { sigaction(Signal::SIGINT, before) };
        }
    }
}

fn feed(mut child: Child, text: &str) {
    let _deaf = Deaf::new();
    if let Some(mut into) = child.stdin.take() {
        // Who quits early has seen enough; any other failure the pager shows itself.
        if let Err(error) = into.write_all(text.as_bytes())
            && error.kind() != ErrorKind::BrokenPipe
        {
            let _ = writeln!(std::io::stderr(), "the pager takes no more: {error}");
        }
    }
    // Nothing follows from how it ended.
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)]) -> Vec<String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Pager::chosen(&find).argv
    }

    #[test]
    fn the_pager_is_an_argv_and_ours_goes_before_everybodys() {
        let term = ("TERM", "xterm");
        assert_eq!(chosen(&[term]), ["less", "-FRX"]);
        assert_eq!(chosen(&[term, ("PAGER", "more -d")]), ["more", "-d"]);
        assert_eq!(chosen(&[term, ("PAGER", "more"), ("JAILSH_PAGER", "most '-a b'")]), ["most", "-a b"]);
        assert_eq!(chosen(&[term, ("JAILSH_PAGER", "x; $(reboot) | y")]), ["x;", "$(reboot)", "|", "y"]);
        for none in ["", " ", "cat", "'unclosed"] {
            assert_eq!(chosen(&[term, ("PAGER", none)]), [""; 0]);
        }
        assert_eq!(chosen(&[("TERM", "dumb")]), [""; 0]);
        assert_eq!(chosen(&[]), [""; 0]);
    }

    #[test]
    fn lines_that_are_wider_than_the_screen_take_several() {
        assert_eq!(takes("", 10), 0);
        assert_eq!(takes("a\n\nb\n", 10), 3);
        assert_eq!(takes("12345678901\n", 10), 2);
        assert_eq!(takes("\x1b[32m1234567890\x1b[0m\n", 10), 1);
    }

    #[test]
    fn a_pager_has_a_clean_environment_and_one_that_quits_early_is_no_error() {
        let into = tempfile::NamedTempFile::new().unwrap();
        let script = format!("env > {}; read line", into.path().display());
        let pager = Pager { argv: vec!["sh".into(), "-c".into(), script] };
        let long = "a line\n".repeat(100_000);
        deliver(&long, &pager, Screen { width: 80, lines: 10, colour: false }).unwrap();
        let seen = std::fs::read_to_string(into.path()).unwrap();
        assert!(seen.lines().any(|line| line == "LESSSECURE=1"), "{seen}");
        assert!(!seen.lines().any(|line| line.starts_with("CARGO") || line.starts_with("HOME")), "{seen}");
    }

    #[test]
    fn a_missing_pager_is_none() {
        let pager = Pager { argv: vec!["/nonexistent/pager".into()] };
        assert!(pager.command().unwrap().spawn().is_err());
        deliver("one\ntwo\n", &pager, Screen { width: 80, lines: 1, colour: false }).unwrap();
    }
}
