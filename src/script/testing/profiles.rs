//! The profiles that a file of tests or a library gives, whose examples are tests too.

use std::rc::Rc;

use rhai::{Dynamic, EvalAltResult, FnAccess, NativeCallContext};

use super::run::{SETUP, TEARDOWN};
use super::trial::Trial;
use crate::jail::spec;
use crate::script::api::{Profile, TEST_NAMES};
use crate::script::engine::Stand;
use crate::script::{Limits, Script};

/// Operations that one function may take: giving a profile takes few.
const OPERATIONS: u64 = 1_000_000;
const DRIVER: &str = "_profiles";

/// The profiles with examples, by the names of the functions without parameters that give them. Each is called over a
/// simulated host of its own; what gives something else, or throws, is passed over.
pub fn profiles(script: &Script, limits: Limits) -> Vec<(String, spec::Profile)> {
    let limits = Limits { operations: OPERATIONS, ..limits };
    let give = |name: Option<&str>| -> Option<(Vec<String>, Option<Profile>)> {
        let trial = Rc::new(Trial::new(Default::default(), script.module_path.clone()));
        let mut stand = Stand::new(&trial.session(), limits, script.clone(), trial.sources.clone());
        let ast = stand.parse(TEST_NAMES).ok()?;
        let Some(name) = name else {
            let public = ast.iter_functions().filter(|one| one.access == FnAccess::Public && one.params.is_empty());
            let others =
                |name: &str| !name.starts_with("test_") && ![SETUP, TEARDOWN].contains(&name) && !name.starts_with("anon$");
            let mut names: Vec<String> = public.map(|one| one.name.to_owned()).filter(|name| others(name)).collect();
            names.sort_unstable();
            return Some((names, None));
        };
        let called = name.to_owned();
        stand.engine.register_fn(DRIVER, move |context: NativeCallContext| -> Result<Dynamic, Box<EvalAltResult>> {
            context.call_fn(&called, ())
        });
        let mut ast = ast.merge(&stand.engine.compile(format!("{DRIVER}()")).ok()?);
        ast.set_source(&stand.source.name);
        Some((Vec::new(), stand.evaluate(&ast).ok()?.try_cast::<Profile>()))
    };
    let Some((names, _)) = give(None) else { return Vec::new() };
    let proven = |profile: &spec::Profile| !profile.must_allow.is_empty() || !profile.must_deny.is_empty();
    let given = names.into_iter().filter_map(|name| {
        let (_, Profile(profile)) = give(Some(&name)).and_then(|(names, profile)| Some((names, profile?)))?;
        Some((name, profile))
    });
    given.filter(|(_, profile)| proven(profile)).collect()
}
