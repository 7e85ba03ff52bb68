//! What is wrong with scripts, found without running them: they are parsed with all they import, and every call is held
//! against what can be called. What cannot be told for sure is left alone.

mod arguments;
mod calls;
mod known;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rhai::{AST, ASTNode, Engine, Expr, OptimizationLevel, Position, Scope, Stmt};
use serde::Serialize;

use super::engine::Parser;
use super::guard::Guard;
use super::library::{Found, Identity, Library, Place};
use super::source::{Source, Sources, without_shebang};
use super::{Code, Fault, Problem, diagnostics};
use known::{Exports, Natives};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub file: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub code: Code,
    pub message: String,
    pub hint: Option<String>,
    /// The line and a caret.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

/// Checks scripts, and the modules that they import, each once.
pub struct Checker {
    engine: Engine,
    guard: Guard,
    natives: Natives,
    /// The same with the functions of tests; made when a script has tests.
    natives_of_tests: Option<Natives>,
    /// What is being checked has tests, and so may what it imports serve them.
    testing: bool,
    library: Library,
    sources: Sources,
    modules: BTreeMap<Identity, Option<Rc<Exports>>>,
    findings: Vec<Finding>,
}

/// A text that parses, on the way through.
pub(in crate::script) struct Parsed {
    source: Rc<Source>,
    ast: AST,
    /// What the aliases stand for; `None` where the module could not be looked into. One alias may be given twice.
    imports: Vec<(String, Option<Rc<Exports>>)>,
}

impl Checker {
    /// `module_path` as for running.
    pub fn new(module_path: Vec<PathBuf>) -> Checker {
        let (mut engine, guard) = Parser::new().into_parts();
        // What the optimizer drops is looked at too.
        engine.set_optimization_level(OptimizationLevel::None);
        Checker {
            natives: Natives::of(&engine),
            natives_of_tests: None,
            testing: false,
            engine,
            guard,
            library: Library::new(module_path),
            sources: Sources::default(),
            modules: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// Checks a script. `file`: where it lies, if it is one.
    pub fn script(&mut self, name: &str, file: Option<&Path>, text: String) {
        let mut scope = Scope::new();
        scope.push_constant_dynamic("args", rhai::Array::new().into());
        let place = file.and_then(Place::of_script);
        let identity = place.as_ref().map(|(identity, _)| identity.clone());
        if let Some(identity) = &identity {
            self.modules.insert(identity.clone(), None);
        }
        self.testing = is_of_tests(name, &text);
        let exports = self.text(name, text, place.map(|(_, place)| place).as_ref(), &scope);
        if let Some(identity) = identity {
            self.modules.insert(identity, exports);
        }
    }

    /// All that was found, in the order of files and lines.
    pub fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by(|one, other| (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column)));
        self.findings.dedup();
        self.findings
    }

    fn text(&mut self, name: &str, text: String, place: Option<&Place>, scope: &Scope) -> Option<Rc<Exports>> {
        let source = self.sources.add(Source { name: name.to_owned(), text: without_shebang(text) });
        let ast = match self.guard.compile(&self.engine, scope, &source.text) {
            Ok(ast) => ast,
            Err(error) => {
                let problem = diagnostics::problem(&self.engine, &source.text, &error);
                let place = match (problem.line, problem.column) {
                    (Some(line), Some(column)) => Position::new(line as u16, column as u16),
                    _ => Position::NONE,
                };
                self.note(&source, place, problem);
                return None;
            }
        };
        let imports = self.imports(&source, &ast, place);
        let parsed = Parsed { source, ast, imports };
        let natives = match self.testing || is_of_tests(name, &parsed.source.text) {
            true => self.natives_of_tests.get_or_insert_with(|| Natives::of(&Parser::of_tests().into_parts().0)),
            false => &self.natives,
        };
        for (position, problem) in calls::problems(&parsed, natives) {
            self.note(&parsed.source, position, problem);
        }
        Some(Rc::new(Exports::of(&parsed.ast, &parsed.imports)))
    }

    fn imports(&mut self, source: &Rc<Source>, ast: &AST, place: Option<&Place>) -> Vec<(String, Option<Rc<Exports>>)> {
        let mut named = Vec::new();
        ast.walk(&mut |path: &[ASTNode]| {
            if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last()
                && let (Expr::StringConstant(name, position), alias) = &**import
            {
                named.push((name.to_string(), *position, alias.name.to_string()));
            }
            true
        });
        let mut imports = Vec::new();
        for (name, position, alias) in named {
            let exports = match self.library.find(place, &name) {
                Ok(found) => self.module(found),
                Err(fault) => {
                    self.note(source, position, of_fault(fault));
                    None
                }
            };
            imports.push((alias, exports));
        }
        imports
    }

    fn module(&mut self, found: Found) -> Option<Rc<Exports>> {
        if let Some(seen) = self.modules.get(&found.identity) {
            // Also one that is being looked at: what it exports is not known yet.
            return seen.clone();
        }
        self.modules.insert(found.identity.clone(), None);
        let (identity, name, place) = (found.identity.clone(), found.name.clone(), found.place.clone());
        let exports = match found.read() {
            Ok(text) => self.text(&name, text, place.as_ref(), &Scope::new()),
            Err(fault) => {
                let source = self.sources.add(Source { name, text: String::new() });
                self.note(&source, Position::NONE, of_fault(fault));
                None
            }
        };
        self.modules.insert(identity, exports.clone());
        exports
    }

    fn note(&mut self, source: &Source, position: Position, problem: Problem) {
        self.findings.push(Finding {
            file: source.name.clone(),
            line: position.line(),
            column: position.position(),
            code: problem.code,
            message: problem.message,
            hint: problem.hint,
            excerpt: source.excerpt(position),
        });
    }
}

/// Whether a text can call what only tests have: it holds some, or is a library for them.
fn is_of_tests(name: &str, text: &str) -> bool {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
    stem == "testing" || stem.ends_with("_test") || text.lines().any(|line| line.starts_with("fn test_"))
}

/// A problem whose place is told apart.
fn problem(code: Code, message: impl Into<String>, hint: Option<String>) -> Problem {
    Problem { line: None, column: None, code, message: message.into(), hint }
}

fn of_fault(fault: Fault) -> Problem {
    problem(fault.kind.into(), fault.message.to_string(), fault.hint.map(|hint| hint.to_string()))
}
