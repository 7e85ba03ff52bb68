//! Functions and closures of the lines before: each stays with its line, so that an error in it shows that line, and only
//! as long as it can be reached.

use std::collections::BTreeSet;

use rhai::{AST, Dynamic, FnPtr, Module, Scope, Shared};

use crate::script::source::CLOSURE;

/// Values inside of values that are looked through.
const MAX_DEPTH: usize = 64;

/// The functions of one line.
#[derive(Clone)]
struct Line {
    name: String,
    library: Shared<Module>,
    /// Names and parameters of those that are still the newest of their name.
    named: Vec<(String, Vec<String>)>,
    closures: BTreeSet<String>,
}

#[derive(Clone, Default)]
pub struct Functions(Vec<Line>);

impl Functions {
    /// Takes what a line defines; functions of the same name and number of parameters are those of the new line from now on.
    pub fn add(&mut self, name: &str, ast: &AST) {
        let mut line =
            Line { name: name.to_owned(), library: ast.shared_lib().clone(), named: Vec::new(), closures: BTreeSet::new() };
        for function in ast.iter_functions() {
            if function.name.starts_with(CLOSURE) {
                line.closures.insert(function.name.to_owned());
            } else {
                let kind = function.this_type.map_or(String::new(), |kind| format!("{kind}."));
                let parameters = function.params.iter().map(|parameter| (*parameter).to_owned()).collect();
                line.named.push((format!("{kind}{}", function.name), parameters));
            }
        }
        if line.named.is_empty() && line.closures.is_empty() {
            return;
        }
        for older in &mut self.0 {
            older.named.retain(|(known, parameters)| {
                !line.named.iter().any(|(name, new)| name == known && new.len() == parameters.len())
            });
        }
        self.0.push(line);
    }

    /// The engine asks the last one first.
    pub fn libraries(&self) -> impl Iterator<Item = Shared<Module>> {
        self.0.iter().map(|line| line.library.clone())
    }

    /// Lets go of lines of which nothing can be called any more, and gives their names.
    pub fn sweep(&mut self, scope: &Scope) -> Vec<String> {
        if self.0.iter().all(|line| !line.named.is_empty()) {
            return Vec::new();
        }
        let mut held = BTreeSet::new();
        for (_, _, value) in scope.iter_raw() {
            closures_in(value, &mut held, 0);
        }
        let lost = |line: &Line| line.named.is_empty() && line.closures.is_disjoint(&held);
        let gone = self.0.iter().filter(|line| lost(line)).map(|line| line.name.clone()).collect();
        self.0.retain(|line| !lost(line));
        gone
    }

    /// Does this line still hold any?
    pub fn are_of(&self, name: &str) -> bool {
        self.0.iter().any(|line| line.name == name)
    }

    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|line| &line.named).map(|(name, _)| name.clone())
    }

    pub fn signatures(&self) -> Vec<(String, Vec<String>)> {
        self.0.iter().flat_map(|line| line.named.iter().cloned()).collect()
    }
}

/// The closures that a value holds, and those that they hold.
fn closures_in(value: &Dynamic, found: &mut BTreeSet<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    if let Ok(list) = value.as_array_ref() {
        list.iter().for_each(|inner| closures_in(inner, found, depth + 1));
    } else if let Ok(map) = value.as_map_ref() {
        map.values().for_each(|inner| closures_in(inner, found, depth + 1));
    } else if let Some(pointer) = value.read_lock::<FnPtr>() {
        found.insert(pointer.fn_name().to_owned());
        pointer.iter_curry().for_each(|inner| closures_in(inner, found, depth + 1));
    }
}
