use proptest::prelude::*;

use super::*;

/// A script with a mark where something is asked.
fn marked(text: &str) -> (String, usize) {
    let at = text.find('^').expect("a mark");
    (text.replacen('^', "", 1), at)
}

fn visible(text: &str) -> Vec<String> {
    let (text, at) = marked(text);
    let mut found: Vec<String> = Outline::of(&text).visible(at).into_iter().map(|name| name.name.clone()).collect();
    found.sort();
    found
}

#[test]
fn names_hold_from_their_statement_to_the_end_of_their_block() {
    assert_eq!(visible("let a = 1; { let b = 2; ^ } let c = 3;"), ["a", "b"]);
    assert_eq!(visible("let a = 1; { let b = 2; } ^ let c = 3;"), ["a"]);
    assert_eq!(visible("let a = ^; let b = 2;"), [""; 0]);
    assert_eq!(visible("fn f(x, y) { let z = 1; ^ } fn g(w) { }"), ["f", "g", "x", "y", "z"]);
    assert_eq!(visible("for (a, i) in [1] { ^ } let b = 1;"), ["a", "i"]);
    assert_eq!(visible("try { let a = 1; } catch (e) { ^ }"), ["e"]);
    assert_eq!(visible("import \"std/x\" as x; let f = |p| p + ^;"), ["p", "x"]);
    assert_eq!(visible("list.filter(|p| { ^ }); let q = 1;"), ["p"]);
    assert_eq!(visible("let a = 1 | 2; let b = a | ^"), ["a"]);
    assert_eq!(visible("let m = #{ a: { let b = 1; b }, c: 2 }; ^"), ["m"]);
}

#[test]
fn the_nearest_name_is_meant() {
    let (text, at) = marked("let x = 1; fn f(x) { { let x = 3; } x^ } let x = 4;");
    let outline = Outline::of(&text);
    let found = outline.resolve("x", at).expect("a name");
    assert_eq!((found.what.clone(), found.at.start), (Named::Parameter, 16));
}

#[test]
fn words_before_a_function_are_its_documentation() {
    let text =
        "//! A module.\n//! Of two lines.\n\n/// Adds.\n///\n/// Two of them.\nprivate fn add(a, b) { a + b }\nfn bare() { }";
    let outline = Outline::of(text);
    assert_eq!(outline.documentation, "A module.\nOf two lines.");
    let add = outline.function("add").expect("add");
    assert_eq!(add.documentation, "Adds.\n\nTwo of them.");
    assert_eq!(add.what, Named::Function { parameters: vec!["a".into(), "b".into()], private: true });
    assert_eq!(outline.functions().map(|name| name.name.as_str()).collect::<Vec<_>>(), ["bare"]);
    assert_eq!(&text[add.whole.clone()], "private fn add(a, b) { a + b }");
}

proptest! {
    #[test]
    fn no_half_typed_script_makes_it_panic(words in proptest::collection::vec(
        prop::sample::select(vec![
            "let", "const", "fn", "for", "in", "catch", "import", "as", "private", "\"x\"", "x", "y", "(", ")", "{", "}", "#{", "[", "]",
            "|", "||", ",", ";", "=", ".", "::", "`a ${", "`", "/// d\n", "//! m\n", "1", "é",
        ]), 0..40)) {
        let text = words.join(" ");
        let outline = Outline::of(&text);
        for at in 0..=text.len() {
            let _ = outline.visible(at);
            let _ = outline.token_at(at);
            let _ = outline.resolve("x", at);
        }
        for name in &outline.names {
            prop_assert_eq!(&text[name.at.clone()], name.name.as_str());
            prop_assert!(name.whole.end <= text.len() && text.is_char_boundary(name.whole.end));
        }
    }
}
