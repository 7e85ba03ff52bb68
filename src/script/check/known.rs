//! What can be called: functions of Rhai and of ours, and what modules export.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, ASTFlags, Engine, FnAccess, Stmt};

use crate::script::convert::type_name;

/// Functions of the engine: the types that each form takes, by name.
pub struct Natives(BTreeMap<String, Vec<Vec<String>>>);

impl Natives {
    pub fn of(engine: &Engine) -> Natives {
        let mut all = BTreeMap::<String, Vec<Vec<String>>>::new();
        let one = |found: rhai::FuncInfo| {
            let kind = |parameter: &str| type_name(parameter.split_once(':').map_or(parameter, |(_, kind)| kind)).to_owned();
            let kinds = found.metadata.params_info.iter().map(|parameter| kind(parameter.as_str())).collect::<Vec<_>>();
            Some((found.metadata.name.to_string(), kinds))
        };
        for (name, kinds) in engine.collect_fn_metadata(None, one, true) {
            all.entry(name).or_default().push(kinds);
        }
        all.values_mut().for_each(|forms| {
            forms.sort_by_key(|form| (form.len(), form.clone()));
            forms.dedup();
        });
        Natives(all)
    }

    pub fn forms(&self, name: &str) -> &[Vec<String>] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| name.starts_with(|c: char| c.is_alphabetic()) && !name.contains('$'))
    }
}

/// What a module lets others use.
#[derive(Debug, Default)]
pub struct Exports {
    /// Name and number of parameters.
    pub functions: BTreeSet<(String, usize)>,
    pub variables: BTreeSet<String>,
    /// Methods for types, which need no alias.
    pub methods: BTreeSet<(String, usize)>,
    pub modules: BTreeMap<String, Option<Rc<Exports>>>,
}

impl Exports {
    pub fn of(ast: &AST, imports: &[(String, Option<Rc<Exports>>)]) -> Exports {
        let mut exports = Exports { modules: imports.iter().cloned().collect(), ..Exports::default() };
        for function in ast.iter_functions() {
            let call = (function.name.to_owned(), function.params.len());
            match function.this_type {
                Some(_) => exports.methods.insert(call),
                None if matches!(function.access, FnAccess::Public) => exports.functions.insert(call),
                None => false,
            };
        }
        for statement in ast.statements() {
            match statement {
                Stmt::Var(variable, flags, _) if flags.contains(ASTFlags::EXPORTED) => {
                    exports.variables.insert(variable.0.name.to_string());
                }
                Stmt::Export(export, _) => {
                    let (name, alias) = &**export;
                    let shown = if alias.name.is_empty() { name } else { alias };
                    exports.variables.insert(shown.name.to_string());
                }
                _ => {}
            }
        }
        exports
    }
}
