use super::*;
use crate::script::explain::{self, Example};
use crate::script::{reference, stdlib};

fn checked(files: &[(&str, &str)]) -> Vec<Finding> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let mut checker = Checker::new(Vec::new());
    let (name, text) = files[0];
    checker.script(name, Some(&directory.path().join(name)), text.to_owned());
    let top = format!("{}/", directory.path().display());
    checker.finish().into_iter().map(|found| Finding { file: found.file.replace(&top, ""), ..found }).collect()
}

/// `LINE:COLUMN CODE` of each.
fn found(script: &str) -> Vec<String> {
    let place = |found: &Finding| format!("{}:{} {}", found.line.unwrap_or(0), found.column.unwrap_or(0), found.code);
    checked(&[("a.rhai", script)]).iter().map(place).collect()
}

#[test]
fn all_is_found_at_once_where_it_stands() {
    let script = "cretae(\"web\", #{});\nlet w = jail(\"web\", #{ prots: [80] });\nw.exec(\"ls\");\nw.strat();\nfn f(a) { a }\nf();\njail(\"x\");\n1";
    assert_eq!(found(script), ["1:1 E0201", "2:24 E0302", "3:3 E0202", "4:3 E0201", "6:1 E0202", "7:1 E0209"]);
}

#[test]
fn what_has_to_be_computed_is_left_alone() {
    for script in [
        "fn f(x) { x.anything + 1 } f(#{ anything: 1 })",
        "let m = #{ greet: |x| x + 1 }; m.greet(1)",
        "let f = |a, b| a + b; f.call(1, 2); call(f, 1, 2)",
        "let name = \"web\"; create(name, #{ ports: [parse_int(args[0])] })",
        "let options = #{ check: true }; options.chek = 1; exec(\"web\", [\"ls\"], options)",
        "fn array.second() { this[1] } print([1, 2].second())",
        "fn twice() { this * 2 } let x = 2; x.twice()",
        "if false { let x = 1; x.len; }",
        "jail(\"web\", #{ profile: args[0], restart: `${args[1]}`, log: #{ facility: args[2] } }).create()",
        "let f = Fn(\"len\"); f.call(\"x\"); type_of(f); is_def_fn(\"f\", 1)",
        "print(1, )",
        "exec(\"web\", [\"ls\"], #{ timeout: 5 }); exec(\"web\", [\"ls\"], #{ timeout: \"5s\" })",
        "jail(\"web\")",
    ] {
        assert_eq!(found(script), [""; 0], "{script}");
    }
}

#[test]
fn modules_are_checked_too_each_once_and_hold_their_exports() {
    let main = "import \"lib\" as lib;\nimport \"again\" as again;\nlib::f(1); lib::f(); lib::g(); print(lib::A + lib::B); again::lib::f(2); again::lib::h();\n[1].third();";
    let lib = "export const A = 1;\nconst B = 2;\nfn f(x) { nothing_here(x) }\nprivate fn g() { }\nfn array.third() { this[2] }";
    let again = "import \"lib\" as lib;\nimport \"a\" as circle;\ncircle::anything();";
    let shown: Vec<String> = checked(&[("a.rhai", main), ("lib.rhai", lib), ("again.rhai", again)])
        .iter()
        .map(|found| format!("{}:{}:{} {}", found.file, found.line.unwrap(), found.column.unwrap(), found.code))
        .collect();
    assert_eq!(
        shown,
        ["lib.rhai:3:11 E0201", "a.rhai:3:17 E0202", "a.rhai:3:27 E0207", "a.rhai:3:52 E0207", "a.rhai:3:86 E0207"]
    );
}

#[test]
fn a_spec_that_is_written_out_is_read_as_create_would() {
    let messages: Vec<String> = [
        "jail(\"web\", #{ ports: [99999] }).create()",
        "jail(\"web\", #{ command: \"httpd\" }).create()",
        "create(\"web\", #{ log: #{ facility: \"local9\" } })",
        "create(\"web\", #{ services: [#{ nme: \"x\" }] })",
        "supervise(\"web\", #{ restart: \"allways\" })",
    ]
    .iter()
    .flat_map(|script| checked(&[("a.rhai", script)]))
    .map(|found| {
        format!("{}:{} {}; {}", found.line.unwrap(), found.column.unwrap(), found.message, found.hint.unwrap_or_default())
    })
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn nothing_is_wrong_with_what_we_ship() {
    let mut checker = Checker::new(Vec::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().extension() == Some("rhai".as_ref())) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        checker.script(&entry.path().display().to_string(), Some(&entry.path()), text);
        count += 1;
    }
    assert!(count >= 4);
    for (name, text) in stdlib::MODULES {
        checker.script(&format!("std/{name}"), None, (*text).to_owned());
    }
    for (name, example) in reference::examples() {
        let name = if example.needs == reference::Needs::Test { format!("{name}_test.rhai") } else { name.to_owned() };
        checker.script(&name, None, example.script.to_owned());
    }
    let mut wrong = checker.finish();
    // Shows an error on purpose.
    wrong.retain(|found| found.file != "Error");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_explanations_call_wrong_in_a_text_is_found_in_it() {
    for one in explain::all() {
        let code = one.code.as_str();
        let static_code = code < "E0200" || matches!(code, "E0201" | "E0202" | "E0207" | "E0209" | "E0302" | "E0323");
        let files = match one.example {
            Example::Script(script) | Example::With(_, script) if static_code => vec![("a.rhai", script)],
            Example::Importing { module: ("greet", text), script } if static_code => {
                vec![("a.rhai", script), ("greet.rhai", text)]
            }
            _ => continue,
        };
        let found = checked(&files);
        assert!(found.iter().any(|found| found.code == one.code), "{code}: {found:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(script in "(import \"a\" as b;|jail\\(|#\\{ |x: |\"web\"|[1]|, |\\)|\\}|b::f\\(|\\.exec\\(|fn f\\(|let x = |\\|x\\| |;|\\PC){0,20}") {
        found(&script);
    }
}
