//! What is printed when nobody caught an error: place, message, line, caret, hint, and the calls that led there.

use std::rc::Rc;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, LexError, ParseErrorType, Position};

use super::code::Code;
use super::convert::type_name;
use super::engine::Stop;
use super::source::{CLOSURE, Source, Sources};
use super::{Fault, Kind, api, guard};
use crate::jail::spec::nearest;
use crate::telemetry::printable;

/// What the process says and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub text: String,
    pub exit: u8,
}

/// Status of a script that is none, sysexits.h's EX_DATAERR.
const SYNTAX: u8 = 65;

pub struct Finding {
    pub code: Code,
    pub message: String,
    pub hint: Option<String>,
    exit: u8,
}

/// A call or an import on the way to an error.
struct Frame {
    /// `fn f, called` and the like.
    what: String,
    source: Rc<Source>,
    position: Position,
}

/// Explains an error that ended `script`. `late`: the time that it was allowed, if that is over: what a verb that waited
/// said then is not why.
pub fn report(engine: &Engine, sources: &Sources, script: &Rc<Source>, error: &EvalAltResult, late: Option<Duration>) -> Report {
    let mut frames = Vec::new();
    let (inner, source) = innermost(error, script.clone(), sources, &mut frames);
    let finding = match late {
        Some(allowed) if error.is_catchable() => deadline(allowed),
        _ => explain(engine, sources, &source, inner),
    };
    let thrown_at = inner.position();
    let (first_source, position) = origin(inner, sources).unwrap_or_else(|| (source.clone(), thrown_at));
    let mut text = format!("{}: error[{}]: {}\n", first_source.place(position), finding.code, finding.message);
    if let Some(excerpt) = first_source.excerpt(position) {
        text += &(excerpt + "\n");
    }
    if let Some(hint) = finding.hint {
        text += &format!("hint: {hint}\n");
    }
    if let Some(name) = sources.where_it_ended() {
        text += &format!("while module {} was imported\n", printable(&name));
    }
    if (position, &first_source.name) != (thrown_at, &source.name) {
        text += &format!("thrown again at {}\n", source.place(thrown_at));
    }
    for frame in frames.iter().rev() {
        text += &format!("in {} at {}\n", frame.what, frame.source.place(frame.position));
    }
    Report { text, exit: finding.exit }
}

/// Where a verb's error first happened, though the script may have caught it and thrown it again.
fn origin(error: &EvalAltResult, sources: &Sources) -> Option<(Rc<Source>, Position)> {
    let EvalAltResult::ErrorRuntime(value, _) = error else { return None };
    let fault = value.clone().try_cast::<Fault>()?;
    Some((sources.get(fault.file.as_deref()?)?, fault.position()?))
}

/// Walks into calls and imports, and to the text that the innermost error is in; `frames` gets the outermost first.
fn innermost<'a>(
    error: &'a EvalAltResult,
    source: Rc<Source>,
    sources: &Sources,
    frames: &mut Vec<Frame>,
) -> (&'a EvalAltResult, Rc<Source>) {
    let (what, file, inner, position) = match error {
        EvalAltResult::ErrorInFunctionCall(name, file, inner, position) => {
            let name = if name.starts_with(CLOSURE) { "a closure".to_owned() } else { format!("fn {name}") };
            (format!("{name}, called"), file, inner, position)
        }
        EvalAltResult::ErrorInModule(name, inner, position) => {
            (format!("module {}, imported", printable(name)), name, inner, position)
        }
        _ => return (error, source),
    };
    let closure = match error {
        EvalAltResult::ErrorInFunctionCall(name, ..) => sources.of_closure(name),
        _ => None,
    };
    let next = closure.or_else(|| sources.get(file)).unwrap_or_else(|| source.clone());
    frames.push(Frame { what, source, position: *position });
    innermost(inner, next, sources, frames)
}

fn deadline(allowed: Duration) -> Finding {
    let message = format!("the script took longer than {} s", allowed.as_secs_f64());
    let hint = Some("look for what it waits for, or raise --deadline".into());
    Finding { code: Code::DEADLINE, message, hint, exit: Kind::TimedOut.exit() }
}

/// Something wrong in a script that did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1, in characters; `None`: not known.
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub code: Code,
    pub message: String,
    pub hint: Option<String>,
}

/// Why `text` does not parse.
pub fn problem(engine: &Engine, text: &str, error: &rhai::ParseError) -> Problem {
    let source = Source { name: String::new(), text: text.to_owned() };
    let Finding { code, message, hint, .. } = syntax(engine, &source, &[], error.err_type());
    let position = error.position();
    Problem { line: position.line(), column: position.position(), code, message, hint }
}

fn plain(code: Code, message: impl Into<String>, hint: Option<String>) -> Finding {
    Finding { code, message: message.into(), hint, exit: 1 }
}

fn explain(engine: &Engine, sources: &Sources, source: &Source, error: &EvalAltResult) -> Finding {
    match error {
        EvalAltResult::ErrorParsing(kind, _) => syntax(engine, source, &sources.known(), kind),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(engine, sources, source, signature),
        EvalAltResult::ErrorRuntime(value, _) => thrown(value),
        EvalAltResult::ErrorTerminated(token, _) => match token.clone().try_cast::<Stop>() {
            Some(Stop::Interrupted) => Finding { code: Code::INTERRUPTED, message: "interrupted".into(), hint: None, exit: 130 },
            Some(Stop::Memory(limit)) => {
                let hint = "keep less at a time, or raise --max-memory";
                plain(Code::MEMORY, format!("the script uses more than {} MiB of memory", limit >> 20), Some(hint.into()))
            }
            Some(Stop::Deadline(allowed)) => deadline(allowed),
            Some(Stop::Modules) => plain(
                Code::IMPORTS,
                "the script imports too much",
                Some("keep to 256 modules, 8 MiB of text, and imports that are nested 16 deep".into()),
            ),
            Some(Stop::Secret) => plain(Code::of(Kind::Secret), api::SECRET_IS_NO_TEXT, Some(api::GIVE_SECRET_TO.into())),
            Some(Stop::Output) => plain(Code::OUTPUT, "nobody reads the output", None),
            None => plain(Code::INTERRUPTED, "the script was terminated", None),
        },
        EvalAltResult::ErrorTooManyOperations(_) => plain(
            Code::OPERATIONS,
            format!("the script took more than {} operations", engine.max_operations()),
            Some("look for a loop without end, or raise --max-operations".into()),
        ),
        EvalAltResult::ErrorStackOverflow(_) => plain(
            Code::DEPTH,
            format!("calls are nested more than {} deep", engine.max_call_levels()),
            Some("look for a function that calls itself without end".into()),
        ),
        EvalAltResult::ErrorDataTooLarge(kind, _) => {
            plain(Code::SIZE, format!("{} is too large", kind.to_ascii_lowercase()), Some("keep less in one value".into()))
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => plain(
            Code::NO_PROPERTY,
            format!("the map has no property {name:?}"),
            Some("test with `in` first, or use ?? and ?.".into()),
        ),
        EvalAltResult::ErrorVariableNotFound(name, _) => unknown_variable(source, &sources.known(), name),
        other => plain(of_rhai(other), lower(&without_place(other)), None),
    }
}

/// Rhai's own words are good enough for these; the code tells what sort they are.
fn of_rhai(error: &EvalAltResult) -> Code {
    use EvalAltResult as Error;
    match error {
        Error::ErrorArrayBounds(..)
        | Error::ErrorStringBounds(..)
        | Error::ErrorBitFieldBounds(..)
        | Error::ErrorIndexNotFound(..) => Code::INDEX,
        Error::ErrorArithmetic(..) => Code::ARITHMETIC,
        Error::ErrorMismatchDataType(..)
        | Error::ErrorMismatchOutputType(..)
        | Error::ErrorIndexingType(..)
        | Error::ErrorFor(..) => Code::WRONG_TYPE,
        Error::ErrorDotExpr(..) => Code::NO_PROPERTY,
        Error::ErrorAssignmentToConstant(..) | Error::ErrorNonPureMethodCallOnConstant(..) => Code::CONSTANT,
        Error::ErrorModuleNotFound(..) => Code::from(Kind::Module),
        _ => Code::INTERPRETER,
    }
}

fn thrown(value: &Dynamic) -> Finding {
    if let Some(fault) = value.clone().try_cast::<Fault>() {
        return Finding { code: fault.kind.into(), message: fault.message, hint: fault.hint, exit: fault.kind.exit() };
    }
    match value.as_immutable_string_ref() {
        Ok(text) => plain(Code::THROWN, text.as_str(), None),
        Err(_) if value.is_unit() => plain(Code::THROWN, "the script threw an error without a message", None),
        Err(_) => plain(Code::THROWN, format!("thrown: {value:?}"), None),
    }
}

/// `known`: names besides those that the text gives.
fn syntax(engine: &Engine, source: &Source, known: &[String], kind: &ParseErrorType) -> Finding {
    let found = match kind {
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, message)) => {
            let fault = Fault::new(Kind::Spec, message);
            plain(Code::of_refusal(symbol), lower(&fault.message), fault.hint)
        }
        ParseErrorType::UnexpectedEOF => {
            plain(Code::ENDS_EARLY, "the script ends too early", Some("look for a missing bracket, brace or quote".into()))
        }
        ParseErrorType::VariableUndefined(name) if is_function(engine, name) => {
            plain(Code::NOT_CALLED, format!("{name} is a function"), Some(format!("call it: {name}(...)")))
        }
        ParseErrorType::VariableUndefined(name) => unknown_variable(source, known, name),
        ParseErrorType::DuplicatedProperty(name) => plain(Code::SAME_KEY, format!("the key {name:?} is there twice"), None),
        ParseErrorType::AssignmentToConstant(_) => plain(Code::CONSTANT, lower(&kind.to_string()), None),
        other => plain(Code::SYNTAX, lower(&other.to_string()), None),
    };
    Finding { exit: SYNTAX, ..found }
}

fn is_function(engine: &Engine, name: &str) -> bool {
    !overloads(engine, name).is_empty()
}

/// Names the script gives to things, found without parsing, for suggestions only.
fn names_in(source: &Source) -> Vec<&str> {
    let words: Vec<&str> =
        source.text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let naming = |pair: &&[&str]| matches!(pair[0], "let" | "const" | "fn" | "for");
    words.windows(2).filter(naming).map(|pair| pair[1]).chain(["args"]).collect()
}

fn unknown_variable(source: &Source, known: &[String], name: &str) -> Finding {
    let all = names_in(source).into_iter().chain(known.iter().map(String::as_str));
    let near = nearest(name, all.filter(|known| *known != name));
    plain(Code::UNKNOWN_VARIABLE, format!("unknown variable {name:?}"), near.map(|near| format!("did you mean {near}?")))
}

/// Rhai's `name (type, type)`. Two mistakes look alike to it: a wrong name, and right name with wrong arguments.
fn unknown_function(engine: &Engine, sources: &Sources, source: &Source, signature: &str) -> Finding {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ")"));
    let given: Vec<&str> = arguments.trim_end_matches(')').split(", ").map(type_name).filter(|kind| !kind.is_empty()).collect();
    if let Some((module, name)) = name.rsplit_once("::") {
        let texts = sources.all();
        let near = nearest(name, texts.iter().flat_map(|source| names_in(source)).filter(|known| *known != name));
        let hint = near.map(|near| format!("did you mean {module}::{near}?"));
        return plain(Code::NOT_IN_MODULE, format!("module {module} has no function {name}({})", given.join(", ")), hint);
    }
    let known = overloads(engine, name);
    if known.is_empty() {
        let names = engine.collect_fn_metadata(None, |found| Some(found.metadata.name.to_string()), true);
        let scripted = names_in(source);
        let before = sources.known();
        let all = names
            .iter()
            .chain(&before)
            .map(String::as_str)
            .chain(scripted)
            .filter(|name| name.starts_with(|c: char| c.is_alphabetic()));
        let near = if name.len() < 3 { None } else { nearest(name, all.chain(guard::VERBS)) };
        return plain(
            Code::UNKNOWN_FUNCTION,
            format!("unknown function {name:?}"),
            near.map(|near| format!("did you mean {near}?")),
        );
    }
    plain(
        Code::ARGUMENTS,
        format!("{name} cannot be called with ({})", given.join(", ")),
        Some(format!("it takes {}", known.join(", or "))),
    )
}

/// The argument lists that a function takes, at most six.
fn overloads(engine: &Engine, name: &str) -> Vec<String> {
    let list = |found: rhai::FuncInfo| {
        // Of the short forms of the REPL nobody wrote down what they give.
        (found.metadata.name.as_str() == name && !found.metadata.return_type.is_empty()).then(|| {
            let kind = |param| type_name(str::split_once(param, ':').map_or(param, |(_, kind)| kind));
            format!("({})", found.metadata.params_info.iter().map(|param| kind(param.as_str())).collect::<Vec<_>>().join(", "))
        })
    };
    let mut lists = engine.collect_fn_metadata(None, list, true);
    lists.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    lists.dedup();
    lists.truncate(6);
    lists
}

/// Rhai's message without the place it adds at the end.
fn without_place(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let place = format!(" ({})", error.position());
    text.strip_suffix(&place).map_or(text.clone(), str::to_owned)
}

/// Rhai begins with a capital; our messages do not.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
