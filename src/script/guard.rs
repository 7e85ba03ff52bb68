//! What a script or a module may not do to the language: redefine a verb, evaluate text, import what is not named in the
//! open, write an integer that is none. Refused while parsing, so nothing has happened yet.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{AST, Engine, LexError, ParseError, Position, Scope, Token};

use super::api::TEST_NAMES;
use super::code::Code;
use super::console::LAST;
use super::convert::type_name;
use super::source::CLOSURE;

/// Names that a script cannot give to anything.
pub const VERBS: [&str; 42] = [
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
    "profile",
    "snapshot",
    "snapshots",
    "rollback",
    "delete_snapshot",
    "clone",
    "rename",
    "export_to",
    "import_from",
    "gc",
    "disk_use",
    "archives",
    "delete_archive",
    "bases",
    "kill",
    "freeze",
    "thaw",
    "update",
    "wait",
    "logs",
    "processes",
    "prometheus",
    "http_get",
    "planning",
    "print",
    "debug",
    "args",
];

/// Methods of a jail that have no free function: a script's own function of such a name would be called in their place,
/// `jail.file(...)` too. Variables may have the names.
pub const METHODS: [&str; 12] =
    ["file", "dir", "symlink", "line", "remove", "copy", "template", "unpack", "user", "group", "packages", "script"];

/// Where the next identifier would be a new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Elsewhere,
    /// After `let`, `const` or `as`: the very next one.
    Next,
    /// After `import`: the name in quotes, and nothing that computes one.
    Module,
    ModuleEnd,
    /// Until this token: the names of a `for`, a `catch`, or a function with its type.
    Until(Closing),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            Token::Import => Place::Module,
            _ if self == Place::Module => Place::ModuleEnd,
            Token::EOF | Token::LeftBrace | Token::SemiColon => Place::Elsewhere,
            Token::In if self == Place::Until(Closing::In) => Place::Elsewhere,
            Token::LeftParen if self == Place::Until(Closing::LeftParenthesis) => Place::Elsewhere,
            Token::RightParen if self == Place::Until(Closing::RightParenthesis) => Place::Elsewhere,
            _ if matches!(self, Place::Next | Place::ModuleEnd) => Place::Elsewhere,
            _ => self,
        }
    }
}

/// What the parser is at, and what it was refused first. Rhai drops some refusals for a message of its own, hence the
/// memory.
#[derive(Debug, Default)]
struct State {
    place: Place,
    refusal: Option<(Code, String, Position)>,
    /// Functions that the text defines, in order.
    defined: Vec<(String, Position)>,
    /// Names that are taken in this text besides [`VERBS`].
    taken: &'static [&'static str],
    /// Lines and columns of each `_` that is a variable.
    last: Vec<(usize, usize)>,
}

/// The guard of one engine.
#[derive(Clone)]
pub struct Guard(Rc<RefCell<State>>);

impl Guard {
    pub fn install(engine: &mut Engine) -> Guard {
        let state = Rc::new(RefCell::new(State::default()));
        let shared = state.clone();
        #[expect(deprecated, reason = "rhai marks the hook as volatile, not as deprecated")]
        engine.on_parse_token(move |token, position, _| {
            let mut state = shared.borrow_mut();
            let here = || Some((position.line()?, position.position()?));
            if matches!(token, Token::Underscore) && here().is_some_and(|here| state.last.contains(&here)) {
                return Token::Identifier(Box::new(LAST.into()));
            }
            let place = state.place;
            state.place = place.after(&token);
            if let (Place::Until(Closing::LeftParenthesis), Token::Identifier(name)) = (place, &token) {
                state.defined.push((name.to_string(), position));
            }
            let Some((code, why)) = refusal(place, &token, state.taken) else { return token };
            state.refusal.get_or_insert((code, why.clone(), position));
            Token::LexError(LexError::ImproperSymbol(code.as_str().into(), why).into())
        });
        Guard(state)
    }

    /// Parses a script, or says what the guard refused.
    pub fn compile(&self, engine: &Engine, scope: &Scope, text: &str) -> Result<AST, ParseError> {
        self.compile_with(engine, scope, text, &[])
    }

    /// The same, where `_` is a variable at these lines and columns: a line of the REPL.
    pub fn compile_line(&self, engine: &Engine, scope: &Scope, text: &str, last: Vec<(usize, usize)>) -> Result<AST, ParseError> {
        self.parse(engine, scope, text, State { last, ..State::default() })
    }

    /// The same, where these names are taken too.
    pub fn compile_with(
        &self,
        engine: &Engine,
        scope: &Scope,
        text: &str,
        taken: &'static [&'static str],
    ) -> Result<AST, ParseError> {
        self.parse(engine, scope, text, State { taken, ..State::default() })
    }

    fn parse(&self, engine: &Engine, scope: &Scope, text: &str, state: State) -> Result<AST, ParseError> {
        *self.0.borrow_mut() = state;
        let ast = engine.compile_with_scope(scope, text).map_err(|error| match self.0.borrow_mut().refusal.take() {
            Some((code, why, position)) => refused(code, why, position),
            None => error,
        })?;
        self.hijack(engine, &ast).map_or(Ok(ast), Err)
    }

    /// The functions that the text which was parsed last defines, in order.
    pub fn defined(&self) -> Vec<(String, Position)> {
        self.0.borrow().defined.clone()
    }

    /// A function may not be what a call of ours would reach. And a method for a type (`fn Jail.deploy()`) is one for
    /// everybody who imports the module; so it must be a new one, for Rhai's types too.
    fn hijack(&self, engine: &Engine, ast: &AST) -> Option<ParseError> {
        let functions = || ast.iter_functions().filter(|function| !function.name.starts_with(CLOSURE));
        functions().next()?;
        let taken = self.0.borrow().taken;
        // What only tests have is for scripts that they test to define as they like.
        let counts = |name: &str| !TEST_NAMES.contains(&name) || taken.contains(&name);
        let ours = |found: rhai::FuncInfo| {
            (found.namespace.is_empty() && counts(&found.metadata.name)).then(|| Call::of(found.metadata))
        };
        let ours = engine.collect_fn_metadata(None, ours, false);
        let all = match functions().any(|function| function.this_type.is_some()) {
            true => engine.collect_fn_metadata(None, |found| Some(found.metadata.name.to_string()), true),
            false => Vec::new(),
        };
        let taken = functions().find(|function| match function.this_type {
            Some(_) => all.iter().any(|native| native == function.name),
            None => ours.iter().any(|call| call.is_reached(function.name, function.params.len())),
        })?;
        let position = self.0.borrow().defined.iter().rev().find(|(defined, _)| defined == taken.name).map(|(_, at)| *at);
        let why = format!("{} is a function of jailsh already; pick another name", taken.name);
        Some(refused(Code::TAKEN, why, position.unwrap_or(Position::NONE)))
    }
}

/// How one of our functions is called.
struct Call {
    name: String,
    parameters: usize,
    /// Its first parameter is no text or number: it is called as a method.
    method: bool,
}

impl Call {
    fn of(found: &rhai::FuncMetadata) -> Call {
        let first =
            found.params_info.first().map(|parameter| parameter.split_once(':').map_or(parameter.as_str(), |(_, kind)| kind));
        let plain = first.is_none_or(|kind| matches!(type_name(kind), "text" | "integer" | "float" | "any"));
        Call { name: found.name.to_string(), parameters: found.num_params, method: !plain }
    }

    /// Would a script's function of this name and so many parameters be called instead? A method gets its value besides
    /// the parameters.
    fn is_reached(&self, name: &str, parameters: usize) -> bool {
        self.name == name && parameters + usize::from(self.method) == self.parameters
    }
}

/// The code goes where Rhai keeps the symbol.
fn refused(code: Code, why: String, position: Position) -> ParseError {
    LexError::ImproperSymbol(code.as_str().into(), why).into_err(position)
}

const COMPUTED: &str = "import takes the name of a module in quotes; write it out, so that it can be found without running";

fn refusal(place: Place, token: &Token, taken: &[&str]) -> Option<(Code, String)> {
    let is_taken = |name: &str| VERBS.contains(&name) || taken.contains(&name);
    match token {
        Token::Identifier(name) | Token::Reserved(name) if place != Place::Elsewhere && is_taken(name) => {
            Some((Code::RESERVED, format!("{:?} is a name of jailsh and cannot be redefined; pick another name", name.as_str())))
        }
        Token::Identifier(name) if place == Place::Until(Closing::LeftParenthesis) && METHODS.contains(&name.as_str()) => {
            let why = format!("{:?} is a method of jails and cannot name a function; pick another name", name.as_str());
            Some((Code::RESERVED, why))
        }
        Token::Reserved(name) if name.as_str() == "eval" => {
            Some((Code::EVAL, "eval is not available; write the code out".into()))
        }
        // Rhai would take it for a float, silently.
        Token::FloatConstant(found) if found.1.bytes().all(|b| b.is_ascii_digit() || b == b'_' || b == b'-') => {
            Some((Code::LARGE_INTEGER, format!("{} does not fit into 64 bits; write {}.0 for a float", found.1, found.1)))
        }
        _ if place == Place::Module && !matches!(token, Token::StringConstant(_)) => {
            Some((Code::COMPUTED_IMPORT, COMPUTED.into()))
        }
        _ if place == Place::ModuleEnd && !matches!(token, Token::As | Token::SemiColon | Token::RightBrace | Token::EOF) => {
            Some((Code::COMPUTED_IMPORT, COMPUTED.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> (Engine, Guard) {
        let mut engine = Engine::new();
        let guard = Guard::install(&mut engine);
        engine.register_fn("jail", || 1_i64).register_fn("to_json", |x: &mut bool| *x);
        engine.register_fn("file", |jail: &mut bool, _: &str, _: i64| *jail).register_fn("env", |_: &str| 1_i64);
        (engine, guard)
    }

    fn compile(script: &str) -> Result<AST, String> {
        let (engine, guard) = engine();
        guard.compile(&engine, &Scope::new(), script).map_err(|error| error.to_string())
    }

    #[test]
    fn no_way_of_naming_takes_a_verb() {
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
            "import \"x\" as args;",
            "let x = 1; export x as jail;",
            "let args = 3;",
            "fn print(x) { }",
            "let x = `${ let jail = 1; jail }`;",
        ] {
            let error = compile(script).expect_err(script);
            assert!(error.contains("cannot be redefined"), "{script}: {error}");
        }
    }

    #[test]
    fn a_method_of_jails_names_no_function_but_may_name_a_variable() {
        for script in
            ["fn file(x) { }", "fn line() { }", "private fn copy(a, b) { }", "fn Jail.template(x) { }", "fn int.user() { }"]
        {
            let error = compile(script).expect_err(script);
            assert!(error.contains("is a method of jails and cannot name a function"), "{script}: {error}");
        }
        for script in
            ["let file = 1;", "for line in [1] { }", "fn f(user, group) { user }", "fn lines() { }", "let f = |line| line;"]
        {
            compile(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
    }

    #[test]
    fn verbs_can_be_called_and_other_names_are_free() {
        let (engine, _) = engine();
        for script in [
            "let a = jail(); a",
            "for x in [jail()] { }",
            "fn f(x) { jail() } f(1)",
            "let x = #{ jail: 1, stats: 2 }; x.stats",
            "const jails = 1;",
            "let x = 1; let f = || jail(); f.call()",
        ] {
            let _ = engine.eval::<rhai::Dynamic>(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
    }

    #[test]
    fn a_module_is_named_in_the_open() {
        for script in ["import x as y;", "import \"a\" + \"b\" as y;", "import `a${1}` as y;", "import (\"a\") as y;"] {
            let error = compile(script).expect_err(script);
            assert!(error.contains("import takes the name"), "{script}: {error}");
        }
        for script in ["import \"a\" as y;", "import \"a\";", "if true { import `a` as y }", "import \"a\" as y; y::jail()"] {
            compile(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
    }

    #[test]
    fn an_integer_that_does_not_fit_is_no_float() {
        for script in ["9223372036854775808", "let x = -99_999_999_999_999_999_999;", "-9223372036854775809"] {
            let error = compile(script).expect_err(script);
            assert!(error.contains("does not fit into 64 bits"), "{script}: {error}");
        }
        assert!(compile("0x1_0000_0000_0000_0000").is_err());
        for script in ["9223372036854775807", "-9223372036854775808", "1e300", "99999999999999999999.0", "0.5"] {
            compile(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
    }

    #[test]
    fn text_is_never_run_as_code() {
        assert!(compile("eval(\"1\")").unwrap_err().contains("eval is not available"));
        let (engine, _) = engine();
        for indirect in ["let f = Fn(\"eval\"); f.call(\"40 + 2\")", "call(Fn(\"eval\"), \"40 + 2\")"] {
            assert!(engine.eval::<rhai::Dynamic>(indirect).is_err(), "{indirect}");
        }
    }

    #[test]
    fn a_method_for_a_type_is_a_new_one() {
        for script in [
            "fn file(a, b) { }",
            "fn env(a) { }",
            "fn array.push(x) { }",
            "fn string.len() { 0 }",
            "fn Jail.to_json() { }",
            "fn \"Jail\".jail() { }",
        ] {
            let error = compile(script).expect_err(script);
            assert!(error.contains("pick another name"), "{script}: {error}");
        }
        let error = compile("fn int.contains(x) { }\nfn string.contains(x) { }").expect_err("both are taken");
        assert!(error.contains("line 2, position 11") || error.contains("line 1, position 8"), "{error}");
        let free = "fn array.second() { this[1] } fn Jail.deploy() { } fn contains(x) { x } fn files(a) { } fn env(a, b) { } let env = 1;";
        compile(free).unwrap();
    }

    #[test]
    fn a_refusal_does_not_spoil_the_next_script() {
        let (engine, guard) = engine();
        for bad in ["fn", "fn jail() { }", "let jail = 1"] {
            assert!(guard.compile(&engine, &Scope::new(), bad).is_err());
            assert!(guard.compile(&engine, &Scope::new(), "jail()").is_ok());
        }
    }
}
