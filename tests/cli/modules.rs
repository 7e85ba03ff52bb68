//! Scripts that import: what is found, what is refused, and what errors say.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::harness::Place;

fn shared() -> Place {
    Place::new()
        .file(
            "lib/greet.rhai",
            "fn hello(name) {\n    `hello ${name}`\n}\n\nprivate fn inner() { 1 }\nexport const ANSWER = 42;\n",
        )
        .file("lib/deep.rhai", "import \"parts/more\" as more;\n\nfn twice(f) {\n    more::with20(f) + more::with20(f)\n}\n")
        .file("lib/parts/more.rhai", "fn with20(f) {\n    f.call(20)\n}\n\nfn number(text) {\n    parse_int(text)\n}\n")
}

#[test]
fn a_module_lies_beside_the_script_or_on_the_module_path() {
    let place = shared()
        .file("main.rhai", "import \"lib/greet\" as g;\nimport \"lib/deep\" as d;\nprint(g::hello(\"you\") + g::ANSWER);\nlet one = 1;\nprint(d::twice(|x| x + one));\n")
        .file("elsewhere/main.rhai", "import \"greet\" as g; print(g::hello(\"there\"))");
    let library = place.work().join("lib").display().to_string();
    assert_eq!(place.run("jailsh", &["main.rhai"]).go().stdout, "hello you42\n42\n");
    assert_eq!(place.run("jailsh", &["--module-path", &library, "elsewhere/main.rhai"]).go().stdout, "hello there\n");
    let by_environment = place.run("jailsh", &["elsewhere/main.rhai"]).with("JAILSH_MODULE_PATH", &format!("/nowhere:{library}"));
    assert_eq!(by_environment.go().stdout, "hello there\n");
    let expression = place.run("jailsh", &["--module-path", &library, "-e", "import \"greet\" as g; g::hello(\"e\")"]);
    assert_eq!(expression.go().stdout, "hello e\n");
}

#[test]
fn a_script_without_a_file_does_not_import_from_the_current_directory() {
    let place = shared();
    for run in [
        place.run("jailsh", &["-e", "import \"lib/greet\" as g;"]),
        place.run("jailsh", &["-"]).input("import \"lib/greet\" as g;"),
    ] {
        let outcome = run.go();
        assert_eq!(outcome.status, Some(65), "{outcome}");
        assert!(outcome.stderr.contains("no module \"lib/greet\""), "{outcome}");
    }
}

#[test]
fn a_module_runs_once_and_sees_the_verbs() {
    let place = Place::new()
        .file("noisy.rhai", "print(`run with ${kernel().body}`);\nfn make(name) { create(name, #{ ports: [80] }).change }\n")
        .file("other.rhai", "import \"noisy\" as n;\nfn make() { n::make(\"web\") }\n")
        .file("link.rhai", "")
        .file("main.rhai", "import \"noisy\" as n;\nimport \"other\" as o;\nimport \"alias\" as a;\nfor i in 0..3 { import \"noisy\" as again; }\nprint(o::make());\nprint(a::make(\"web\"));\n");
    symlink("noisy.rhai", place.work().join("alias.rhai")).unwrap();
    let outcome = place.run("jailsh", &["main.rhai"]).go();
    assert_eq!(outcome.stdout, "run with sim\ncreated\nunchanged\n", "{outcome}");
}

#[test]
fn modules_that_are_not_there_or_none_are_65_at_the_import() {
    let place = shared()
        .file("a.rhai", "import \"lib/b\" as b;")
        .file("lib/b.rhai", "import \"c\" as c;")
        .file("lib/c.rhai", "// back again\nimport \"b\" as b;")
        .file("self.rhai", "import \"self\" as me;")
        .file("broken.rhai", "import \"lib/broken\" as b;")
        .file("lib/broken.rhai", "fn f() {\n    let = 1;\n}\n")
        .file("thief.rhai", "import \"lib/thief\" as t;")
        .file("lib/thief.rhai", "fn stats() { 1 }")
        .file("methods.rhai", "import \"lib/methods\" as t;")
        .file("lib/methods.rhai", "fn array.push(x) { }")
        .file("missing.rhai", "let x = 1;\nimport \"lib/gret\" as g;")
        .file("up.rhai", "import \"../lib/greet\" as g;")
        .file("absolute.rhai", "import \"/etc/passwd\" as g;")
        .file("alias.rhai", "import \"lib/greet\" as jail;")
        .file("computed.rhai", "let name = \"lib/greet\";\nimport name as g;")
        .file("standard.rhai", "import \"std/no_such_module\" as g;");
    let files = ["a", "self", "broken", "thief", "methods", "missing", "up", "absolute", "alias", "computed", "standard"];
    let text: String = files
        .iter()
        .map(|file| {
            let outcome = place.run("jailsh", &[&format!("{file}.rhai")]).go();
            assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(65), ""), "{outcome}");
            // What the library has may grow.
            outcome
                .to_string()
                .lines()
                .filter(|line| !line.starts_with("hint: it has"))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        })
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn an_error_in_a_module_shows_its_text_and_the_calls_across_files() {
    let place = shared()
        .file("calls.rhai", "import \"lib/outer\" as o;\n\nfn work() {\n    o::outer(\"forty\")\n}\n\nwork();\n")
        .file("lib/outer.rhai", "import \"parts/more\" as m;\n\nfn outer(x) {\n    [x].map(|y| m::number(y))\n}\n")
        .file("verb.rhai", "import \"lib/verb\" as v;\ntry {\n    v::work(\"web\");\n} catch (error) {\n    print(error.file);\n    throw error;\n}\n")
        .file("lib/verb.rhai", "fn work(name) {\n    start(name)\n}\n")
        .file("loading.rhai", "import \"lib/loading\" as l;\n")
        .file("lib/loading.rhai", "let few = [1];\nlet x = few[1];\n")
        .file("closure.rhai", "import \"lib/deep\" as d;\nd::twice(|x| x + missing())\n")
        .file("function.rhai", "import \"lib/greet\" as g;\ng::helo(\"you\")\n")
        .file("private.rhai", "import \"lib/greet\" as g;\ng::inner()\n");
    let text: String = ["calls", "verb", "loading", "closure", "function", "private"]
        .iter()
        .map(|file| place.run("jailsh", &[&format!("{file}.rhai")]).go().to_string())
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn root_imports_nothing_that_others_can_write() {
    let place = shared().file("main.rhai", "import \"lib/greet\" as g; print(g::ANSWER)");
    fs::set_permissions(place.work().join("lib/greet.rhai"), fs::Permissions::from_mode(0o666)).unwrap();
    let outcome = place.run("jailsh", &["main.rhai"]).go();
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(77), ""), "{outcome}");
    assert!(outcome.stderr.contains("hint: take that away with chmod go-w"), "{outcome}");
}

#[test]
fn a_malicious_library_stays_within_the_limits_that_nobody_can_catch() {
    let chain: String = (0..40).map(|at| format!("\n// {at}")).collect();
    let mut place = Place::new()
        .file("main.rhai", "try { import \"lib/evil\" as e; e::work(); } catch { print(\"caught\"); }\nprint(\"went on\");")
        .file("lib/good.rhai", "fn work() { 1 }");
    for at in 0..40 {
        place = place.file(&format!("lib/chain{at}.rhai"), format!("import \"chain{}\" as next;{chain}", at + 1));
    }
    for at in 0..300 {
        place = place.file(&format!("lib/many{at}.rhai"), "");
    }
    for at in 0..12 {
        place = place.file(&format!("lib/long{at}.rhai"), " ".repeat(1 << 20));
    }
    let many: String = (0..300).map(|at| format!("import \"many{at}\" as m{at};\n")).collect();
    let long: String = (0..12).map(|at| format!("import \"long{at}\" as l{at};\n")).collect();
    let folded: String = (0..60).map(|at| format!("const A{} = A{at} + A{at};\n", at + 1)).collect();
    let folded = format!("const A0 = \"0123456789\";\n{folded}");
    let attacks = [
        ("operations while it is imported", "loop { }", "took more than"),
        ("operations in a call", "fn work() { loop { try { loop { } } catch { } } }", "took more than"),
        ("depth", "fn work() { work() }", "nested more than 64 deep"),
        ("a chain of imports", "import \"chain0\" as c;", "imports too much"),
        ("many modules", &many, "imports too much"),
        ("long modules", &long, "imports too much"),
        ("lists that double", "let x = [1]; loop { x += x; }", "of memory"),
        ("a huge list", "let x = []; x.pad(1_000_000_000_000, 0);", "of memory"),
        ("a huge blob", "blob(1_000_000_000_000)", "of memory"),
        ("a huge blob of ones", "blob(1_000_000_000_000, 1)", "of memory"),
        ("a blob that is made huge", "let x = blob(1); x.pad(1_000_000_000_000, 1);", "of memory"),
        ("maps", "let x = #{}; let i = 0; loop { let t = \"\"; t.pad(4000, 'x'); x[`${i}`] = t; i += 1; }", "of memory"),
        ("constants that double when they are folded", &folded, "too large"),
        ("a long text", "let x = \"0123456789\"; loop { x += x; }", "too large"),
    ];
    for (what, text, message) in attacks {
        place = place.file("lib/evil.rhai", text);
        let outcome = place.run("jailsh", &["--max-operations", "1000000", "--max-memory", "64", "main.rhai"]).go();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""), "{what}: {outcome}");
        assert!(outcome.stderr.contains(message), "{what}: {outcome}");
    }
}

#[test]
fn a_careless_library_is_told_what_it_did() {
    let place = Place::new().file("main.rhai", "import \"lib/careless\" as c;\nprint(c::work());").file("lib/careless.rhai", "");
    let slips = [
        "fn work() { let m = #{ a: 1 }; m.b }",
        "fn work() { let m = #{ a: 1 }; m[\"b\"] }",
        "fn work() { 9223372036854775807 + 1 }",
        "fn work() { 4611686018427387904 * 2 }",
        "fn work() { -9223372036854775808 - 1 }",
        "fn work() { 2 ** 64 }",
        "fn work() { abs(-9223372036854775808) }",
        "fn work() { parse_int(\"9223372036854775808\") }",
        "fn work() { 9223372036854775808 }",
        "fn work() { 1 / 0 }",
        "fn work() { outside }",
        "fn work() { args }",
        "let jail = 1;",
        "fn exec(a, b) { 1 }",
    ];
    let mut text = String::new();
    for slip in slips {
        fs::write(place.work().join("lib/careless.rhai"), slip).unwrap();
        text += &place.run("jailsh", &["main.rhai"]).go().to_string();
    }
    insta::assert_snapshot!(text);
}
