//! What only a terminal gets: colours, and a table that is drawn in place.

use std::fs::File;
use std::io::{Read, Write};

use nix::pty::{Winsize, openpty};

use crate::harness::{Place, Test};

/// Everything that a run shows on a terminal of 20 lines and 40 columns.
fn shown(run: Test<'_>) -> String {
    shown_after("", run)
}

/// The same, with something typed beforehand.
fn shown_after(typed: &str, run: Test<'_>) -> String {
    let (succeeded, text) = ended_after(typed, run);
    assert!(succeeded, "{text}");
    text
}

/// The same of one that may fail, and whether it did not.
fn ended_after(typed: &str, run: Test<'_>) -> (bool, String) {
    let size = Winsize { ws_row: 20, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).expect("a pty");
    let slave = File::from(terminal.slave);
    let mut screen = File::from(terminal.master);
    screen.write_all(typed.as_bytes()).expect("a terminal");
    let copy = || slave.try_clone().expect("a descriptor");
    let mut command = run.command();
    let mut child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("the tool starts");
    // Ours must not keep the terminal open.
    drop((command, slave));
    let mut text = Vec::new();
    // It ends with EIO when the last slave is closed.
    let _ = screen.read_to_end(&mut text);
    let succeeded = child.wait().expect("a child").success();
    (succeeded, String::from_utf8(text).expect("text").replace("\r\n", "\n"))
}

fn with_web() -> Place {
    let place = Place::new();
    place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go();
    place.write_spec("web", "=");
    place
}

#[test]
fn states_are_coloured_on_a_terminal() {
    let place = with_web();
    let text = shown(place.run("jailmgr", &["status"]).with("TERM", "xterm"));
    assert!(text.contains("\u{1b}[31munreadable\u{1b}[0m") && text.contains("\u{1b}[1mNAME\u{1b}[0m"), "{text:?}");
}

#[test]
fn nothing_is_coloured_elsewhere_or_where_it_is_not_wanted() {
    let place = with_web();
    let piped = place.run("jailmgr", &["status"]).with("TERM", "xterm").go().stdout;
    let unwanted = shown(place.run("jailmgr", &["status"]).with("TERM", "xterm").with("NO_COLOR", "1"));
    let dumb = shown(place.run("jailmgr", &["status"]).with("TERM", "dumb"));
    assert!(!piped.contains('\u{1b}'), "{piped:?}");
    assert_eq!((&unwanted, &dumb), (&piped, &piped));
    let json = shown(place.run("jailmgr", &["status", "-o", "json"]).with("TERM", "xterm"));
    assert!(!json.contains('\u{1b}'), "{json:?}");
    let empty = shown(place.run("jailmgr", &["status"]).with("TERM", "xterm").with("NO_COLOR", ""));
    assert!(empty.contains('\u{1b}'), "an empty NO_COLOR counts as none");
}

#[test]
fn top_draws_in_place_and_cuts_lines_to_the_terminal() {
    let place = Place::new();
    let text = shown(place.run("jailctl", &["top", "-n", "2", "-d", "10ms"]).with("TERM", "xterm"));
    assert_eq!(text.matches("\u{1b}[H").count(), 2, "{text:?}");
    insta::assert_snapshot!(text.replace('\u{1b}', "<esc>"));
}

#[test]
fn a_jails_own_words_move_no_cursor() {
    let place = Place::new();
    place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go();
    place.write_spec("web", "command = [\"/bin/x\\u001b]0;pwned\\u0007\\u202e\"]");
    let text = shown(place.run("jailmgr", &["list"]).with("TERM", "xterm").with("NO_COLOR", "1"));
    assert!(text.contains("\\u{1b}]0;pwned\\u{7}\\u{202e}"), "{text:?}");
    assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text:?}");
}

#[test]
fn who_edits_on_a_terminal_may_try_again() {
    let place = Place::new().file("edit", "grep -q hgih \"$1\" && sed -i s/hgih/low/ \"$1\" || sed -i s/high/hgih/ \"$1\"");
    place.run("jailmgr", &["create", "-x", "/bin/true", "web"]).go();
    let edit = || place.run("jailmgr", &["config", "--edit", "web"]).with("EDITOR", "sh edit");
    let text = shown_after("y\n", edit());
    assert!(text.contains("did you mean \"high\"?") && text.contains("edit again? [Y/n]"), "{text:?}");
    assert!(text.ends_with("Changed jail web\n  profile: \"high\" -> \"low\"\n"), "{text:?}");
}

#[test]
fn a_run_counts_its_actions_and_colours_how_they_end() {
    let site = "let web = jail(\"web\", #{});\nweb.create();\nweb.file(\"/etc/a\", \"x\");\n";
    let place = Place::new()
        .file("site.rhai", site)
        .file("bad.rhai", format!("{site}web.file(\"/etc/b\", \"x\", #{{ owner: \"none\" }});"));
    let plan = place.run("jailsh", &["plan", "--json", "site.rhai"]).go().stdout;
    let planned = plan.replace("[place]", &place.work().parent().expect("its root").display().to_string());
    let place = place.file("plan.json", planned);
    let ok = "\u{1b}[32mok      \u{1b}[0m";
    let text = shown(place.run("jailsh", &["run", "--plan", "plan.json"]).with("TERM", "xterm"));
    for part in [format!("1/2 {ok} web: create"), format!("2/2 {ok} web: write /etc/a"), "1/2 web: create ...".into()] {
        assert!(text.contains(&part), "{part:?} in {text:?}");
    }
    let (succeeded, text) = ended_after("", place.run("jailsh", &["run", "bad.rhai"]).with("TERM", "xterm"));
    assert!(!succeeded, "{text}");
    assert!(text.contains("  1 \u{1b}[31mFAILED  \u{1b}[0m web: write /etc/b"), "{text:?}");
    let text = place.run("jailsh", &["run", "bad.rhai"]).go().to_string();
    assert!(!text.contains('\u{1b}') && !text.contains("  1 "), "{text}");
}
