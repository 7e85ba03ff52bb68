//! An engine that lives from line to line: variables, functions and imports stay, limits begin anew with each line. What
//! the REPL evaluates with; reads and prints nothing itself.

mod functions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rhai::{AST, Caches, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, OptimizationLevel, Position, Scope, Stmt};

use super::Session;
use super::api;
use super::convert::type_name;
use super::diagnostics;
use super::engine::{Effects, Limits, engine};
use super::guard::Guard;
use super::interrupt::Hearing;
use super::library::{Library, Place};
use super::modules::{Modules, Resolver};
use super::narrow;
use super::session::Planned;
use super::source::{Source, Sources, without_shebang};
use super::stack::Room;
use super::text::{Kind, Named, Outline, tokens};
use crate::jail::spec::Profile;
use functions::Functions;

/// What the value of the last line is called.
pub const LAST: &str = "_";

/// What became of a line.
#[derive(Debug)]
pub enum Said {
    /// Its value; `()` if it has none.
    Value(Dynamic),
    /// It called `exit`.
    Exit(u8),
    Failed {
        /// What to tell, with place, caret and hint.
        report: String,
        /// It was ended by Ctrl-C.
        interrupted: bool,
    },
}

/// Constants of the lines before, for functions that name them as `global::NAME`.
type Constants = Option<rhai::Shared<rhai::Locked<std::collections::BTreeMap<rhai::ImmutableString, Dynamic>>>>;

/// Evaluates line after line.
pub struct Console {
    session: Rc<Session>,
    engine: Engine,
    guard: Guard,
    scope: Scope<'static>,
    sources: Sources,
    effects: Rc<Effects>,
    limits: Limits,
    functions: Functions,
    constants: Constants,
    /// Alias and module of each import of the lines before.
    imports: Vec<(String, String)>,
    modules: Rc<Modules>,
    /// The last line was one expression and no more.
    expression: bool,
    _room: Room,
}

impl Console {
    pub fn new(session: &Rc<Session>, limits: Limits, module_path: Vec<PathBuf>) -> Console {
        let (effects, sources) = (Rc::new(Effects::default()), Sources::default());
        session.begin("repl");
        session.interactive.awake();
        let (mut engine, guard) = engine(session.clone(), limits, &effects);
        narrow::register(&mut engine, session);
        // A line ends before the next one is known: what looks unused now may be asked for then.
        engine.set_optimization_level(OptimizationLevel::None);
        let library = Library::new(module_path);
        let modules = Rc::new(Modules::new(guard.clone(), library, sources.clone(), session.clone(), "repl", None));
        engine.set_module_resolver(Resolver(modules.clone()));
        let mut scope = Scope::new();
        scope.push_constant_dynamic("args", rhai::Array::new().into());
        Console {
            session: session.clone(),
            engine,
            guard,
            scope,
            sources,
            effects,
            limits,
            functions: Functions::default(),
            constants: None,
            imports: Vec::new(),
            modules,
            expression: false,
            _room: Room::make(),
        }
    }

    /// Evaluates a file as if it were typed. It imports from beside it.
    pub fn load(&mut self, file: &Path, text: &str) -> Said {
        let name = file.to_string_lossy().into_owned();
        if let (Some((_, place)), Some(directory)) = (Place::of_script(file), file.parent()) {
            self.session.lies_in(&name, directory);
            self.modules.lies_at(&name, place);
        }
        self.evaluate(&name, text)
    }

    /// Evaluates a line and keeps nothing of it.
    pub fn aside(&mut self, name: &str, text: &str) -> Said {
        let (scope, functions) = (self.scope.clone(), self.functions.clone());
        let (imports, constants) = (self.imports.clone(), self.constants.take());
        let said = self.evaluate(name, text);
        (self.scope, self.functions) = (scope, functions);
        (self.imports, self.constants) = (imports, constants);
        said
    }

    /// A profile's rights, each with why it is held or not.
    pub fn explain(&mut self, profile: Profile) -> Said {
        self.scope.push_dynamic("it", Dynamic::from(api::Profile(profile)));
        let said = self.aside("profile", "it.explain()");
        let _ = self.scope.remove::<Dynamic>("it");
        said
    }

    /// What a line would do, without doing it. Nothing of it is kept.
    pub fn plan(&mut self, name: &str, text: &str) -> (Said, Planned) {
        self.session.interactive.plan(true);
        let said = self.aside(name, text);
        let planned = self.session.planned();
        self.session.interactive.plan(false);
        (said, planned)
    }

    /// The same of a file.
    pub fn plan_file(mut self, file: &Path, text: &str) -> (Said, Planned) {
        self.session.interactive.plan(true);
        let said = self.load(file, text);
        let planned = self.session.planned();
        self.session.interactive.plan(false);
        (said, planned)
    }

    /// The name of a value's type, as the reference has it.
    pub fn kind(&self, value: &Dynamic) -> String {
        type_name(self.engine.map_type_name(value.type_name())).to_owned()
    }

    /// Was the last line one expression and no more? Then its value is what it stands for.
    pub fn was_expression(&self) -> bool {
        self.expression
    }

    /// Evaluates a line and keeps what it defines. `name`: for messages and places.
    pub fn evaluate(&mut self, name: &str, text: &str) -> Said {
        let _hearing = Hearing::begin();
        self.session.begin(name);
        self.session.deadline.set(self.limits.deadline);
        self.effects.begin();
        self.sources.begin(self.names());
        self.modules.begin();
        let source = self.sources.add(Source { name: name.to_owned(), text: without_shebang(text.to_owned()) });
        let evaluated = self.parse(&source).and_then(|ast| {
            self.functions.add(name, &ast);
            self.expression = matches!(ast.statements(), [Stmt::Expr(..) | Stmt::FnCall(..)]);
            let value = self.run(&source, &ast);
            self.prune();
            let value = value?;
            self.keep_imports(&source.text)?;
            Ok(value)
        });
        let said = match evaluated {
            _ if self.effects.exit().is_some() => Said::Exit(self.effects.exit().unwrap_or_default()),
            // Nobody reads what is said any more.
            _ if self.effects.closed() => Said::Exit(1),
            Ok(value) => {
                if !value.is_unit() {
                    let _ = self.scope.remove::<Dynamic>(LAST);
                    self.scope.push_dynamic(LAST, value.clone());
                }
                Said::Value(value)
            }
            Err(error) => {
                let late = self.session.deadline.passed();
                let report = diagnostics::report(&self.engine, &self.sources, &source, &error, late);
                Said::Failed { report: report.text, interrupted: report.exit == 130 }
            }
        };
        for name in self.functions.sweep(&self.scope).iter().map(String::as_str).chain([name]) {
            if !self.functions.are_of(name) {
                self.sources.forget(name);
            }
        }
        said
    }

    fn parse(&self, source: &Source) -> Result<AST, Box<EvalAltResult>> {
        let mut ast = self.guard.compile_line(&self.engine, &self.scope, &source.text, last_values(&source.text))?;
        ast.set_source(&source.name);
        self.sources.learn(source, &ast);
        Ok(ast)
    }

    fn run(&mut self, source: &Source, ast: &AST) -> Result<Dynamic, Box<EvalAltResult>> {
        let mut global: GlobalRuntimeState = self.engine.new_global_runtime_state();
        global.source = Some(source.name.as_str().into());
        global.lib.extend(self.functions.libraries());
        global.constants.clone_from(&self.constants);
        #[expect(deprecated, reason = "the only way to give an evaluation the functions of several texts")]
        let value = self.engine.eval_statements_raw(&mut global, &mut Caches::new(), &mut self.scope, ast.statements());
        self.constants.clone_from(&global.constants);
        value
    }

    /// Of variables of one name the last alone can be reached.
    fn prune(&mut self) {
        let mut seen = BTreeSet::new();
        // The newest come first.
        let mut kept: Vec<_> = self.scope.iter_raw().filter(|(name, ..)| seen.insert(*name)).collect();
        if kept.len() == self.scope.len() {
            return;
        }
        kept.reverse();
        let mut scope = Scope::new();
        for (name, constant, value) in kept {
            match constant {
                true => scope.push_constant_dynamic(name.to_owned(), value.clone()),
                false => scope.push_dynamic(name.to_owned(), value.clone()),
            };
        }
        self.scope = scope;
    }

    /// Modules that the line imported can be named by the lines that follow.
    fn keep_imports(&mut self, text: &str) -> Result<(), Box<EvalAltResult>> {
        let outline = Outline::of(text);
        for import in outline.names.iter().filter(|name| name.is_global) {
            let Named::Module { path } = &import.what else { continue };
            let module = self.engine.module_resolver().resolve(&self.engine, None, path, Position::NONE)?;
            self.engine.register_static_module(&import.name, module);
            self.imports.retain(|(alias, _)| *alias != import.name);
            self.imports.push((import.name.clone(), path.clone()));
        }
        Ok(())
    }

    /// Names of variables, functions and modules of the lines before.
    pub fn names(&self) -> Vec<String> {
        let variables = self.scope.iter_raw().map(|(name, ..)| name.to_owned());
        let modules = self.imports.iter().map(|(alias, _)| alias.clone());
        variables.chain(modules).chain(self.functions.names()).filter(|name| name != LAST).collect()
    }

    /// Variables and constants, with their values.
    pub fn variables(&self) -> impl Iterator<Item = (&str, Dynamic)> {
        self.scope.iter_raw().map(|(name, _, value)| (name, value.flatten_clone()))
    }

    /// The same, to be looked at.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Dynamic)> {
        self.scope.iter_raw().map(|(name, _, value)| (name, value))
    }

    pub fn value(&self, name: &str) -> Option<&Dynamic> {
        // The newest come first.
        self.values().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Functions that were defined, with the names of their parameters.
    pub fn functions(&self) -> Vec<(String, Vec<String>)> {
        self.functions.signatures()
    }

    /// Alias and module of each import.
    pub fn imports(&self) -> &[(String, String)] {
        &self.imports
    }
}

/// Lines and columns of each `_` that means the last value: not the one of a switch.
pub fn last_values(text: &str) -> Vec<(usize, usize)> {
    let all: Vec<_> = tokens(text).into_iter().filter(|token| token.kind != Kind::Comment).collect();
    let is_default = |at: usize| all.get(at + 1).is_some_and(|next| next.of(text) == "=>");
    // Where a name is given, it is none.
    let is_new = |at: usize| at > 0 && matches!(all[at - 1].of(text), "let" | "const" | "for" | "as" | "fn");
    let is_last = |at: usize| all[at].of(text) == LAST && !is_default(at) && !is_new(at);
    let found = all.iter().enumerate().filter(|(at, _)| is_last(*at));
    found
        .map(|(_, token)| {
            let before = &text[..token.start];
            let line = before.rfind('\n').map_or(0, |end| end + 1);
            (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
        })
        .collect()
}
