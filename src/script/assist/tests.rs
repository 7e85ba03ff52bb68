//! Help at a mark `^` in a script.

use proptest::prelude::*;

use super::*;

/// One module of files, one of the library.
struct Two;

impl Modules for Two {
    fn find(&self, name: &str) -> Option<ModuleText> {
        let text = "//! Helps sites.\n\n/// Makes a site.\n///\n/// - `name`: its name\n///\n/// Example:\n///     site(\"a\")\nfn site(name) { if name == \"\" { throw name; } let made = jail(name, #{}); made }\n\
                    private fn hidden() { }\n";
        let origin = match name {
            "std/sites" => Origin::Standard("std/sites".into()),
            "lib/sites" => Origin::File("/srv/lib/sites.rhai".into()),
            _ => return None,
        };
        Some(ModuleText { origin, text: text.into() })
    }

    fn names(&self) -> Vec<String> {
        vec!["std/sites".into(), "lib/sites".into()]
    }
}

fn marked(text: &str) -> (Sheet<'static>, usize) {
    let at = text.find('^').expect("a mark");
    (Sheet::importing(text.replacen('^', "", 1), &Two), at)
}

fn labels(text: &str) -> Vec<String> {
    let (sheet, at) = marked(text);
    complete(&sheet, at, &Two).into_iter().map(|found| found.label).collect()
}

fn has(text: &str, wanted: &[&str], unwanted: &[&str]) {
    let found = labels(text);
    for label in wanted {
        assert!(found.iter().any(|known| known == label), "{text}: no {label} in {found:?}");
    }
    for label in unwanted {
        assert!(found.iter().all(|known| known != label), "{text}: {label} in {found:?}");
    }
}

#[test]
fn members_are_those_of_the_type() {
    has("let web = jail(\"web\"); web.^", &["start", "exec", "jid", "to_json"], &["stdout", "trim", "print"]);
    has("let out = exec(\"web\", [\"ls\"]); out.st^", &["stdout", "status", "ok"], &["start", "jid"]);
    has("let web = jail(\"web\"); web.exec([\"ls\"]).stdout.^", &["trim", "len", "split"], &["stdout", "push"]);
    has("for row in stats() { row.^ }", &["cpu1s", "vmem", "to_map"], &["autostart", "exec"]);
    has("stats()[0].^", &["cpu1s"], &["supervisor"]);
    has("let web = jail(\"web\"); web.status().^", &["supervisor", "last_exit"], &["cpu1s"]);
    has("try { } catch (e) { e.^ }", &["kind", "hint"], &["start"]);
    has("let a = [1, 2]; a.^", &["push", "len", "filter"], &["trim", "start"]);
    has("\"text\".^", &["trim"], &["push"]);
    has("`a ${1} b`.^", &["trim"], &["push"]);
    has("(jail(\"web\")).^", &["start"], &["trim"]);
    has("fn f(x) { x.^ }", &["start", "trim", "push"], &["print"]);
    has("let w = x.exec([\"a\"]); w.^", &["stdout"], &["start"]);
    has("let p = profile(\"low\"); p.grant(\"mount\", \"why\").^", &["restrict", "explain"], &["start"]);
    has("fn open() { let web = jail(\"web\"); web } let it = open(); it.^", &["start"], &["trim"]);
    has("fn f() { f() } let it = f(); it.^", &["start", "trim"], &["print"]);
    has("fn f(a) { if a { return 1; } #{ b: 2 } } f(1).^", &["keys"], &["start"]);
    has("import \"std/sites\" as s; s::site(\"a\").^", &["start"], &["trim"]);
    has("args.^", &["len", "push"], &["trim"]);
}

#[test]
fn keys_are_those_of_the_map() {
    has("jail(\"web\", #{ ^ })", &["command", "profile", "ports"], &["facility", "print", "let"]);
    has("jail(\"web\", #{ command: [\"a\"], po^ })", &["ports"], &["command"]);
    has("jail(\"web\", #{ log: #{ ^ } })", &["facility", "tag"], &["command"]);
    has("jail(\"web\", #{ services: [#{ name: \"a\" }, #{ ^", &["command", "depends_on"], &["services", "autostart"]);
    has("let web = jail(\"web\"); web.exec([\"ls\"], #{ ^ })", &["timeout", "user"], &["facility", "command"]);
    has("exec(\"web\", [\"ls\"], #{\n    ^\n})", &["timeout"], &["ports"]);
    has("web.apply(`x`, #{ ep^", &["ephemeral"], &["user"]);
    has("profile(\"low\").extend(#{ ^ })", &["grant", "must_deny"], &["base"]);
    has("jail(\"web\", #{ profile: ^ })", &["profile", "jail"], &["command"]);
    has("let m = #{ ^ }", &["print"], &["command"]);
}

#[test]
fn texts_know_what_may_stand_in_them() {
    assert_eq!(labels("jail(\"web\", #{ profile: \"^\" })"), ["low", "medium", "high"]);
    assert_eq!(labels("jail(\"web\", #{ restart: \"on^"), ["always", "on-failure", "never"]);
    has("jail(\"web\", #{ profile: #{ grant: [\"mount\", \"^\"] } })", &["raw_socket"], &["process_see"]);
    assert_eq!(labels("import \"^\" as s;"), ["std/sites", "lib/sites"]);
    assert_eq!(labels("print(\"^\")"), [""; 0]);
    assert_eq!(labels("// web.^"), [""; 0]);
    assert_eq!(labels("/* ^ */"), [""; 0]);
}

#[test]
fn free_names_are_those_that_hold_there() {
    has(
        "let page = 1; fn f(x) { } pa^",
        &["page", "f", "print", "jail", "args", "parse_int", "let"],
        &["x", "trim", "stdout", "extend"],
    );
    has("import \"lib/sites\" as s; s::^", &["site"], &["hidden", "print"]);
    assert_eq!(labels("let ^"), [""; 0]);
    assert_eq!(labels("fn st^"), [""; 0]);
}

#[test]
fn a_candidate_replaces_the_word_that_is_there() {
    let (sheet, at) = marked("let web = jail(\"web\"); web.sta^rt();");
    let start = complete(&sheet, at, &Two).into_iter().find(|found| found.label == "start").expect("start");
    assert_eq!(&sheet.text[start.replaces], "start");
    let (sheet, at) = marked("jail(\"web\", #{ profile: \"me^d\" })");
    assert_eq!(&sheet.text[complete(&sheet, at, &Two)[1].replaces.clone()], "med");
    let (sheet, at) = marked("jail(\"web\", #{ po^: 1 })");
    let key = complete(&sheet, at, &Two).into_iter().find(|found| found.label == "ports").expect("ports");
    assert_eq!(key.insert, "ports");
}

fn shown(text: &str) -> String {
    let (sheet, at) = marked(text);
    match hover(&sheet, at, &Two) {
        Some((range, words)) => format!("{} => {}", &sheet.text[range], words.lines().nth(1).unwrap_or_default()),
        None => "nothing".to_owned(),
    }
}

#[test]
fn a_name_tells_what_it_is() {
    let asked = [
        "let web = jail(\"web\"); w^eb.start();",
        "let web = jail(\"web\"); web.st^art();",
        "st^art(\"web\")",
        "let out = exec(\"web\", []); out.std^out",
        "jail(\"web\", #{ po^rts: [80] })",
        "jail(\"web\", #{ log: #{ ta^g: \"x\" } })",
        "import \"lib/sites\" as s; s::si^te(\"a\")",
        "import \"std/si^tes\" as s;",
        "import \"std/sites\" as s; ^s::site(1)",
        "/// Adds.\nfn add(a, b) { } ad^d(1, 2)",
        "[1].pu^sh(2)",
        "ar^gs",
        "1 +^ 2",
        "unk^nown",
        "// com^ment",
    ];
    insta::assert_snapshot!(asked.map(|text| format!("{text}\n    {}", shown(text))).join("\n"));
}

#[test]
fn the_window_of_a_module_and_its_function_tells_all() {
    let window = |text| {
        let (sheet, at) = marked(text);
        hover(&sheet, at, &Two).expect("words").1
    };
    insta::assert_snapshot!(
        [
            window("import \"std/sites\" as s; s::si^te(\"a\")"),
            window("import \"std/si^tes\" as s;"),
            window("for row in list() { row.na^me }"),
        ]
        .join("\n=====\n")
    );
}

fn leads(text: &str) -> String {
    let (sheet, at) = marked(text);
    let Some(target) = definition(&sheet, at, &Two) else { return "nowhere".to_owned() };
    let text = target.text.as_deref().unwrap_or(&sheet.text);
    format!("{:?} {}", target.origin, &text[target.range])
}

#[test]
fn a_name_leads_to_where_it_was_given() {
    assert_eq!(leads("let web = 1; fn f(web) { we^b }"), "None web");
    assert_eq!(leads("f^(1); fn f(x) { }"), "None f");
    assert_eq!(leads("import \"lib/sites\" as s; s::si^te(1)"), "Some(File(\"/srv/lib/sites.rhai\")) site");
    assert_eq!(leads("import \"std/sites\" as s; ^s::site(1)"), "Some(Standard(\"std/sites\")) ");
    assert_eq!(leads("import \"nowhere\" as s; s::x^()"), "nowhere");
    assert_eq!(leads("pri^nt(1)"), "nowhere");
}

#[test]
fn a_call_tells_its_parameters() {
    let told = |text: &str| {
        let (sheet, at) = marked(text);
        let Some(found) = calls(&sheet, at, &Two) else { return "none".to_owned() };
        let forms: Vec<&str> = found.forms.iter().map(|form| form.shown.as_str()).collect();
        format!("{} @{}", forms.join(" | "), found.parameter)
    };
    assert_eq!(told("jail(\"web\", ^"), "jail(name: text, spec: map) -> Jail | jail(name: text) -> Jail @1");
    assert_eq!(
        told("let web = jail(\"a\"); web.exec([\"a\", ^])"),
        "Jail.exec(argv: list) -> Output | Jail.exec(argv: list, options: map) -> Output @0"
    );
    assert_eq!(told("fn f(a, b) { } f(1, ^)"), "f(a, b) @1");
    assert_eq!(told("import \"std/sites\" as s; s::site(^)"), "site(name) @0");
    assert_eq!(told("if (a) { ^ }"), "none");
    assert_eq!(told("fn f(^)"), "none");
}

#[test]
fn keys_and_words_that_nothing_has_are_told_and_nothing_else_is() {
    let texts = [
        "jail(\"web\", #{ prots: [80], command: [\"a\"] });",
        "jail(\"web\", #{ log: #{ facility: \"local9\", tags: \"x\" } });",
        "jail(\"web\", #{ profile: \"hgih\", \"restart\": \"allways\" });",
        "jail(\"web\", #{ services: [#{ name: \"a\", comand: [\"b\"] }] });",
        "jail(\"web\", #{ profile: #{ grant: [\"raw_socket\", \"rawsocket\"] } });",
        "let web = jail(\"web\"); web.exec([\"a\"], #{ usr: \"root\" });",
        "exec(\"web\", [\"a\"], #{ zzzzzzzzzzzzz: 1 });",
        "jail(\"web\", #{ stop_signal: \"SIGTERM\", log: #{ stdout: \"3\", stderr: \"err\" }, env: #{ anything: \"x\" } });",
        "jail(\"web\", #{ profile: level + \"x\", restart: `${mode}`, command: if a { [\"b\"] } else { [c] } });",
        "fn exec(a, b, c) { } exec(1, 2, #{ usr: 1 });",
        "fn f(x) { x.exec([\"a\"], #{ usr: 1 }) } let m = #{ prots: 1 };",
        "jail(\"web\", #{ prots: [80",
        "jail(\"web\", #{ profile: #{ grant: #{ raw_socket: \"why\" } } });",
    ];
    let told = |text: &&str| {
        let sheet = Sheet::new(*text);
        let found = mistakes(&sheet).into_iter().map(|found| format!("\n    {}: {}", &sheet.text[found.range], found.message));
        format!("{text}{}", found.collect::<String>())
    };
    insta::assert_snapshot!(texts.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn scripts_that_run_have_no_mistakes() {
    let folder = |name: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let files =
        ["examples", "stdlib"].into_iter().flat_map(|name| std::fs::read_dir(folder(name)).into_iter().flatten().flatten());
    let files = files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "rhai"));
    let files = files.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a script")));
    let examples = crate::script::reference::examples().map(|(name, example)| (name.to_owned(), example.script.to_owned()));
    let scripts: Vec<(String, String)> = files.chain(examples).collect();
    assert!(scripts.len() > 40, "the scripts were not found");
    for (name, text) in scripts {
        // That a wrong key is caught is what the example of errors shows.
        let found: Vec<Mistake> = mistakes(&Sheet::new(text)).into_iter().filter(|_| name != "Error").collect();
        assert_eq!(found, [], "{name}");
    }
}

proptest! {
    #[test]
    fn no_half_typed_script_makes_it_panic(words in proptest::collection::vec(
        prop::sample::select(vec![
            "let", "fn", "for", "in", "catch", "import", "as", "\"std/sites\"", "\"", "web", "jail", "exec", "stats", "profile", "(", ")", "{", "}",
            "#{", "[", "]", "|", ",", ";", "=", ".", "?.", "::", ":", "`a ${", "`", "//", "1", "é", "\n", "\r\n",
        ]), 0..30)) {
        let sheet = Sheet::importing(words.concat(), &Two);
        for at in (0..=sheet.text.len()).filter(|at| sheet.text.is_char_boundary(*at)) {
            for found in complete(&sheet, at, &Two) {
                prop_assert!(sheet.text.get(found.replaces.clone()).is_some(), "{:?}", found);
                prop_assert!(found.replaces.start <= at && at <= found.replaces.end, "{:?} at {}", found, at);
            }
            let _ = (hover(&sheet, at, &Two), definition(&sheet, at, &Two), calls(&sheet, at, &Two));
        }
        let _ = mistakes(&sheet);
    }
}
