//! Lines of a session over jails in a directory of the test's own.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::jail::{Config, Host};
use crate::kernel::sim::Sim;
use crate::repl::hint::hint;
use crate::repl::shell::Shell;
use crate::repl::{Settings, hint};
use crate::script::{Limits, Mode, Session};

/// Some jails, and what earlier lines left behind.
struct Console {
    shell: Shell,
    place: tempfile::TempDir,
}

impl Console {
    fn new() -> Console {
        let place = tempfile::tempdir().unwrap();
        let config = Config { data_dir: place.path().join("data"), run_dir: place.path().join("run") };
        let open = move || Ok(Host { kernel: Rc::new(Sim::new()), config: config.clone() });
        let session = Rc::new(Session::new(Mode::Act, open));
        let settings = Settings { limits: Limits::default(), module_path: Vec::new(), colour: true, open: None };
        for jail in ["web", "web-2", "db"] {
            std::fs::create_dir_all(place.path().join("data/jails").join(jail).join("data")).unwrap();
        }
        let mut console = Console { shell: Shell::new(&session, settings), place };
        console.run(
            "let web = jail(\"web\", #{});
             let settings = #{ port: 80, name: \"x\", deep: #{ inner: [1], \"not a word\": 2 } };
             fn greet(who, how) { who }
             import \"std/fleet\" as fleet;",
        );
        console
    }

    fn run(&mut self, text: &str) {
        let said = self.shell.console.evaluate("repl:1", text);
        assert!(matches!(said, crate::script::console::Said::Value(_)), "{said:?}");
    }

    /// Completed at a mark `^`, or at the end: what is typed then.
    fn offers(&self, line: &str) -> (usize, Vec<Offer>) {
        let at = line.find('^').unwrap_or(line.len());
        complete(&Known::new(&self.shell), &line.replacen('^', "", 1), at)
    }

    fn labels(&self, line: &str) -> Vec<String> {
        self.offers(line).1.into_iter().map(|offer| offer.label).collect()
    }

    fn has(&self, line: &str, wanted: &[&str], unwanted: &[&str]) {
        let found = self.labels(line);
        for label in wanted {
            assert!(found.iter().any(|known| known == label), "{line}: no {label} in {found:?}");
        }
        for label in unwanted {
            assert!(found.iter().all(|known| known != label), "{line}: {label} in {found:?}");
        }
    }

    /// The line after the only candidate was taken.
    fn taken(&self, line: &str) -> String {
        let (start, offers) = self.offers(line);
        assert_eq!(offers.len(), 1, "{line}: {offers:?}");
        format!("{}{}", &line[..start], offers[0].insert)
    }

    fn menu(&self, line: &str, width: usize) -> String {
        menu(self.offers(line).1, width).into_iter().map(|pair| format!("    {}\n", pair.display)).collect()
    }

    fn hint(&self, line: &str) -> String {
        let history = ["web.exec([\"ps\", \"ax\"])", "stats().len()", "list()\nstats()"];
        let before = |typed: &str| history.iter().find(|line| line.starts_with(typed)).map(|line| (*line).to_owned());
        let found = hint(&Known::quick(&self.shell), line, line.len(), &before);
        found.map_or("nothing".to_owned(), |hint| {
            let taken = rustyline::hint::Hint::completion(&hint).map_or(String::new(), |taken| format!(" (takes {taken:?})"));
            format!("{:?}{taken}", rustyline::hint::Hint::display(&hint))
        })
    }
}

#[test]
fn names_of_earlier_lines_are_known_with_what_they_are() {
    let console = Console::new();
    console.has("web.st", &["start", "status", "stop", "stats"], &["stdout"]);
    console.has("settings.", &["port", "name", "deep", "keys"], &["start", "not a word"]);
    console.has("settings.deep.", &["inner"], &["port"]);
    console.has("settings.port.", &[], &["start", "inner"]);
    console.has("settings.name.", &["trim"], &["inner"]);
    console.has("gre", &["greet"], &[]);
    console.has("", &["stats"], &["assert", "given"]);
    console.has("fl", &["fleet"], &[]);
    console.has("fleet::", &["rolling_restart", "canary"], &["print"]);
    // A name of this line counts for more than one of the lines before.
    console.has("let web = [1]; web.", &["push"], &["start"]);
    assert_eq!(console.taken("gree"), "greet(");
    assert_eq!(console.taken("web.freez"), "web.freeze()");
    assert_eq!(console.taken("web.destro"), "web.destroy()");
    assert_eq!(console.offers("web.destro^()").1[0].insert, "destroy");
}

#[test]
fn keys_come_with_their_types_and_those_that_are_there_are_left_out() {
    let console = Console::new();
    console.has("jail(\"x\", #{ po", &["ports"], &["profile"]);
    console.has("web.exec([\"ls\"], #{ ", &["timeout", "user"], &["ports"]);
    console.has("jail(\"x\", #{\n    ports: [80],\n    ", &["command"], &["ports"]);
    assert_eq!(console.taken("jail(\"x\", #{ po"), "jail(\"x\", #{ ports: ");
    let menus = [80, 40].map(|width| format!("{width} columns\n{}", console.menu("jail(\"x\", #{ log: #{ ", width)));
    insta::assert_snapshot!([menus.concat(), console.menu("web.s", 80), console.menu("web.s", 20)].join("--\n"));
}

#[test]
fn a_value_that_nothing_is_typed_of_begins_as_its_key_says() {
    let console = Console::new();
    assert_eq!(console.taken("jail(\"x\", #{ log: "), "jail(\"x\", #{ log: #{ ");
    assert_eq!(console.taken("jail(\"x\", #{ services: "), "jail(\"x\", #{ services: [#{ ");
    assert_eq!(console.taken("jail(\"x\", #{ command: "), "jail(\"x\", #{ command: [");
    assert_eq!(console.labels("jail(\"x\", #{ autostart: "), ["true", "false"]);
    assert_eq!(console.labels("jail(\"x\", #{ profile: "), ["\"low\"", "\"medium\"", "\"high\""]);
    console.has("jail(\"x\", #{ profile: p", &["profile"], &["\"low\""]);
    console.has("jail(\"x\", #{ stop_grace: ", &["settings"], &[]);
}

#[test]
fn jails_are_named_where_one_is_asked_for() {
    let console = Console::new();
    for line in ["jail(\"", "stats(\"", "exec(\"", "start(\"", "clone(\"", "create(\""] {
        assert_eq!(console.labels(line), ["db", "web", "web-2"], "{line}");
    }
    assert_eq!(console.labels("print(\""), [""; 0]);
    assert_eq!(console.labels("exec(\"web\", [\""), [""; 0]);
    assert_eq!(console.taken("jail(\"d"), "jail(\"db\"");
    assert_eq!(console.offers("jail(\"d^\")").1[0].insert, "db");
}

#[test]
fn other_texts_are_completed_by_what_their_verb_takes() {
    let console = Console::new();
    assert_eq!(console.labels("profile(\""), ["high", "low", "medium"]);
    console.has("web.wait(\"", &["running", "down"], &["TERM"]);
    console.has("web.kill(\"", &["TERM", "HUP"], &["running"]);
    console.has("profile(\"low\").deny(\"mo", &["mount"], &["chroot"]);
    console.has("profile(\"low\").grant([\"mount\", \"raw_", &["raw_socket", "raw_io"], &["process_see"]);
    console.has("jail(\"x\", #{ base: \"", &["host"], &[]);
    console.has("import \"std/", &["std/fleet"], &[]);
}

#[test]
fn paths_are_those_of_the_jail_and_never_lead_out_of_it() {
    let console = Console::new();
    let data = console.place.path().join("data/jails/web/data");
    for directory in ["srv/site", "srv/shop"] {
        std::fs::create_dir_all(data.join(directory)).unwrap();
    }
    std::fs::write(data.join("srv/index.html"), "").unwrap();
    std::fs::write(data.join("srv/evil\x1b[2J\""), "").unwrap();
    symlink("/", data.join("srv/out")).unwrap();
    symlink("../../../../../..", data.join("srv/up")).unwrap();
    symlink("site", data.join("srv/near")).unwrap();
    assert_eq!(console.labels("web.file(\"/srv/"), ["index.html", "near", "out", "shop/", "site/", "up"]);
    assert_eq!(console.labels("web.file(\"/srv/s"), ["shop/", "site/"]);
    assert_eq!(console.taken("web.file(\"/srv/si"), "web.file(\"/srv/site/");
    assert_eq!(console.taken("web.file(\"/srv/in"), "web.file(\"/srv/index.html\"");
    console.has("jail(\"web\").remove(\"/", &["srv/"], &[]);
    console.has("let it = jail(\"web\"); it.dir(\"/", &["srv/"], &[]);
    console.has("web.exec([\"ls\"], #{ creates: \"/srv/", &["site/"], &[]);
    // Both lead to the jail's own top.
    for out in ["web.file(\"/srv/out/", "web.file(\"/srv/up/", "web.file(\"/../../"] {
        console.has(out, &["srv/"], &["proc/", "bin/", "jails/", "data/"]);
    }
    assert_eq!(console.labels("web.file(\"/nowhere/"), [""; 0]);
    assert_eq!(console.labels("jail(\"nowhere\").file(\"/"), [""; 0]);
    assert_eq!(console.labels("jail(\"../web\").file(\"/"), [""; 0]);
}

#[test]
fn with_a_jail_in_use_its_methods_need_no_name() {
    let console = Console::new();
    assert_eq!(console.labels("file("), console.labels(""));
    console.has("fil", &[], &["file"]);
    console.shell.session.interactive.make_use_of(Some("web".parse().unwrap()));
    console.has("fil", &["file"], &[]);
    console.has("to_j", &[], &["to_json"]);
    console.has("stats().", &["cpu1s"], &[]);
    std::fs::create_dir_all(console.place.path().join("data/jails/web/data/srv")).unwrap();
    console.has("file(\"/", &["srv/"], &[]);
    console.has("wait(\"", &["running"], &[]);
    assert_eq!(console.hint("exec("), "\"argv: list[, options: map]) -> Output\"");
    assert_eq!(console.hint(":time exec("), "\"argv: list[, options: map]) -> Output\"");
    assert_eq!(console.hint("jail("), "\"name: text[, spec: map]) -> Jail\"");
}

#[test]
fn host_paths_are_offered_where_one_is_read() {
    let console = Console::new();
    let place = console.place.path().display().to_string();
    std::fs::write(console.place.path().join("web.tar"), "").unwrap();
    assert_eq!(console.labels(&format!("import_from(\"{place}/w")), ["web.tar"]);
    console.has(&format!("import_from(\"{place}/"), &["data/", "web.tar"], &[]);
    assert!(Path::new(&place).exists());
}

#[test]
fn commands_and_questions_are_completed() {
    let console = Console::new();
    console.has(":", &[":help", ":json", ":quit"], &["print"]);
    assert_eq!(console.taken(":js"), ":json");
    console.has("?ja", &["jail"], &["list"]);
    console.has("?spec.po", &["spec.ports"], &[]);
    console.has("? std/fl", &["std/fleet"], &[]);
    console.has(":doc spec.po", &["spec.ports"], &["web"]);
    assert_eq!(console.labels(":profile "), ["low", "medium", "high"]);
    assert_eq!(console.labels(":use w"), ["web", "web-2"]);
    assert_eq!(console.labels(":load /etc/passw"), console.labels(":save! /etc/passw"));
    assert_eq!(console.taken(":time settings.po"), ":time settings.port");
    assert_eq!(console.taken(":plan web.freez"), ":plan web.freeze()");
    assert_eq!(console.labels(":nonsense x"), [""; 0]);
}

#[test]
fn the_arguments_of_a_command_are_completed_by_what_help_calls_them() {
    let console = Console::new();
    let offers = |arguments: &str, rest: &str| {
        let line = format!(":x {rest}");
        let (start, offers) = of_arguments(&Known::new(&console.shell), arguments, rest, line.len());
        offers.iter().map(|offer| format!("{}{}", &line[..start], offer.insert)).collect::<Vec<_>>()
    };
    assert_eq!(offers("NAME", "we"), [":x web", ":x web-2"]);
    assert_eq!(offers("[NAME]", ""), [":x db", ":x web", ":x web-2"]);
    assert_eq!(offers("on|off|filter", "o"), [":x on", ":x off"]);
    assert_eq!(offers("SECONDS EXPR", "2 settings.po"), [":x 2 settings.port"]);
    assert_eq!(offers("EXPR", "1 + settings.po"), [":x 1 + settings.port"]);
    assert_eq!(offers("SECONDS EXPR", "2"), [""; 0]);
    assert_eq!(offers("[CMD]", "js"), [":x json"]);
    assert_eq!(offers("EXPR|FILE", "/etc/passwd")[0], ":x /etc/passwd");
    assert_eq!(offers("FILE", "/etc/passw")[0], ":x /etc/passwd");
    assert_eq!(offers("", "x"), [""; 0]);
}

#[test]
fn hints_tell_parameters_and_units_and_are_taken_only_where_they_are_words() {
    let console = Console::new();
    let lines = [
        "",
        "   ",
        "web.",
        "web.ex",
        "web.exec",
        "web.exec(",
        "web.exec([\"ls\"]",
        "web.exec([\"ls\"], ",
        "web.exec([\"ls\"], #{ ",
        "web.exec([\"ls\"], #{ timeout: ",
        "web.exec([\"ls\"], #{ timeout: 5",
        "web.exec([\"ls\"], #{ timeout: 5, ",
        "web.exec([\"ls\"], #{ timeo",
        "jail(\"x\", #{ stop_grace: ",
        "jail(\"x\", #{ log: #{ facility: \"loc",
        "greet(",
        "greet(1, ",
        "stats().l",
        "list",
        "web.start",
        "web.destr",
        "sleep(",
        ":j",
        "?jail",
        "?jail_o",
        "?spec.por",
        ":help",
        ":help ",
        "settings.po",
        "fleet::canary(",
        "// comment",
        "jail(\"d",
        "unknown_thing(",
    ];
    insta::assert_snapshot!(lines.map(|line| format!("{line:<40} {}\n", console.hint(line))).concat());
}

#[test]
fn a_hint_fits_the_rest_of_the_line_and_what_is_cut_off_cannot_be_taken() {
    let console = Console::new();
    let found = hint(&Known::quick(&console.shell), "web.exec(", 9, &|_| None).unwrap();
    let shown =
        |width| found.clone().fitting(width, "web> ", "web.exec(").map(|hint| rustyline::hint::Hint::display(&hint).to_owned());
    assert_eq!(shown(80).unwrap(), "argv: list[, options: map]) -> Output");
    assert_eq!(shown(40).unwrap(), "argv: list[, options: ma…");
    assert_eq!(shown(20), None);
    let rest = hint(&Known::quick(&console.shell), "settings.po", 11, &|_| None).unwrap();
    assert_eq!(rustyline::hint::Hint::completion(&rest), Some("rt"));
    assert_eq!(rest.fitting(18, "web> ", "settings.po"), None);
}

#[test]
fn the_names_of_the_jails_are_read_once_for_many_keys() {
    let remembered = Remembered::default();
    let reads = std::cell::Cell::new(0);
    let read = || {
        reads.set(reads.get() + 1);
        vec!["web".parse().unwrap()]
    };
    for _ in 0..100 {
        assert_eq!(remembered.jails(read).len(), 1);
    }
    assert!(reads.get() < 10, "read {} times", reads.get());
}

#[test]
fn a_line_twice_as_long_takes_no_more_than_some_times_as_long() {
    let console = Console::new();
    let least = |rows: usize| {
        let line = format!("{}web.ex", "let a = #{ ports: [80], log: #{ tag: \"x\" } };\n".repeat(rows));
        let once = || {
            let begun = std::time::Instant::now();
            assert_eq!(console.offers(&line).1.len(), 2);
            assert!(hint::hint(&Known::quick(&console.shell), &line, line.len(), &|_| None).is_none());
            begun.elapsed()
        };
        (0..5).map(|_| once()).min().unwrap()
    };
    let (short, long) = (least(40), least(80));
    assert!(long < short * 6, "{short:?} for 40 rows, {long:?} for 80");
}

#[test]
fn whatever_is_typed_is_answered_and_stays_as_it_is() {
    let console = Console::new();
    let pieces = prop::sample::select(vec![
        "web",
        ".",
        "exec",
        "(",
        ")",
        "[",
        "]",
        "{",
        "#{",
        "}",
        "\"",
        "`",
        "${",
        ",",
        ";",
        ":",
        "?",
        "::",
        "settings",
        "deep",
        "fleet",
        "jail",
        "/srv/",
        "../",
        "\\",
        "'",
        " ",
        "\n",
        "\r",
        "\t",
        "é",
        "日本",
        "\u{1b}[2J",
        "\u{202e}",
        "\u{0}",
        ":help",
        ":use ",
        "//",
        "/*",
        "let ",
        "import ",
        "profile",
        "ports: ",
        "1",
        "=",
    ]);
    let lines = prop_oneof![prop::collection::vec(pieces, 0..20).prop_map(|words| words.concat()), "\\PC{0,40}"];
    let places = (lines, prop::collection::vec(any::<prop::sample::Index>(), 4));
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() });
    let tried = runner.run(&places, |(line, places)| {
        for at in places.into_iter().map(|place| place.index(line.len() + 2)).chain([line.len()]) {
            let (start, offers) = complete(&Known::quick(&console.shell), &line, at);
            prop_assert!(start <= floor(&line, at) && line.is_char_boundary(start), "{start} for {at} in {line:?}");
            for offer in &offers {
                prop_assert!(!offer.insert.chars().any(is_unprintable), "{offer:?}");
            }
            for pair in menu(offers, 40) {
                prop_assert!(
                    !pair.display.chars().any(is_unprintable) && unicode_width::UnicodeWidthStr::width(&*pair.display) < 40
                );
            }
            let found = hint::hint(&Known::quick(&console.shell), &line, at, &|_| Some(line.clone() + "\u{1b}[2J"));
            if let Some(hint) = found.and_then(|hint| hint.fitting(40, "> ", &line)) {
                prop_assert!(!rustyline::hint::Hint::display(&hint).chars().any(is_unprintable), "{hint:?}");
            }
        }
        Ok(())
    });
    tried.unwrap();
}
