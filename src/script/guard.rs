//! What a script may not do to the language: redefine a verb, evaluate text, import a file. Refused while parsing, so
//! nothing has happened yet.

use std::cell::RefCell;

use rhai::{Engine, LexError, Token};

/// Names that a script cannot give to anything.
pub const VERBS: [&str; 21] = [
    "jail",
    "create",
    "apply",
    "apply_file",
    "exec",
    "start",
    "stop",
    "restart",
    "supervise",
    "stats",
    "status",
    "list",
    "denials",
    "destroy",
    "kernel",
    "processes",
    "prometheus",
    "http_get",
    "print",
    "debug",
    "args",
];

/// Where the next identifier would be a new name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// After `let`, `const` or `as`: the very next one.
    Next,
    /// Until this token: the names of a `for`, a `catch`, or a function with its type.
    Until(Closing),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    In,
    LeftParenthesis,
    RightParenthesis,
}

impl Place {
    fn after(self, token: &Token) -> Place {
        match token {
            Token::Let | Token::Const | Token::As => Place::Next,
            Token::For => Place::Until(Closing::In),
            Token::Catch => Place::Until(Closing::RightParenthesis),
            Token::Fn => Place::Until(Closing::LeftParenthesis),
            Token::EOF | Token::LeftBrace | Token::SemiColon => Place::Elsewhere,
            Token::In if self == Place::Until(Closing::In) => Place::Elsewhere,
            Token::LeftParen if self == Place::Until(Closing::LeftParenthesis) => Place::Elsewhere,
            Token::RightParen if self == Place::Until(Closing::RightParenthesis) => Place::Elsewhere,
            _ if self == Place::Next => Place::Elsewhere,
            _ => self,
        }
    }
}

fn refuse(why: String) -> Token {
    Token::LexError(LexError::ImproperSymbol(String::new(), why).into())
}

/// Puts the guard into an engine.
pub fn install(engine: &mut Engine) {
    engine.disable_symbol("eval");
    let place = RefCell::new(Place::Elsewhere);
    #[expect(deprecated, reason = "rhai marks the hook as volatile, not as deprecated")]
    engine.on_parse_token(move |token, _, _| {
        let at = *place.borrow();
        *place.borrow_mut() = at.after(&token);
        match &token {
            Token::Identifier(name) if at != Place::Elsewhere && VERBS.contains(&name.as_str()) => {
                refuse(format!("{:?} is a name of jailsh and cannot be redefined; pick another name", name.as_str()))
            }
            Token::Reserved(name) if name.as_str() == "eval" => refuse("eval is not available; write the code out".into()),
            Token::Import => refuse("import is not available in this version; keep the script in one file".into()),
            _ => token,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        let mut engine = Engine::new();
        install(&mut engine);
        engine.register_fn("jail", || 1_i64);
        engine
    }

    #[test]
    fn no_way_of_naming_takes_a_verb() {
        let engine = engine();
        for script in [
            "let jail = 1;",
            "const jail = 1;",
            "fn jail() { 2 }",
            "fn jail(a, b) { 2 }",
            "private fn stop() { 2 }",
            "fn Jail.start() { 2 }",
            "for jail in [1] {}",
            "for (a, jail) in [1] {}",
            "try { } catch (jail) {}",
            "import \"x\" as jail;",
            "let x = 1; export x as jail;",
            "let args = 3;",
            "fn print(x) { }",
            "let x = `${ let jail = 1; jail }`;",
        ] {
            let error = engine.compile(script).expect_err(script).to_string();
            assert!(error.contains("cannot be redefined") || error.contains("import is not available"), "{script}: {error}");
        }
    }

    #[test]
    fn verbs_can_be_called_and_other_names_are_free() {
        let engine = engine();
        for script in [
            "let a = jail(); a",
            "for x in [jail()] { }",
            "fn f(x) { jail() } f(1)",
            "let x = #{ jail: 1, stats: 2 }; x.stats",
            "const jails = 1;",
            "let x = 1; let f = || jail(); f.call()",
        ] {
            engine.eval::<rhai::Dynamic>(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
    }

    #[test]
    fn text_is_never_run_as_code() {
        let engine = engine();
        assert!(engine.compile("eval(\"1\")").unwrap_err().to_string().contains("eval is not available"));
        for indirect in ["let f = Fn(\"eval\"); f.call(\"40 + 2\")", "call(Fn(\"eval\"), \"40 + 2\")"] {
            assert!(engine.eval::<rhai::Dynamic>(indirect).is_err(), "{indirect}");
        }
    }

    #[test]
    fn a_refusal_does_not_spoil_the_next_script() {
        let engine = engine();
        assert!(engine.compile("fn").is_err());
        assert!(engine.compile("jail()").is_ok());
    }
}
