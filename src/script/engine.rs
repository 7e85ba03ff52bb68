//! The engine: strict, bounded, and with our verbs.

use std::cell::{Cell, OnceCell};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rhai::{AST, Dynamic, Engine, EvalAltResult, OptimizationLevel, Scope};

use super::deadline::Deadline;
use super::diagnostics::{Problem, Report};
use super::guard::Guard;
use super::library::{Library, Place};
use super::memory::Meter;
use super::modules::Modules;
use super::source::{Source, Sources, without_shebang};
use super::stack::Room;
use super::{Fault, Kind, Session, api, bounded, diagnostics, duration, interrupt};

/// What a script may use. Scripts are trusted; this is against accidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps of the interpreter; 0 is no limit.
    pub operations: u64,
    /// What the script may hold, in bytes.
    pub memory: u64,
    /// Time until it has to be done; `None` is without end.
    pub deadline: Option<Duration>,
    /// Length of one text, in bytes.
    pub string: usize,
    pub call_levels: usize,
    /// Nesting of one expression; half of it inside functions.
    pub expression_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            operations: 2_000_000_000,
            memory: 256 << 20,
            deadline: None,
            string: 16 << 20,
            call_levels: 64,
            expression_depth: 128,
        }
    }
}

/// Why the engine ended a script; cannot be caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Interrupted,
    Memory(u64),
    /// The time that was allowed.
    Deadline(Duration),
    /// Too many modules, too deep, or too long.
    Modules,
    /// Standard output was closed.
    Output,
    /// A secret was put into a text.
    Secret,
}

/// A script to run.
#[derive(Debug, Clone)]
pub struct Script {
    /// Path, `-e` or `-`, for messages.
    pub name: String,
    /// The file that it was read from, if any: it may import from beside it.
    pub file: Option<PathBuf>,
    pub text: String,
    /// `args` of the script.
    pub arguments: Vec<String>,
    /// Print the value of the last expression (`-e`).
    pub echo: bool,
    /// Directories that it may import from besides, in order.
    pub module_path: Vec<PathBuf>,
}

/// What the script did to the process, seen from outside of the engine.
#[derive(Default)]
pub(super) struct Effects {
    /// Status given to `exit`.
    exit: Cell<Option<u8>>,
    /// Standard output was closed.
    closed: Cell<bool>,
    meter: OnceCell<Rc<Meter>>,
}

impl Effects {
    /// A line of the REPL begins: what was, was the line's before.
    pub(super) fn begin(&self) {
        self.exit.set(None);
        if let Some(meter) = self.meter.get() {
            meter.begin();
        }
    }

    pub(super) fn exit(&self) -> Option<u8> {
        self.exit.get()
    }

    pub(super) fn closed(&self) -> bool {
        self.closed.get()
    }
}

/// Runs a script to its end and returns the exit status. Errors were printed to standard error.
pub fn run(session: &Rc<Session>, limits: Limits, script: Script) -> u8 {
    interrupt::install();
    let _room = Room::make();
    let echo = script.echo;
    let mut stand = Stand::new(session, limits, script, Sources::default());
    let evaluated = stand.parse(&[]).and_then(|ast| {
        let value = stand.evaluate(&ast)?;
        if echo && stand.exit().is_none() && !value.is_unit() {
            stand.scope.push_dynamic("it", value);
            stand.engine.run_with_scope(&mut stand.scope, "print(it)")?;
        }
        Ok(())
    });
    match evaluated {
        Ok(()) => stand.exit().unwrap_or(u8::from(stand.effects.closed.get())),
        Err(error) => {
            let report = stand.report(&error);
            // A closed standard error leaves nobody to tell.
            let _ = std::io::stderr().write_all(session.secrets.masked(&report.text).as_bytes());
            report.exit
        }
    }
}

/// A script in an engine of its own, ready to be parsed and evaluated.
pub(super) struct Stand {
    pub engine: Engine,
    pub guard: Guard,
    pub source: Rc<Source>,
    pub scope: Scope<'static>,
    sources: Sources,
    effects: Rc<Effects>,
    deadline: Deadline,
    session: Rc<Session>,
}

impl Stand {
    /// `sources` gets its text and those of its modules, for messages.
    pub fn new(session: &Rc<Session>, limits: Limits, script: Script, sources: Sources) -> Stand {
        let effects = Rc::new(Effects::default());
        session.begin(&script.name);
        if let Some(directory) = script.file.as_deref().and_then(Path::parent) {
            session.lies_in(&script.name, directory);
        }
        let (mut engine, guard) = engine(session.clone(), limits, &effects);
        let place = script.file.as_deref().and_then(Place::of_script);
        let library = Library::new(script.module_path);
        engine.set_module_resolver(Modules::new(guard.clone(), library, sources.clone(), session.clone(), &script.name, place));
        let source = sources.add(Source { name: script.name, text: without_shebang(script.text) });
        let mut scope = Scope::new();
        let arguments: rhai::Array = script.arguments.into_iter().map(Dynamic::from).collect();
        scope.push_constant_dynamic("args", arguments.into());
        Stand { engine, guard, source, scope, sources, effects, deadline: session.deadline.clone(), session: session.clone() }
    }

    /// `taken`: names that it cannot give to anything, besides those that no script can.
    pub fn parse(&self, taken: &'static [&'static str]) -> Result<AST, Box<EvalAltResult>> {
        let mut ast = self.guard.compile_with(&self.engine, &self.scope, &self.source.text, taken)?;
        ast.set_source(&self.source.name);
        self.sources.learn(&self.source, &ast);
        Ok(ast)
    }

    pub fn evaluate(&mut self, ast: &AST) -> Result<Dynamic, Box<EvalAltResult>> {
        let value = self.engine.eval_ast_with_scope(&mut self.scope, ast)?;
        // By its last step.
        match self.session.is_exposed() {
            true => Err(EvalAltResult::ErrorTerminated(Dynamic::from(Stop::Secret), rhai::Position::NONE).into()),
            false => Ok(value),
        }
    }

    /// The status that the script gave to `exit`.
    pub fn exit(&self) -> Option<u8> {
        self.effects.exit.get()
    }

    pub fn report(&self, error: &EvalAltResult) -> Report {
        diagnostics::report(&self.engine, &self.sources, &self.source, error, self.deadline.passed())
    }
}

/// An engine that knows every name, those of tests too, and has no host: for who asks what there is.
#[cfg(test)]
pub fn without_host() -> Engine {
    let trial = Rc::new(super::testing::Trial::default());
    let session = Rc::new(Session::new(super::Mode::Test(trial), || Err(Fault::new(Kind::Unavailable, "no host is open here"))));
    engine(session, Limits::default(), &Rc::new(Effects::default())).0
}

/// An engine over a session that somebody made for a test.
#[cfg(test)]
pub fn of_session(session: Rc<Session>) -> Engine {
    engine(session, Limits::default(), &Rc::new(Effects::default())).0
}

/// Parses scripts and runs none.
pub struct Parser {
    engine: Engine,
    guard: Guard,
}

impl Parser {
    #[expect(clippy::new_without_default, reason = "an engine is no small thing")]
    pub fn new() -> Parser {
        let session = Rc::new(Session::new(super::Mode::Act, || Err(Fault::new(Kind::Unavailable, "no host is open here"))));
        let (engine, guard) = engine(session, Limits::default(), &Rc::new(Effects::default()));
        Parser { engine, guard }
    }

    /// One that knows the functions of tests too.
    pub(in crate::script) fn of_tests() -> Parser {
        let trial = Rc::new(super::testing::Trial::new(PathBuf::from("."), Vec::new()));
        let (engine, guard) = engine(trial.session(), Limits::default(), &Rc::new(Effects::default()));
        Parser { engine, guard }
    }

    /// The first thing that is wrong with a script, if one is. Needs [`Parser::STACK`] bytes of stack for the deepest.
    pub fn problem(&self, text: &str) -> Option<Problem> {
        let mut scope = Scope::new();
        scope.push_constant_dynamic("args", rhai::Array::new().into());
        let text = without_shebang(text.to_owned());
        let error = self.guard.compile(&self.engine, &scope, &text).err()?;
        Some(diagnostics::problem(&self.engine, &text, &error))
    }

    pub(in crate::script) fn into_parts(self) -> (Engine, Guard) {
        (self.engine, self.guard)
    }

    pub const STACK: usize = super::stack::SIZE as usize;
}

pub(super) fn engine(session: Rc<Session>, limits: Limits, effects: &Rc<Effects>) -> (Engine, Guard) {
    let mut engine = Engine::new();
    engine
        .set_optimization_level(OptimizationLevel::Simple)
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .set_max_operations(limits.operations)
        .set_max_string_size(limits.string)
        .set_max_call_levels(limits.call_levels)
        .set_max_expr_depths(limits.expression_depth, limits.expression_depth / 2);
    let guard = Guard::install(&mut engine);
    session.deadline.set(limits.deadline);
    watch(&mut engine, limits, &session, effects);
    speak(&mut engine, effects, &session);
    let status = effects.clone();
    engine.register_fn("exit", move |code: i64| -> Result<(), Box<EvalAltResult>> {
        let code = u8::try_from(code).map_err(|_| Fault::new(Kind::Value, format!("{code} is no exit status; use 0 to 255")))?;
        status.exit.set(Some(code));
        Err(EvalAltResult::Exit(Dynamic::UNIT, rhai::Position::NONE).into())
    });
    let waiting = session.clone();
    let sleep = Rc::new(move |seconds: f64| match (waiting.trial(), duration::from_seconds(seconds)) {
        (Some(trial), Some(wanted)) => {
            trial.world.pass(wanted);
            Ok(())
        }
        // In a plan nothing happens that one could wait for.
        _ if waiting.is_planning() => Ok(()),
        _ => pause(seconds, &waiting.deadline),
    });
    let whole = sleep.clone();
    engine.register_fn("sleep", move |seconds: i64| whole(seconds as f64));
    engine.register_fn("sleep", move |seconds: f64| sleep(seconds));
    api::register(&mut engine, session);
    (engine, guard)
}

/// Ends the script on Ctrl-C, when its time is over, when it takes too much memory, or when nobody reads what it prints.
fn watch(engine: &mut Engine, limits: Limits, session: &Rc<Session>, effects: &Rc<Effects>) {
    let meter = Rc::new(Meter::new(limits.memory));
    bounded::register(engine, &meter, limits.memory);
    let _ = effects.meter.set(meter.clone());
    let (deadline, effects, session) = (session.deadline.clone(), effects.clone(), session.clone());
    // With a deadline the clock is read at every step: what a verb waited for in vain must not be caught and passed over.
    engine.on_progress(move |_| {
        let why = if interrupt::pending() {
            Stop::Interrupted
        } else if effects.closed.get() {
            Stop::Output
        } else if meter.exceeded() {
            Stop::Memory(limits.memory)
        } else if let Some(allowed) = deadline.passed() {
            Stop::Deadline(allowed)
        } else if session.is_exposed() {
            Stop::Secret
        } else {
            return None;
        };
        Some(Dynamic::from(why))
    });
}

fn speak(engine: &mut Engine, effects: &Rc<Effects>, session: &Rc<Session>) {
    let (effects, session) = (effects.clone(), session.clone());
    engine.on_print(move |text| {
        if session.print(text).is_err() {
            effects.closed.set(true);
        }
    });
    engine.on_debug(|text, _, position| {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(std::io::stderr(), "debug {position:?}: {text}");
    });
}

/// Sleeps, but neither through a Ctrl-C nor beyond the deadline.
fn pause(seconds: f64, deadline: &Deadline) -> Result<(), Box<EvalAltResult>> {
    let slice = Duration::from_millis(50);
    let Some(wanted) = duration::from_seconds(seconds) else { return Ok(()) };
    let mut left = deadline.within(Some(wanted)).unwrap_or(wanted);
    while !left.is_zero() && !interrupt::pending() {
        let now = left.min(slice);
        std::thread::sleep(now);
        left -= now;
    }
    match deadline.passed() {
        Some(allowed) => Err(EvalAltResult::ErrorTerminated(Dynamic::from(Stop::Deadline(allowed)), rhai::Position::NONE).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Mode;

    fn evaluate(limits: Limits, text: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        let session = Rc::new(Session::new(Mode::Act, || Err(Fault::new(Kind::Unavailable, "no host in this test"))));
        engine(session, limits, &Rc::new(Effects::default())).0.eval(text)
    }

    #[test]
    fn limits_end_a_script_and_cannot_be_caught() {
        let limits = Limits { operations: 10_000, ..Limits::default() };
        let endless = "try { loop { } } catch { } 1";
        assert!(matches!(*evaluate(limits, endless).unwrap_err(), EvalAltResult::ErrorTooManyOperations(_)));
        let limits = Limits { memory: 4096, ..Limits::default() };
        assert!(matches!(*evaluate(limits, endless).unwrap_err(), EvalAltResult::ErrorTerminated(..)));
    }

    #[test]
    fn endless_recursion_ends_before_the_stack_does() {
        let nested = |depth| format!("fn f(x) {{ {}f(x + 1){} }} f(0)", "(".repeat(depth), " + 1)".repeat(depth));
        let fits = |script: &String| {
            let session = Session::new(Mode::Act, || Err(Fault::new(Kind::Unavailable, "no host in this test")));
            engine(Rc::new(session), Limits::default(), &Rc::new(Effects::default())).0.compile(script).is_ok()
        };
        let worst = (1..Limits::default().expression_depth).rev().map(nested).find(fits).unwrap();
        let deep = move || {
            for script in ["fn f(x) { 1 + f(x + 1) } f(0)", &worst] {
                let error = evaluate(Limits::default(), script).unwrap_err().to_string();
                assert!(error.contains("Stack overflow"), "{error}");
            }
        };
        std::thread::Builder::new().stack_size(super::super::stack::SIZE as usize).spawn(deep).unwrap().join().unwrap();
    }

    #[test]
    fn a_text_cannot_grow_without_end() {
        let error = evaluate(Limits::default(), "let x = \"0123456789abcdef\"; loop { x += x; }").unwrap_err();
        assert!(matches!(*error, EvalAltResult::ErrorDataTooLarge(..)), "{error}");
    }

    #[test]
    fn a_verbs_error_can_be_caught_and_looked_into() {
        let script = r#"let seen; try { stats() } catch (e) { seen = [e.kind, e.message, `${e}`]; } seen"#;
        let found = evaluate(Limits::default(), script).unwrap().into_typed_array::<String>().unwrap();
        assert_eq!(found, ["unavailable", "no host in this test", "no host in this test"]);
    }

    #[test]
    fn unknown_variables_are_found_before_anything_runs() {
        let error = evaluate(Limits::default(), "print(undefined_thing)").unwrap_err();
        assert!(matches!(*error, EvalAltResult::ErrorParsing(..)), "{error}");
    }

    #[test]
    fn constants_are_folded_to_the_same_answer() {
        let script = "const A = 40; let f = |x| x + A; if 1 == 1 { f.call(2) } else { 0 }";
        for level in [OptimizationLevel::None, OptimizationLevel::Simple] {
            let mut engine = Engine::new();
            engine.set_optimization_level(level);
            assert_eq!(engine.eval::<i64>(script).unwrap(), 42);
        }
    }
}
