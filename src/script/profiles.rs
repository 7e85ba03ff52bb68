//! The profiles that a library gives: each of its functions without parameters is called, without a host.

use std::io::Write;
use std::rc::Rc;

use rhai::{CallFnOptions, Dynamic, EvalAltResult, FnAccess, Scope};

use super::api::Profile;
use super::engine::{Effects, engine};
use super::library::{Library, Place};
use super::modules::Modules;
use super::source::{Source, Sources, without_shebang};
use super::stack::Room;
use super::{Fault, Kind, Limits, Script, Session, diagnostics, interrupt};
use crate::jail::spec;

/// The profiles by the names of the functions that give them, sorted. Functions that give something else are passed over.
///
/// # Errors
/// An exit status; the error was printed to standard error.
pub fn profiles(limits: Limits, script: Script) -> Result<Vec<(String, spec::Profile)>, u8> {
    interrupt::install();
    let _room = Room::make();
    let session =
        Session::new(super::Mode::Act, || Err(Fault::new(Kind::Unavailable, "no host is open while profiles are looked at")));
    let session = Rc::new(session);
    session.begin(&script.name);
    let deadline = session.deadline.clone();
    let (mut engine, guard) = engine(session.clone(), limits, &Rc::new(Effects::default()));
    let sources = Sources::default();
    let place = script.file.as_deref().and_then(Place::of_script);
    let library = Library::new(script.module_path);
    engine.set_module_resolver(Modules::new(guard.clone(), library, sources.clone(), session, &script.name, place));
    let source = sources.add(Source { name: script.name, text: without_shebang(script.text) });
    let collect = || -> Result<Vec<(String, spec::Profile)>, Box<EvalAltResult>> {
        let mut scope = Scope::new();
        let mut ast = guard.compile(&engine, &scope, &source.text)?;
        ast.set_source(&source.name);
        sources.learn(&source, &ast);
        engine.run_ast_with_scope(&mut scope, &ast)?;
        let public = ast.iter_functions().filter(|function| function.access == FnAccess::Public && function.params.is_empty());
        let mut names: Vec<String> = public.map(|function| function.name.to_owned()).collect();
        names.sort_unstable();
        let mut found = Vec::new();
        for name in names {
            let options = CallFnOptions::new().eval_ast(false);
            let value: Dynamic = engine.call_fn_with_options(options, &mut scope, &ast, &name, ())?;
            found.extend(value.try_cast::<Profile>().map(|Profile(profile)| (name, profile)));
        }
        Ok(found)
    };
    collect().map_err(|error| {
        let report = diagnostics::report(&engine, &sources, &source, &error, deadline.passed());
        // A closed standard error leaves nobody to tell.
        let _ = std::io::stderr().write_all(report.text.as_bytes());
        report.exit
    })
}
