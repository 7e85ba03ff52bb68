//! The reference says what the engine really has, all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{Dynamic, Map};

use super::*;
use crate::jail::spec;
use crate::script::bounded;
use crate::script::engine::without_host;

/// A type as the engine names it, in the words of the reference.
fn word(kind: &str) -> &str {
    let bare =
        kind.strip_prefix("core::result::Result<").map_or(kind, |rest| rest.split(", alloc::boxed::Box").next().unwrap_or(rest));
    let bare = bare.split('<').next().unwrap_or(bare).trim_start_matches("&mut ");
    match bare.rsplit("::").next().unwrap_or(bare) {
        "Handle" => "Jail",
        "Tree" => "Processes",
        "Body" => "Kernel",
        "" => "nothing",
        "BTreeMap" => "map",
        other => crate::script::convert::type_name(other),
    }
}

/// `name(type, type)` and the type of its result.
type Found = BTreeMap<String, String>;

fn registered() -> Found {
    let one = |found: rhai::FuncInfo| {
        let info = found.metadata;
        let kinds = info.params_info.iter().map(|parameter| word(parameter.split_once(": ").map_or(parameter, |(_, kind)| kind)));
        let named = info.name.starts_with(|c: char| c.is_ascii_lowercase()) && !info.name.starts_with("index$");
        // `print` is the language's own; of a secret it is ours.
        let named = named && !bounded::NAMES.contains(&info.name.as_str()) && info.name != "print";
        named.then(|| (format!("{}({})", info.name, kinds.collect::<Vec<_>>().join(", ")), word(&info.return_type).to_owned()))
    };
    without_host().collect_fn_metadata(None, one, false).into_iter().collect()
}

fn documented() -> Found {
    let mut all = Found::new();
    for signature in items().flat_map(Item::signatures) {
        let on: Vec<&str> = match signature.on {
            Some(ANY_VALUE) => types().map(|kind| kind.name).collect(),
            Some(kind) => vec![kind],
            None => vec![""],
        };
        for on in on {
            let on = (!on.is_empty()).then_some(on);
            let kinds = on.into_iter().chain(signature.parameters.iter().map(|parameter| parameter.kind.name()));
            let call = format!("{}({})", signature.name, kinds.collect::<Vec<_>>().join(", "));
            all.insert(call, signature.result.name().to_owned());
        }
    }
    for (kind, property) in types().flat_map(|kind| kind.properties.iter().map(move |property| (kind, property))) {
        all.insert(format!("get${}({})", property.name, kind.name), property.kind.name().to_owned());
    }
    all
}

#[test]
fn every_function_of_the_engine_is_documented_with_its_types() {
    let documented = documented();
    let differs = |(call, result): (String, String)| match documented.get(&call) {
        None => Some(format!("{call} -> {result} is not documented")),
        Some(said) if result != "any" && *said != result => Some(format!("{call} -> {result} is documented as {said}")),
        Some(_) => None,
    };
    let missing: Vec<String> = registered().into_iter().filter_map(differs).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn nothing_is_documented_that_the_engine_does_not_have() {
    let registered = registered();
    // What convert::register makes a property by name is looked at below.
    let extra: Vec<String> =
        documented().into_keys().filter(|call| !call.starts_with("get$") && !registered.contains_key(call)).collect();
    assert!(extra.is_empty(), "{}", extra.join("\n"));
}

#[test]
fn a_verb_that_cannot_be_redefined_is_in_the_reference() {
    let known: BTreeSet<&str> = items().map(|item| item.name).chain(VARIABLES.iter().map(|variable| variable.name)).collect();
    let missing: Vec<&str> = crate::script::guard::VERBS
        .into_iter()
        .filter(|verb| !known.contains(verb) && !matches!(*verb, "print" | "debug"))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_method_of_jails_names_no_function_of_a_script() {
    let only_methods = |item: &&Item| {
        item.is_method_of("Jail") && !item.is_free() && item.forms.iter().all(|form| form.on != Receiver::AnyValue)
    };
    let methods: BTreeSet<&str> = items().filter(only_methods).map(|item| item.name).collect();
    assert_eq!(methods, crate::script::guard::METHODS.into_iter().collect());
}

#[test]
fn every_map_has_exactly_the_documented_keys() {
    let parsed: BTreeMap<&str, BTreeSet<&str>> =
        spec::keys().into_iter().map(|(name, keys)| (name, keys.iter().copied().collect())).collect();
    let said: BTreeMap<&str, BTreeSet<&str>> =
        spec_shapes().map(|shape| (shape.name, shape.keys.iter().map(|key| key.name).collect())).collect();
    assert_eq!(parsed, said);
}

fn spec_shapes() -> impl Iterator<Item = &'static Shape> {
    shapes().into_iter().filter(|shape| shape.name.split('.').next() == Some("spec"))
}

/// The keys that a verb names when it is given one that no verb has.
fn keys_of(call: &Signature) -> BTreeSet<String> {
    let mut scope = rhai::Scope::new();
    let mut arguments = Vec::new();
    for (at, parameter) in call.parameters.iter().enumerate() {
        let value = match parameter.kind {
            Type::Text if matches!(parameter.name, "jail" | "name") => "web".into(),
            Type::Text => "/etc/os-release".into(),
            Type::Any if parameter.name == "content" => "x".into(),
            Type::Any => "/etc/os-release".into(),
            Type::List => Dynamic::from_array(vec!["true".into()]),
            Type::Map if parameter.shape.is_none() => Dynamic::from_map(Map::new()),
            Type::Map => Dynamic::from_map(Map::from_iter([("????????????????".into(), Dynamic::TRUE)])),
            kind => panic!("{call}: no value for a parameter of type {kind}"),
        };
        scope.push(format!("a{at}"), value);
        arguments.push(format!("a{at}"));
    }
    let on = if call.on == Some("Jail") { "jail(\"web\")." } else { "" };
    let script = format!("try {{ {on}{}({}) }} catch (e) {{ throw e.hint ?? `${{e}}` }}", call.name, arguments.join(", "));
    let error = without_host().eval_with_scope::<Dynamic>(&mut scope, &script).expect_err("an unknown key").to_string();
    let (_, keys) = error.split_once("use ").unwrap_or_else(|| panic!("{call}: {error}"));
    keys.split(" (").next().unwrap_or(keys).split(", ").map(str::to_owned).collect()
}

#[test]
fn every_verb_takes_exactly_the_documented_options() {
    let mut seen = 0;
    for call in items().flat_map(Item::signatures).filter(|call| matches!(call.on, None | Some("Jail"))) {
        let shape = call.parameters.iter().find_map(|parameter| parameter.shape).filter(|shape| !shape.name.starts_with("spec"));
        let Some(shape) = shape else { continue };
        let said: BTreeSet<String> = shape.keys.iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(keys_of(&call), said, "{call}");
        seen += 1;
    }
    assert!(seen >= 20, "the verbs with options were not found");
}

#[test]
fn every_item_says_in_one_line_what_it_is_and_shows_it_in_use() {
    let told = items()
        .map(|item| (item.name, item.summary, item.example.script))
        .chain(types().map(|kind| (kind.name, kind.summary, kind.example.script)));
    for (name, summary, example) in told {
        assert!(
            !summary.is_empty() && summary.len() <= 120 && !summary.contains('\n') && !summary.ends_with('.'),
            "{name}: {summary}"
        );
        let used = example.contains(name) || type_named(name).is_some();
        assert!(used && example.lines().all(|line| line.len() <= 100), "{name}: its example does not use it, or is too wide");
    }
    for property in types().flat_map(|kind| kind.properties) {
        assert!(!property.summary.is_empty(), "{}", property.name);
    }
    for key in shapes().iter().flat_map(|shape| shape.keys) {
        assert!(!key.summary.is_empty() && !key.values.is_empty(), "{}", key.name);
    }
}

#[test]
fn a_name_is_described_once() {
    let names: Vec<&str> = items().map(|item| item.name).chain(types().map(|kind| kind.name)).collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(shapes().len(), shapes().iter().map(|shape| shape.name).collect::<BTreeSet<_>>().len());
}

#[test]
fn every_named_type_is_there() {
    let named = items()
        .flat_map(Item::signatures)
        .flat_map(|call| call.parameters.into_iter().map(|parameter| parameter.kind).chain([call.result]).collect::<Vec<_>>());
    for kind in named {
        assert!(!matches!(kind, Type::Value(name) if type_named(name).is_none()), "{kind}");
    }
}
