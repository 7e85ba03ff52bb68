//! Values of scripts over the simulated host, as they print.

use std::rc::Rc;

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::script::testing::Trial;

/// Jails in several states, then the value of an expression.
fn value(script: &str) -> Dynamic {
    const JAILS: &str = r#"
        let web = jail("web", #{ command: ["/usr/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/var/www/mysite"], ports: [8080], autostart: true });
        web.create();
        web.start();
        let db = jail("db", #{ profile: #{ base: "high", grant: #{ ping: "pings its peers" } }, env: #{ LANG: "C.UTF-8" }, log: #{ tag: "jail-db" } });
        db.create();
    "#;
    let session = Rc::new(Trial::default()).session();
    let mut engine = crate::script::of_session(session);
    engine.on_print(|_| {});
    engine.eval::<Dynamic>(&format!("{JAILS}{script}")).unwrap_or_else(|error| {
        let why = match *error {
            rhai::EvalAltResult::ErrorRuntime(value, _) => {
                show(&value, Form::Auto, Screen { width: 80, lines: 24, colour: false }).unwrap()
            }
            other => other.to_string(),
        };
        panic!("{script}: {why}")
    })
}

/// Lines of each in a snapshot.
const LINES: usize = 30;

/// At 80 and 40 columns, and with colours.
fn shown(scripts: &[&str]) -> String {
    let mut text = String::new();
    for script in scripts {
        let value = value(script);
        for (width, colour) in [(80, false), (40, false), (80, true)] {
            let shown = show(&value, Form::Auto, Screen { width, lines: 24, colour }).unwrap();
            let how = if colour { "painted" } else { "plain" };
            let lines: Vec<&str> = shown.lines().collect();
            let more = lines.len().saturating_sub(LINES);
            text += &format!("--- {script} ({width}, {how})\n{}\n", lines[..lines.len() - more].join("\n").replace('\x1b', "␛"));
            if more > 0 {
                text += &format!("... {more} more, the last: {}\n", lines[lines.len() - 1].replace('\x1b', "␛"));
            }
        }
    }
    text
}

#[test]
fn listings_are_tables_with_units_and_say_what_has_no_room() {
    insta::assert_snapshot!(shown(&[
        "list()",
        "stats()",
        "list().to_array().filter(|row| row.autostart)",
        "profile(\"low\").check().failed()"
    ]));
}

#[test]
fn one_record_is_a_list_of_keys_and_values() {
    insta::assert_snapshot!(shown(&["web.stats()", "web.status()", "list()[0]"]));
}

#[test]
fn a_jail_is_its_state_in_a_line() {
    insta::assert_snapshot!(shown(&["web", "db", "jail(\"new\", #{ ports: [80] })", "jail(\"new\")"]));
}

#[test]
fn a_change_is_what_it_did_and_its_difference() {
    insta::assert_snapshot!(shown(&[
        "web.start()",
        "web.file(\"/etc/motd\", \"one\\ntwo\\n\"); web.file(\"/etc/motd\", \"one\\n\\tTWO\\x1b[2J\\n\")",
        "jail(\"db\", #{ profile: \"low\" }).create()",
        "db.destroy()",
    ]));
}

#[test]
fn processes_are_a_tree() {
    insta::assert_snapshot!(shown(&["processes()"]));
}

#[test]
fn an_empty_listing_says_of_what_it_is() {
    let session = Rc::new(Trial::default()).session();
    let engine = crate::script::of_session(session);
    for (script, words) in [("list()", "no jails\n"), ("stats()", "no jail is up\n"), ("processes()", "no processes\n")] {
        let value = engine.eval::<Dynamic>(script).unwrap();
        assert_eq!(show(&value, Form::Auto, Screen { width: 80, lines: 24, colour: true }).unwrap(), words);
    }
}

#[test]
fn what_a_command_wrote_is_raw_and_its_failure_is_told() {
    insta::assert_snapshot!(shown(&[
        "on_exec(\"web\", [\"ls\"], #{ stdout: \"a\\tb\\nc \\x1b[31md\\n\" }); web.exec([\"ls\"])",
        "on_exec(\"web\", [\"ls\"], #{ stdout: \"a\\n\", stderr: \"no such\\nfile\\n\", status: 2 }); web.exec([\"ls\"])",
        "on_exec(\"web\", [\"ls\"], #{ status: 137 }); web.exec([\"ls\"])",
        "on_exec(\"web\", [\"ls\"], #{}); web.exec([\"ls\"])",
        "web.file(\"/var/done\", \"\"); web.exec([\"ls\"], #{ creates: \"/var/done\" })",
    ]));
}

#[test]
fn profiles_differences_and_proofs_can_be_read() {
    insta::assert_snapshot!(shown(&[
        "profile(#{ base: \"medium\", deny: [\"mount\"], grant: #{ ping: \"pings its peers\" } })",
        "profile(\"medium\").diff(profile(\"low\"))",
        "profile(\"low\").diff(\"low\")",
        "profile(#{ base: \"high\", must_deny: [\"mount\"] }).check()",
    ]));
}

#[test]
fn plain_values_look_as_in_a_script_and_nothing_is_silent() {
    insta::assert_snapshot!(shown(&[
        "()",
        "42",
        "-1.0",
        "1e30",
        "true",
        "'x'",
        "'\\n'",
        "\"short \\\" text\\x1b\"",
        "\"many\\n\\tlines \\x1b[1m\\n\"",
        "[]",
        "#{}",
        "[1, 2.5, \"x\", (), [true, 'c']]",
        "0..7",
        "|x| x + 1",
        "fn double(x) { x * 2 } Fn(\"double\")",
        "blob(3, 65)",
        "[blob(20, 1), blob()]",
        "blob(300, 7)",
    ]));
}

#[test]
fn large_and_deep_values_are_bounded_and_spread_over_lines() {
    insta::assert_snapshot!(shown(&[
        "db.spec",
        "#{ web: web, \"a key\": [1, 2], if_: #{ \"if\": (), output: web.processes(), rows: list() }, out: web.start() }",
        "let a = []; for i in 0..300 { a.push(`item ${i}`); } a",
        "let deep = []; for i in 0..20 { deep = [deep]; } deep",
        "let long = \"\"; for i in 0..1000 { long += \"abcdefghij\"; } [long]",
    ]));
}

#[test]
fn facts_errors_and_the_kernel_are_readable() {
    insta::assert_snapshot!(shown(&[
        "let seen; try { jail(\"web\", #{ prots: [80] }) } catch (e) { seen = e; } seen",
        "let seen; try { jail(\"nowhere\").stop() } catch (e) { seen = e; } seen",
        "kernel()",
        "web.logs()",
        "web.logs(0)",
    ]));
}

#[test]
fn a_moment_says_how_long_ago_it_was() {
    let shown = show(&value("timestamp()"), Form::Auto, Screen { width: 80, lines: 24, colour: false }).unwrap();
    assert!(shown.starts_with("moment ") && shown.ends_with(" ago\n"), "{shown}");
}

#[test]
fn json_is_what_to_json_gives() {
    let scripts = [
        "list()",
        "web.status()",
        "web.stats()",
        "web.start()",
        "processes()",
        "web",
        "profile(\"low\").deny(\"mount\")",
        "kernel()",
        "#{ a: 1, b: [\"x\", ()], c: 1.5 }",
        "profile(\"low\").check()",
        "web.logs()",
    ];
    for script in scripts {
        let both = value(&format!("let it = {script}; [it, it.to_json()]")).into_array().unwrap();
        let json: serde_json::Value = serde_json::from_str(&both[1].clone().into_string().unwrap()).unwrap();
        let shown = show(&both[0], Form::Json, Screen { width: 40, lines: 24, colour: true }).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json, "{script}");
        assert!(!shown.contains('\x1b'));
    }
}

#[test]
fn a_secret_is_never_shown_and_has_no_json() {
    let secret = value("given_secret(\"db\", \"hunter2\"); [secret(\"db\")]");
    for form in [Form::Auto, Form::Table] {
        let shown = show(&secret, form, Screen { width: 80, lines: 24, colour: false }).unwrap();
        assert!(shown.contains("secret(\"db\")") && !shown.contains("hunter2"), "{shown}");
    }
    let fault = show(&secret, Form::Json, Screen { width: 80, lines: 24, colour: false }).unwrap_err();
    assert!(fault.message.contains("a secret does not become text"), "{fault}");
    assert!(show(&value("|x| x"), Form::Json, Screen { width: 80, lines: 24, colour: false }).is_err());
}

#[test]
fn as_a_table_a_map_has_a_line_a_key_and_a_list_a_line_an_item() {
    let tables = [
        "#{ b: 2, a: \"x\" }",
        "[1, 22]",
        "web",
        "list()",
        "web.stats()",
        "42",
        "[]",
        "[#{ a: 1, b: [1, 2] }, #{ name: \"n\" }]",
    ];
    let tables = tables.map(|script| {
        let shown = show(&value(script), Form::Table, Screen { width: 80, lines: 24, colour: false }).unwrap();
        format!("--- {script}\n{shown}")
    });
    insta::assert_snapshot!(tables.concat());
}

/// Values as a jail may have made them.
fn any_value() -> impl Strategy<Value = Dynamic> {
    let text = "\\PC{0,40}|[\\x00-\\x1f\\x7f-\\x9f\u{2028}-\u{202e}\u{feff}\u{fe0f}a-z❤\n]{0,40}";
    let leaf = prop_oneof![
        Just(Dynamic::UNIT),
        any::<bool>().prop_map(Dynamic::from),
        any::<i64>().prop_map(Dynamic::from),
        any::<f64>().prop_map(Dynamic::from),
        any::<char>().prop_map(Dynamic::from),
        text.prop_map(Dynamic::from),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Dynamic::from_blob),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Dynamic::from_array),
            prop::collection::btree_map(text, inner, 0..8)
                .prop_map(|map| Dynamic::from_map(map.into_iter().map(|(key, value)| (key.into(), value)).collect())),
        ]
    })
}

/// Without the sequences that [`Paint`] writes; any other stays.
fn unpainted(text: &str) -> String {
    ["0", "1", "2", "31", "32", "33", "36"].iter().fold(text.to_owned(), |text, sgr| text.replace(&format!("\x1b[{sgr}m"), ""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_but_colours_and_ends_of_lines_reaches_the_terminal(value in any_value(), width in 20_usize..100, colour: bool) {
        for form in [Form::Auto, Form::Table, Form::Json] {
            let Ok(shown) = show(&value, form, Screen { width, lines: 24, colour }) else { continue };
            let bare = unpainted(&shown);
            prop_assert!(!bare.chars().any(|c| c != '\n' && crate::telemetry::is_unprintable(c)), "{:?}", bare);
            prop_assert!(shown.is_empty() || shown.ends_with('\n'));
            if form == Form::Table {
                for line in bare.lines() {
                    prop_assert!(line.width() <= width, "{:?} is wider than {}", line, width);
                }
            }
        }
    }

    #[test]
    fn what_is_printed_of_plain_data_is_a_script_that_gives_it_again(value in any_value()) {
        let shown = show(&Dynamic::from_map([("it".into(), value.clone())].into()), Form::Auto, Screen { width: 60, lines: 24, colour: false }).unwrap();
        let (Ok(tree), false) = (seen::json(&value), shown.contains('…') || shown.contains("// and")) else { return Ok(()) };
        let again = rhai::Engine::new().eval::<rhai::Map>(&shown);
        let again = again.map_err(|error| TestCaseError::fail(format!("{error}: {shown}")))?;
        prop_assert_eq!(seen::json(&again["it"]).unwrap(), tree);
    }
}
