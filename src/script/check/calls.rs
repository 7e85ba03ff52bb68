//! Every call of a text, held against what can be called.

use std::collections::BTreeSet;
use std::rc::Rc;

use rhai::{ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::arguments::{fit, forms, obvious, shown};
use super::known::{Exports, Natives};
use super::{Parsed, problem, shape};
use crate::jail::spec::nearest;
use crate::script::{Code, Problem, guard};

/// Called like functions, but known to the interpreter alone.
const KEYWORDS: [&str; 9] = ["Fn", "call", "curry", "type_of", "is_shared", "is_def_var", "is_def_fn", "print", "debug"];
/// Calls that only give a value.
const PURE: [&str; 3] = ["jail", "profile", "facts"];

/// What is wrong with the calls of a text.
pub fn problems(text: &Parsed, natives: &Natives) -> Vec<(Position, Problem)> {
    let mut walk = Walk { text, natives, own: Own::of(text), found: Vec::new() };
    text.ast.walk(&mut |path: &[ASTNode]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) | Some(ASTNode::Expr(Expr::FnCall(call, position))) => {
                walk.call(call, *position);
            }
            Some(ASTNode::Expr(Expr::MethodCall(call, position))) => walk.method(call, *position),
            Some(ASTNode::Expr(Expr::Variable(variable, _, position))) if !variable.2.path.is_empty() => {
                walk.variable(&variable.2.path.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), &variable.1, *position);
            }
            _ => {}
        }
        true
    });
    walk.unused(text.ast.statements());
    walk.found
}

/// Names that the text itself gives.
struct Own {
    functions: BTreeSet<(String, usize)>,
    methods: BTreeSet<(String, usize)>,
    /// Variables, parameters and keys: may hold a function.
    others: BTreeSet<String>,
}

impl Own {
    fn of(text: &Parsed) -> Own {
        let mut own = Own { functions: BTreeSet::new(), methods: BTreeSet::new(), others: BTreeSet::new() };
        for function in text.ast.iter_functions() {
            let call = (function.name.to_owned(), function.params.len());
            let kind = if function.this_type.is_some() { &mut own.methods } else { &mut own.functions };
            kind.insert(call);
            own.others.extend(function.params.iter().map(|name| (*name).to_owned()));
        }
        let others = &mut own.others;
        text.ast.walk(&mut |path: &[ASTNode]| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => drop(others.insert(variable.0.name.to_string())),
                Some(ASTNode::Stmt(Stmt::For(each, _))) => drop(others.insert(each.0.name.to_string())),
                Some(ASTNode::Expr(Expr::Map(map, _))) => others.extend(map.0.iter().map(|(key, _)| key.name.to_string())),
                Some(ASTNode::Expr(Expr::Property(property, _))) => drop(others.insert(property.2.to_string())),
                _ => {}
            }
            true
        });
        own
    }
}

struct Walk<'a> {
    text: &'a Parsed,
    natives: &'a Natives,
    own: Own,
    found: Vec<(Position, Problem)>,
}

impl Walk<'_> {
    fn call(&mut self, call: &FnCallExpr, position: Position) {
        let name = call.name.as_str();
        if call.is_operator_call() || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || name.starts_with("anon$") {
            return;
        }
        if call.is_qualified() {
            let path: Vec<&str> = call.namespace.path.iter().map(|part| part.name.as_str()).collect();
            return self.qualified(&path, name, call.args.len(), position);
        }
        let count = call.args.len();
        if KEYWORDS.contains(&name) || self.own.functions.contains(&(name.to_owned(), count)) {
            return;
        }
        let natives = self.natives.forms(name);
        let fitting: Vec<&Vec<String>> = natives.iter().filter(|form| form.len() == count).collect();
        let arguments: Vec<_> = call.args.iter().map(obvious).collect();
        if fitting.iter().any(|form| fit(form, &arguments)) {
            return self.found.extend(shape::problems(name, false, &call.args));
        }
        let scripted: Vec<usize> = self.own.functions.iter().filter(|(own, _)| own == name).map(|(_, count)| *count).collect();
        let problem = if let [parameters, ..] = scripted[..] {
            let hint = format!("it takes {}", counted(parameters));
            problem(Code::ARGUMENTS, format!("{name} is called with {}", counted(count)), Some(hint))
        } else if !natives.is_empty() {
            let message = format!("{name} cannot be called with {}", shown(&arguments));
            problem(Code::ARGUMENTS, message, Some(format!("it takes {}", forms(natives, 0))))
        } else if self.own.others.contains(name) {
            return;
        } else {
            problem(Code::UNKNOWN_FUNCTION, format!("unknown function {name:?}"), self.meant(name))
        };
        self.found.push((position, problem));
    }

    fn meant(&self, name: &str) -> Option<String> {
        let own = self.own.functions.iter().chain(&self.own.methods).map(|(name, _)| name.as_str());
        let known = self.natives.names().chain(own).chain(guard::VERBS);
        let near = if name.len() < 3 { None } else { nearest(name, known) };
        near.map(|near| format!("did you mean {near}?"))
    }

    /// `x.name(...)`: what `x` is, is not known.
    fn method(&mut self, call: &FnCallExpr, position: Position) {
        let (name, count) = (call.name.as_str(), call.args.len());
        let own = (name.to_owned(), count);
        let imported = |exports: &Option<Rc<Exports>>| exports.as_ref().is_none_or(|exports| has_method(exports, &own));
        let scripted = self.own.functions.contains(&own) || self.own.methods.contains(&own);
        if KEYWORDS.contains(&name) || scripted || self.own.others.contains(name) {
            return;
        }
        let natives = self.natives.forms(name);
        let arguments: Vec<_> = call.args.iter().map(obvious).collect();
        let fits = |form: &&Vec<String>| form.len() == count + 1 && fit(&form[1..], &arguments);
        if natives.iter().any(|form| fits(&form)) {
            return self.found.extend(shape::problems(name, true, &call.args));
        }
        if self.text.imports.iter().any(|(_, exports)| imported(exports)) {
            return;
        }
        let problem = match natives.is_empty() {
            true => problem(Code::UNKNOWN_FUNCTION, format!("unknown function {name:?}"), self.meant(name)),
            false => {
                let message = format!("{name} cannot be called with {}", shown(&arguments));
                problem(Code::ARGUMENTS, message, Some(format!("it takes {}", forms(natives, 1))))
            }
        };
        self.found.push((position, problem));
    }

    /// The modules that a path of aliases can stand for; `None` where one could not be looked into.
    fn modules(&self, path: &[&str]) -> Option<Vec<Rc<Exports>>> {
        let (first, rest) = path.split_first()?;
        let named = self.text.imports.iter().filter(|(alias, _)| alias == first);
        let mut modules = named.map(|(_, exports)| exports.clone()).collect::<Option<Vec<_>>>()?;
        for name in rest {
            modules = modules.iter().map(|module| module.modules.get(*name).cloned().flatten()).collect::<Option<Vec<_>>>()?;
        }
        Some(modules).filter(|modules| !modules.is_empty())
    }

    fn qualified(&mut self, path: &[&str], name: &str, count: usize, position: Position) {
        let Some(modules) = self.modules(path) else { return };
        let own = (name.to_owned(), count);
        if modules.iter().any(|module| module.functions.contains(&own) || module.variables.contains(name)) {
            return;
        }
        let path = path.join("::");
        let same = modules.iter().flat_map(|module| &module.functions).find(|(known, _)| known == name);
        let problem = match same {
            Some((_, parameters)) => {
                let message = format!("{path}::{name} is called with {}", counted(count));
                problem(Code::ARGUMENTS, message, Some(format!("it takes {}", counted(*parameters))))
            }
            None => {
                let known = modules.iter().flat_map(|module| &module.functions).map(|(name, _)| name.as_str());
                let hint = nearest(name, known).map(|near| format!("did you mean {path}::{near}?"));
                problem(Code::NOT_IN_MODULE, format!("module {path} has no function {name}"), hint)
            }
        };
        self.found.push((position, problem));
    }

    fn variable(&mut self, path: &[&str], name: &str, position: Position) {
        if path == ["global"] {
            return;
        }
        let Some(modules) = self.modules(path) else { return };
        if modules.iter().any(|module| module.variables.contains(name)) {
            return;
        }
        let path = path.join("::");
        let known = modules.iter().flat_map(|module| &module.variables).map(String::as_str);
        let hint = nearest(name, known).map(|near| format!("did you mean {path}::{near}?"));
        self.found.push((position, problem(Code::NOT_IN_MODULE, format!("module {path} exports no {name}"), hint)));
    }

    /// A value that is made and dropped. The last statement gives its value to the caller.
    fn unused(&mut self, statements: &[Stmt]) {
        for statement in statements.split_last().map_or(&[][..], |(_, before)| before) {
            let (call, position) = match statement {
                Stmt::FnCall(call, position) => (call, position),
                Stmt::Expr(expression) => match &**expression {
                    Expr::FnCall(call, position) => (call, position),
                    _ => continue,
                },
                _ => continue,
            };
            if !call.is_qualified() && PURE.contains(&call.name.as_str()) {
                let message = format!("nothing is done with what {} gives", call.name);
                let hint = match call.name.as_str() {
                    "jail" => "call a verb of it, as .create()",
                    _ => "keep it with let, or leave it out",
                };
                self.found.push((*position, problem(Code::UNUSED, message, Some(hint.into()))));
            }
        }
    }
}

fn counted(arguments: usize) -> String {
    match arguments {
        0 => "no argument".to_owned(),
        1 => "1 argument".to_owned(),
        count => format!("{count} arguments"),
    }
}

fn has_method(exports: &Exports, method: &(String, usize)) -> bool {
    exports.methods.contains(method)
        || exports.modules.values().any(|inner| inner.as_ref().is_none_or(|inner| has_method(inner, method)))
}
