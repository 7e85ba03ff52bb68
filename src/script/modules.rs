//! `import`: finds a module in the [`Library`], compiles it under the same guard and limits as the script, and runs it
//! once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, GlobalRuntimeState, Module, ModuleResolver, Position, Scope, Shared};

use super::engine::Stop;
use super::guard::Guard;
use super::library::{Found, Identity, Library, Place};
use super::source::{Source, Sources};
use super::{Fault, Kind, Session};
use crate::plan::Digest;

/// Modules that import each other, at most: each takes its share of the stack.
const MAX_DEPTH: usize = 16;
/// Modules of one run, at most.
const MAX_MODULES: usize = 256;
/// Text of all modules of one run, at most, in bytes; what did not parse counts too.
const MAX_BYTES: usize = 8 << 20;

/// The resolver of one engine.
pub struct Modules {
    guard: Guard,
    library: Library,
    sources: Sources,
    session: Rc<Session>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    loaded: BTreeMap<Identity, Shared<Module>>,
    /// Those that are being run, the script first.
    loading: Vec<(Identity, String)>,
    /// From where the files import, by their names in messages.
    places: BTreeMap<String, Place>,
    bytes: usize,
}

impl Modules {
    /// `script`: its name in messages, and where it lies if it is a file.
    pub fn new(
        guard: Guard,
        library: Library,
        sources: Sources,
        session: Rc<Session>,
        script: &str,
        file: Option<(Identity, Place)>,
    ) -> Modules {
        let mut state = State::default();
        if let Some((identity, place)) = file {
            state.loading.push((identity, script.to_owned()));
            state.places.insert(script.to_owned(), place);
        }
        Modules { guard, library, sources, session, state: RefCell::new(state) }
    }

    /// A line of the REPL begins: a file that it imports is read again, as it is now, and the bounds of a run are the line's.
    pub fn begin(&self) {
        let mut state = self.state.borrow_mut();
        state.loaded.retain(|identity, _| matches!(identity, Identity::Standard(_)));
        state.bytes = 0;
    }

    /// From where a text imports.
    pub fn lies_at(&self, name: &str, place: Place) {
        self.state.borrow_mut().places.insert(name.to_owned(), place);
    }

    /// The module if it ran already, else what to run.
    fn find(&self, importer: Option<&str>, name: &str) -> Result<Result<Shared<Module>, Found>, Box<EvalAltResult>> {
        let state = self.state.borrow();
        let place = importer.and_then(|importer| state.places.get(importer));
        let found = self.library.find(place, name)?;
        if let Some(module) = state.loaded.get(&found.identity) {
            return Ok(Ok(module.clone()));
        }
        if let Some(first) = state.loading.iter().position(|(identity, _)| *identity == found.identity) {
            let chain = state.loading[first..].iter().map(|(_, name)| name.as_str()).chain([found.name.as_str()]);
            let chain = chain.collect::<Vec<_>>().join(" imports ");
            return Err(
                Fault::new(Kind::Module, format!("modules import each other: {chain}; move what both need to a third")).into()
            );
        }
        if state.loading.len() > MAX_DEPTH || state.loaded.len() >= MAX_MODULES {
            return Err(stop(Stop::Modules));
        }
        Ok(Err(found))
    }

    fn load(&self, engine: &Engine, global: &mut GlobalRuntimeState, found: Found) -> Result<Module, Box<EvalAltResult>> {
        let (name, path, place) = (found.name.clone(), found.path.clone(), found.place.clone());
        let text = super::source::without_shebang(found.read()?);
        {
            let mut state = self.state.borrow_mut();
            state.bytes += text.len();
            if state.bytes > MAX_BYTES {
                return Err(stop(Stop::Modules));
            }
            if let Some(place) = &place {
                self.session.lies_in(&name, place.directory());
            }
            state.places.extend(place.map(|place| (name.clone(), place)));
        }
        self.session.provenance.borrow_mut().modules.insert(path, Digest::of(&text));
        let source = self.sources.add(Source { name: name.clone(), text });
        let mut ast = self.guard.compile(engine, &Scope::new(), &source.text)?;
        ast.set_source(name);
        self.sources.learn(&source, &ast);
        Module::eval_ast_as_new_raw(engine, &mut Scope::new(), global, &ast)
    }
}

fn stop(why: Stop) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(why), Position::NONE).into()
}

/// The same [`Modules`], for the engine.
pub struct Resolver(pub Rc<Modules>);

impl ModuleResolver for Resolver {
    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        scope: &mut Scope,
        name: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        self.0.resolve_raw(engine, global, scope, name, position)
    }

    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        name: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        self.0.resolve(engine, source, name, position)
    }
}

impl ModuleResolver for Modules {
    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _: &mut Scope,
        name: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let located = |mut error: Box<EvalAltResult>| match *error {
            EvalAltResult::ErrorRuntime(value, _) if value.is::<Fault>() => {
                let fault = value.cast::<Fault>().at(position, global.source());
                EvalAltResult::ErrorRuntime(Dynamic::from(fault), position).into()
            }
            _ => {
                error.set_position(position);
                error
            }
        };
        let found = match self.find(global.source(), name).map_err(located)? {
            Ok(module) => return Ok(module),
            Err(found) => found,
        };
        let (identity, shown) = (found.identity.clone(), found.name.clone());
        self.state.borrow_mut().loading.push((identity.clone(), shown.clone()));
        let loaded = self.load(engine, global, found);
        self.state.borrow_mut().loading.pop();
        match loaded {
            Ok(module) => {
                let module = Shared::new(module);
                self.state.borrow_mut().loaded.insert(identity, module.clone());
                Ok(module)
            }
            Err(error) => Err(self.within(shown, error, position)),
        }
    }

    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        name: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        self.resolve_raw(engine, &mut engine.new_global_runtime_state(), &mut Scope::new(), name, position)
    }
}

impl Modules {
    /// Rhai lets scripts catch whatever is wrapped as a module's error, so what must not be caught is not wrapped; the
    /// place that it would have named is kept aside.
    fn within(&self, name: String, mut error: Box<EvalAltResult>, position: Position) -> Box<EvalAltResult> {
        if matches!(*error, EvalAltResult::Exit(..)) {
            return error;
        }
        if error.is_catchable() || matches!(*error, EvalAltResult::ErrorParsing(..)) {
            return EvalAltResult::ErrorInModule(name, error, position).into();
        }
        self.sources.ended_in(name);
        error.set_position(position);
        error
    }
}
