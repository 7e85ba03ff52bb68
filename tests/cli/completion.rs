//! Completion, hints and the pager of the REPL, as a person sees them on a terminal.

use std::fs;

use crate::harness::Place;
use crate::repl::Session;

const TAB: &str = "\t";
const CTRL_C: &str = "\x03";
const CTRL_U: &str = "\x15";
const RIGHT: &str = "\x1b[C";
const END: &str = "\x1b[F";

impl Session<'_> {
    /// Types and completes, until the line is this.
    fn complete(&mut self, typed: &str, line: &str) {
        self.keys(typed);
        self.terminal.press(TAB);
        let line = format!("jailsh> {line}");
        self.terminal.wait(&line, |screen| screen.lines().last() == Some(line.trim_end()));
    }

    fn clear(&mut self) {
        self.terminal.press(CTRL_U);
        self.prompt("jailsh>");
    }
}

#[test]
fn tab_completes_a_key_a_jail_a_method_and_a_path_in_a_jail() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.line("let web = create(\"web\", #{}); let web = jail(\"web\");");
    fs::create_dir_all(place.data().join("jails/web/data/srv/site")).unwrap();
    session.complete("jail(\"db\", #{ autos", "jail(\"db\", #{ autostart:");
    session.clear();
    session.complete("stats(\"w", "stats(\"web\"");
    session.clear();
    session.complete("web.destr", "web.destroy()");
    session.clear();
    session.complete("web.file(\"/srv/s", "web.file(\"/srv/site/");
    session.clear();
    session.complete(":us", ":use");
    session.complete("w", ":use web");
    session.clear();
    session.line("let settings = #{ port: 80, path: \"/\" };");
    session.complete("settings.por", "settings.port");
    session.clear();
    session.keys("jail(\"db\", #{ log: #{ ");
    session.terminal.press(TAB);
    session.terminal.see("stdout    text");
    insta::assert_snapshot!("menu", session.screen());
    session.terminal.press(CTRL_C);
    session.prompt("jailsh>");
    session.leave();
}

#[test]
fn a_hint_is_shown_and_taken_only_where_it_is_the_rest_of_a_word() {
    let place = Place::new();
    let mut session = Session::open_with(&place, (24, 80), &[("NO_COLOR", "")]);
    session.terminal.press("exec(");
    session.terminal.see("exec(jail: text, argv: list[, options: map]) -> Output");
    assert!(String::from_utf8_lossy(&session.terminal.raw).contains("\x1b[2mjail: text"), "a hint stays in the background");
    // No key makes it part of the line.
    session.terminal.press(&format!("{END}{RIGHT}\"web\", "));
    session.terminal.see("exec(\"web\", argv: list[, options: map]) -> Output");
    session.clear();
    session.terminal.press("jail(\"web\", #{ stop_grace: ");
    session.terminal.see("stop_grace: integer: 0 to 3600 seconds [5]");
    session.clear();
    session.terminal.press("prometh");
    session.terminal.see("prometheus()");
    session.terminal.press(&format!("{RIGHT}.len()"));
    session.terminal.see("prometheus().len()");
    session.clear();
    // An earlier line goes on by itself.
    session.line("let answer = 6 * 7;");
    session.terminal.press("let ans");
    session.terminal.see("jailsh> let answer = 6 * 7;\njailsh> let answer = 6 * 7;");
    session.clear();
    session.leave();
}

#[test]
fn long_output_goes_through_a_pager_that_can_be_left_early() {
    let place = Place::new();
    let mut session = Session::open_with(&place, (24, 80), &[("JAILSH_PAGER", "more")]);
    // Ctrl-C is the pager's, which may go on.
    for leave in ["q".to_owned(), format!("{CTRL_C}q")] {
        session.keys("let rows = []; for n in 0..90 { rows += #{ n: n, square: n * n } } rows");
        session.terminal.press("\r");
        session.terminal.see("--More--");
        session.terminal.press(&leave);
        session.prompt("jailsh>");
        assert!(!session.screen().contains("7921"), "the last row was not looked at");
    }
    session.line("1 + 1");
    session.terminal.see("\n2\n");
    session.leave();
    let mut missing = Session::open_with(&place, (24, 80), &[("JAILSH_PAGER", "/nonexistent/pager")]);
    missing.line("let rows = []; for n in 0..90 { rows += #{ n: n, square: n * n } } rows");
    missing.terminal.see("7921");
    missing.leave();
}

#[test]
fn what_a_jail_named_reaches_the_terminal_escaped() {
    let place = Place::new();
    let mut session = Session::open(&place);
    session.line("create(\"web\", #{}).change");
    let data = place.data().join("jails/web/data/srv");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("a\x1b]0;owned\x07"), "").unwrap();
    fs::write(data.join("plain"), "").unwrap();
    session.keys("jail(\"web\").file(\"/srv/");
    session.terminal.press(TAB);
    session.terminal.see("/srv/plain\"");
    session.clear();
    session.line("\"\\x1b]0;owned\\x07 one\\ntwo\"");
    session.terminal.see("\\u{1b}]0;owned\\u{7} one\ntwo");
    assert!(!session.terminal.raw.windows(4).any(|bytes| bytes == b"\x1b]0;"), "an escape sequence got through");
    session.leave();
}
