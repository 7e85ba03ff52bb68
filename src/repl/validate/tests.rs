use proptest::prelude::*;

use super::*;

fn is_open(text: &str) -> bool {
    state(text) != State::Whole
}

#[test]
fn a_line_goes_on_while_something_is_open() {
    for text in [
        "create(\"web\", #{",
        "[1, 2,",
        "fn f(x) {",
        "f(\n  1,",
        "`a",
        "`a ${x",
        "`a ${x}",
        "`a ${x}\"",
        "`a ${ #{ b: `c` }",
        "#\"a\" b",
        "/* a",
        "/* a /* b */",
        "\"a \\",
        "let x =",
        "1 +",
        "a &&",
        "web.",
        "web?.",
        "p::",
        "let f = |x|",
        "let f = ||",
        "x ??",
        "if true { 1 } else",
        "if true",
        "for x in",
        "for x in [1]",
        "fn f(x)",
        "switch x",
        "try { } catch (e)",
        "do { x += 1 }\nwhile x < 3 &&",
        "1 + // and",
        "!",
        ":plan create(\"web\", #{",
    ] {
        assert!(is_open(text), "{text}");
    }
}

#[test]
fn a_line_is_whole_when_nothing_is_missing_and_when_nothing_can_mend_it() {
    for text in [
        "",
        "   ",
        "1 + 1",
        "create(\"web\", #{ a: [1] })",
        "`a ${x} b`",
        "`a ${ #{ b: \"}\" }.b }\"`",
        "#\"a\"#",
        "/* a /* b */ */ 1",
        "// {",
        "\"{ [\"",
        "\"open",
        "'x",
        "f(1))",
        "}",
        "1..",
        "return",
        "if x { 1 }",
        "do { x += 1 } while x < 3",
        "do { x += 1 } until x > 3",
        "web.loop",
        "let a = 1;",
        "\"a \\\\\"",
        "x.if",
        "let f = |x| x + 1",
        ":load create(\"web\", #{",
        ":plan /etc/site.rhai",
        "?create",
    ] {
        assert!(!is_open(text), "{text}");
    }
}

#[test]
fn white_space_counts_only_in_texts_and_comments() {
    assert_eq!(state("f(`a"), State::Open { depth: 1, in_text: true });
    assert_eq!(state("f([\n`a ${x"), State::Open { depth: 2, in_text: false });
    assert_eq!(state("/* a"), State::Open { depth: 0, in_text: true });
    assert_eq!(state("#{"), State::Open { depth: 1, in_text: false });
}

#[test]
fn each_file_of_the_standard_library_is_whole_and_is_not_without_its_last_brace() {
    for (name, text) in crate::script::stdlib::MODULES {
        assert!(!is_open(text), "{name}");
        let cut = text.rfind('}').unwrap_or(0);
        assert!(is_open(&text[..cut]), "{name}");
    }
}

proptest! {
    #[test]
    fn what_rhai_takes_is_whole(text in "[-a1\"'`#${}()/*.;|, =]{0,24}") {
        let compiles = rhai::Engine::new_raw().compile(&text).is_ok();
        // Rhai takes a comment without end, and an empty block's header on any line.
        if compiles && !text.contains("/*") {
            prop_assert_eq!(state(&text), State::Whole);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = state(&text);
    }
}
