//! From a name to its pages, and to what may have been meant. Pure.

use super::page::{Page, key_page, property_page, standard_page};
use super::{StandardItem, VARIABLES, items, modules, shapes, standard, types};
use crate::jail::spec::nearest;

/// The pages of a name: `exec`, `Jail.exec`, `Output`, `Output.status`, `spec`, `spec.ports`, `exec.options.user`,
/// `text.trim`, `trim`, `args`, `std/profiles`, `std/profiles::web`, `profiles::web`.
pub fn find(name: &str) -> Vec<Page> {
    let name = name.trim().trim_end_matches("()");
    let mut found = Vec::new();
    found.extend(items().filter(|item| item.name == name || is_method(item, name)).map(|item| item.page()));
    found.extend(types().filter(|kind| kind.name == name).map(|kind| kind.page()));
    found.extend(VARIABLES.iter().filter(|variable| variable.name == name).map(|variable| variable.page()));
    for shape in shapes() {
        if shape.name == name {
            found.push(shape.page());
        }
        let key = name.strip_prefix(shape.name).and_then(|rest| shape.key(rest.strip_prefix('.')?));
        found.extend(key.filter(|key| key.shape.is_none_or(|inner| inner.name != name)).map(|key| key_page(shape, key)));
    }
    if let Some((kind, property)) = name.split_once('.') {
        let kinds = types().filter(|found| found.name == kind);
        let all = kinds.flat_map(|kind| kind.properties.iter().map(move |property| (kind, property)));
        found.extend(all.filter(|(_, known)| known.name == property).map(|(kind, property)| property_page(kind, property)));
    }
    for module in modules() {
        if module.name == name || module.name.strip_prefix("std/") == Some(name) {
            found.push(module.page());
        }
        let short = |full: &str| full.strip_prefix("std/").unwrap_or(full).to_owned();
        let called = |full: String| full == name || short(&full) == name;
        let functions = module.functions.iter();
        found.extend(
            functions.filter(|function| called(function.full_name()) || function.name == name).map(|function| function.page()),
        );
    }
    let (on, last) = name.split_once('.').map_or((None, name), |(on, last)| (Some(on), last));
    let own = |item: &&StandardItem| item.name == last && (on.is_none() || item.on == on);
    let own: Vec<&StandardItem> = standard().iter().filter(own).collect();
    if !own.is_empty() {
        found.push(standard_page(name, &own));
    }
    found
}

fn is_method(item: &super::Item, name: &str) -> bool {
    name.split_once('.').is_some_and(|(kind, name)| item.name == name && item.is_method_of(kind))
}

/// Every name that has a page of its own, sorted.
pub fn names() -> Vec<String> {
    let mut all: Vec<String> = items().map(|item| item.name.to_owned()).collect();
    all.extend(types().map(|kind| kind.name.to_owned()));
    all.extend(VARIABLES.iter().map(|variable| variable.name.to_owned()));
    for shape in shapes() {
        all.push(shape.name.to_owned());
        all.extend(shape.keys.iter().map(|key| format!("{}.{}", shape.name, key.name)));
    }
    for module in modules() {
        all.push(module.name.clone());
        all.extend(module.functions.iter().map(|function| function.full_name()));
    }
    all.extend(standard().iter().map(|item| item.name.clone()));
    all.sort();
    all.dedup();
    all
}

/// What may have been meant by a name without a page.
pub fn meant(name: &str) -> Option<String> {
    let all = names();
    let methods = types().flat_map(|kind| super::methods(super::Type::Value(kind.name)).map(move |item| (kind, item)));
    let methods: Vec<String> = methods.map(|(kind, item)| format!("{}.{}", kind.name, item.name)).collect();
    let known = if name.contains('.') && name.starts_with(char::is_uppercase) { methods.iter() } else { all.iter() };
    nearest(name, known.map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Vec<String> {
        find(name).into_iter().map(|page| format!("{} {}", page.kind, page.name)).collect()
    }

    #[test]
    fn a_name_leads_to_its_page_however_it_is_written() {
        assert_eq!(found("exec"), ["function exec"]);
        assert_eq!(found("Jail.exec()"), ["function exec"]);
        assert_eq!(found("Output"), ["type Output"]);
        assert_eq!(found("Output.status"), ["property Output.status"]);
        assert_eq!(found("spec"), ["map spec"]);
        assert_eq!(found("spec.ports"), ["key spec.ports"]);
        assert_eq!(found("spec.log"), ["map spec.log"]);
        assert_eq!(found("exec.options.user"), ["key exec.options.user"]);
        assert_eq!(found("args"), ["variable args"]);
        assert_eq!(found("text.trim"), ["Rhai's own text.trim"]);
        assert_eq!(found("len"), ["function len", "Rhai's own len"]);
        assert_eq!(found("no_such_thing"), [""; 0]);
        assert_eq!(found("Output.exec"), [""; 0]);
    }

    #[test]
    fn every_name_has_a_page_and_is_found_again() {
        for name in names() {
            assert!(!find(&name).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_slip_leads_to_what_was_meant() {
        assert_eq!(meant("exce").as_deref(), Some("exec"));
        assert_eq!(meant("Jail.strat").as_deref(), Some("Jail.start"));
        assert_eq!(meant("spec.prots").as_deref(), Some("spec.ports"));
        assert_eq!(meant("zzzzzzzzzz"), None);
    }
}
