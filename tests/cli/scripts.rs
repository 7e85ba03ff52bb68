//! jailsh with scripts: values, errors with their place, limits.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::Place;

/// Runs each text with `-e`.
fn expressions(texts: &[&str]) -> String {
    let place = Place::new();
    texts.iter().map(|text| place.run("jailsh", &["-e", text]).go().to_string()).collect()
}

#[test]
fn an_expression_prints_its_value_and_sees_its_arguments() {
    let place = Place::new();
    let runs: [&[&str]; 6] = [
        &["-e", "1 + 1"],
        &["-e", "args", "a", "-b", "--kernel"],
        &["-e", "let x = 1;"],
        &["-e", "print(\"a\"); \"b\""],
        &["-e", "exit(7)"],
        &["-e", "exit(256)"],
    ];
    insta::assert_snapshot!(runs.iter().map(|arguments| place.run("jailsh", arguments).go().to_string()).collect::<String>());
}

#[test]
fn a_script_comes_from_a_file_a_pipe_or_a_dash() {
    let place = Place::new()
        .file("hello.rhai", "#!/usr/bin/env jailsh\nprint(`hello ${args}`); 42")
        .file("doctor", "print(\"a script\")");
    assert_eq!(place.run("jailsh", &["hello.rhai", "a", "--help"]).go().stdout, "hello [\"a\", \"--help\"]\n");
    assert_eq!(place.run("jailsh", &[]).input("print(\"piped\")").go().stdout, "piped\n");
    assert_eq!(place.run("jailsh", &["-", "x"]).input("print(args)").go().stdout, "[\"x\"]\n");
    assert_eq!(place.run("jailsh", &["./doctor"]).go().stdout, "a script\n");
}

#[test]
fn syntax_errors_are_65_with_their_line_and_a_caret() {
    let place = Place::new()
        .file("a.rhai", "let a = 1;\n\tlet b = ;\n")
        .file("b.rhai", "let a = \"日本\" + [1, 2;\n")
        .file("c.rhai", "fn f() {\n")
        .file("d.rhai", "print(nme);\nlet name = 1;\n");
    let text: String = ["a.rhai", "b.rhai", "c.rhai", "d.rhai"]
        .iter()
        .map(|file| {
            let outcome = place.run("jailsh", &[file]).go();
            assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(65), ""), "{outcome}");
            outcome.to_string()
        })
        .collect();
    insta::assert_snapshot!(text);
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn verbs_eval_and_import_are_not_for_redefining() {
    insta::assert_snapshot!(expressions(&[
        "let jail = 1;",
        "fn stats() { 1 }",
        "for list in [1] { }",
        "import \"x\" as y;",
        "eval(\"1\")",
    ]));
}

#[test]
fn a_wrong_spec_is_65_at_the_line_of_the_call_and_makes_nothing() {
    let place = Place::new();
    let specs = [
        "jail(\"web\", #{ comand: [\"httpd\"] })",
        "jail(\"web\", #{ command: \"httpd -f\" })",
        "jail(\"web\", #{ ports: [99999] })",
        "jail(\"web\", #{ profile: \"hgih\" })",
        "jail(\"web\", #{ log: #{ facility: \"local9\" } })",
        "jail(\"web\", #{ command: [|x| x] })",
        "jail(\"../web\", #{ })",
        "jail(\"123\", #{ })",
        "create(\"web\", #{ port: [80] })",
        "start(\"a/b\")",
    ];
    let text: String = specs
        .iter()
        .map(|spec| {
            let outcome = place.run("jailsh", &["-e", spec]).go();
            assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(65), ""), "{outcome}");
            outcome.to_string()
        })
        .collect();
    insta::assert_snapshot!(text);
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn unknown_functions_and_wrong_arguments_are_two_different_errors() {
    insta::assert_snapshot!(expressions(&[
        "cretae(\"web\", #{ })",
        "create(\"web\", 1)",
        "jail(\"web\").strat()",
        "jail(\"web\").exec(\"ls\")",
        "frobnicate()",
        "stats",
        "let page = 1; pge + 1",
        "let map = #{ a: 1 }; map.b",
        "kernel().bdy",
        "jail(\"web\").jd",
        "[1][3]",
    ]));
}

#[test]
fn options_of_verbs_are_read_strictly() {
    insta::assert_snapshot!(expressions(&[
        "exec(\"web\", [\"ls\"], #{ usr: \"root\" })",
        "exec(\"web\", [\"ls\"], #{ timeout: \"soon\" })",
        "exec(\"web\", [\"ls\", 1])",
        "exec(\"web\", [])",
        "apply(\"web\", \"true\", #{ ephemera: true })",
        "apply(\"web\", \" \")",
        "apply_file(\"web\", \"/nonexistent.sh\")",
        "supervise(\"web\", #{ restart: \"allways\" })",
        "http_get(\"http://example.org/\")",
    ]));
}

#[test]
fn an_uncaught_error_shows_the_calls_that_led_to_it() {
    let place = Place::new().file(
        "calls.rhai",
        "fn inner(x) {\n    start(x)\n}\n\nfn outer(x) {\n    let f = |y| inner(y);\n    f.call(x)\n}\n\nouter(\"web\");\n",
    );
    insta::assert_snapshot!(place.run("jailsh", &["calls.rhai"]).go());
}

#[test]
fn an_error_can_be_caught_looked_into_and_thrown_again() {
    let place = Place::new().file(
        "catch.rhai",
        "try {\n    start(\"web\");\n} catch (error) {\n    print(`${error.kind} ${error.verb} ${error.jail}: ${error.message}; ${error.hint}`);\n    print(error.to_json());\n    throw error;\n}\n",
    );
    insta::assert_snapshot!(place.run("jailsh", &["catch.rhai"]).go());
    insta::assert_snapshot!("thrown values", expressions(&["throw \"my own\"", "throw", "throw #{ a: 1 }"]));
}

#[test]
fn jails_and_changes_are_values() {
    insta::assert_snapshot!(expressions(&[
        "let a = jail(\"web\", #{ ports: [80] }); [`${a}`, a.name, a.jid, a == jail(\"web\", #{ ports: [80] }), a == jail(\"web\")]",
        "jail(\"web\", #{ ports: [80] }).to_json()",
        "const WEB = jail(\"web\", #{ command: [\"/bin/true\"] }); let c = WEB.create(); [`${c}`, c.change, `${WEB.create()}`]",
        "let c = create(\"web\", #{ ports: [80] }); [c.change, c.diff, c.to_json()]",
        "let l = list(); [l.len, l[0].name, l[0].autostart, l.to_array()[0].ports]",
        "for row in list() { print(row.name); }",
        "list()[1]",
        "list()",
        "status(\"web\").state",
        "stats().to_json()",
        "prometheus()",
        "denials(\"web\")",
        "kernel().body",
        "let k = kernel(); k.rights.len == 0",
        "destroy(\"web\")",
        "list().len",
    ]));
}

#[test]
fn limits_end_a_script_that_runs_away() {
    let place = Place::new();
    let runs: [&[&str]; 5] = [
        &["--max-memory", "16", "-e", "let x = [0]; try { loop { x += x; } } catch { }"],
        &["--max-memory", "0", "-e", "1"],
        &["--max-operations", "1000", "-e", "try { loop { } } catch { }"],
        &["-e", "fn f(x) { f(x + 1) } f(0)"],
        &["-e", "let x = \"0123456789abcdef\"; loop { x += x; }"],
    ];
    insta::assert_snapshot!(runs.iter().map(|arguments| place.run("jailsh", arguments).go().to_string()).collect::<String>());
}

#[test]
fn a_deadline_ends_what_computes_and_what_waits_and_cannot_be_caught() {
    let place = Place::new().file("lib/slow.rhai", "fn dream() { loop { try { sleep(3600); } catch { } } }\n");
    // Answers nothing, ever.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ask = format!("loop {{ try {{ http_get(\"http://{}/\") }} catch {{ }} }}", mute.local_addr().unwrap());
    let scripts = [
        "loop { }",
        "loop { try { loop { } } catch { } }",
        "sleep(3600)",
        &ask,
        &ask.replace("loop { ", "").replace("catch { } }", "catch { } print(\"went on\")"),
        "import \"slow\" as s; s::dream()",
        "let x = []; loop { x = [1, 2, 3]; x.sort(); }",
    ];
    let library = place.work().join("lib").display().to_string();
    for script in scripts {
        let start = Instant::now();
        let outcome = place.run("jailsh", &["--deadline", "300ms", "--module-path", &library, "-e", script]).go();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(124), ""), "{outcome}");
        assert!(outcome.stderr.contains("error[E0404]: the script took longer than 0.3 s\n"), "{outcome}");
        assert!(start.elapsed() < Duration::from_secs(15), "{script}: {:?}", start.elapsed());
    }
    assert_eq!(place.run("jailsh", &["--deadline", "1h", "-e", "sleep(0.01); 1"]).go().stdout, "1\n");
    for wrong in ["0", "soon", "-1s", ""] {
        assert_eq!(place.run("jailsh", &["--deadline", wrong, "-e", "1"]).go().status, Some(64), "{wrong}");
    }
}

#[test]
fn the_deepest_script_that_is_allowed_does_not_overflow_the_stack() {
    let nested = |depth| format!("fn f(x) {{ {}f(x + 1){} }} f(0)", "(".repeat(depth), " + 1)".repeat(depth));
    let place = Place::new();
    let outcome =
        (1..64).rev().map(|depth| place.run("jailsh", &["-e", &nested(depth)]).go()).find(|outcome| outcome.status != Some(65));
    let outcome = outcome.expect("a depth that is allowed");
    assert!(outcome.stderr.contains("calls are nested more than 64 deep"), "{outcome}");
}

#[test]
fn a_script_without_verbs_needs_neither_root_nor_module() {
    let outcome = Place::new().run("jailsh", &["-e", "jail(\"web\", #{ ports: [80] }).name"]).bare().go();
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), "web\n"), "{outcome}");
}

#[test]
fn a_reader_that_goes_away_ends_the_script() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jailsh"))
        .args(["-e", "loop { print(\"x\"); }"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(ended(&mut child, Duration::from_secs(20)), Some(1));
}

#[test]
fn ctrl_c_ends_a_script_that_catches_everything() {
    for script in ["print(1); loop { try { loop { } } catch { } }", "print(1); loop { try { sleep(3600); } catch { } }"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jailsh"))
            .args(["-e", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 2];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        assert_eq!(ended(&mut child, Duration::from_secs(20)), Some(130), "{script}");
        let mut stderr = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut stderr).unwrap();
        assert!(stderr.contains("interrupted"), "{stderr}");
    }
}

/// The status, or `None` after the time (the child is then killed).
fn ended(child: &mut std::process::Child, within: Duration) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < within {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}
