//! Maps that are written out where a verb reads them strictly: their keys, and what stands there.

use rhai::{Dynamic, Expr, Position};

use super::arguments::obvious;
use super::{of_fault, problem};
use crate::jail::Spec;
use crate::jail::spec::nearest;
use crate::kernel::JailName;
use crate::script::reference::{self, Shape, Type};
use crate::script::{Code, Fault, Kind, Problem, convert};

/// What is wrong with the maps among a call's arguments. `method`: it is called on a value.
pub fn problems(name: &str, method: bool, arguments: &[Expr]) -> Vec<(Position, Problem)> {
    let mut found = Vec::new();
    let signatures = reference::items_named(name).flat_map(reference::Item::signatures);
    let fitting =
        |signature: &reference::Signature| signature.on.is_some() == method && signature.parameters.len() == arguments.len();
    let Some(signature) = signatures.filter(fitting).find(|signature| signature.parameters.iter().any(|one| one.shape.is_some()))
    else {
        return found;
    };
    for (parameter, argument) in signature.parameters.iter().zip(arguments) {
        let (Some(shape), Expr::Map(..)) = (parameter.shape, argument) else { continue };
        let before = found.len();
        map(shape, name, argument, &mut found);
        if found.len() == before && shape.name == "spec" {
            found.extend(spec(arguments.first(), argument));
        }
    }
    found
}

/// A spec that is all written out is read as creating the jail would.
fn spec(name: Option<&Expr>, spec: &Expr) -> Option<(Position, Problem)> {
    let (Expr::Map(parts, position), Some(value)) = (spec, spec.get_literal_value(None)) else { return None };
    let name = match name {
        Some(Expr::StringConstant(name, _)) => name.parse::<JailName>().ok()?,
        _ => "name".parse().ok()?,
    };
    let fault = read(&name, &value).err()?;
    let at = parts.0.iter().find(|(key, _)| fault.message.split([':', '.', ' ']).next() == Some(key.name.as_str()));
    Some((at.map_or(*position, |(key, _)| key.pos), of_fault(fault)))
}

fn read(name: &JailName, value: &Dynamic) -> Result<(), Fault> {
    Spec::parse(name, &convert::tree(value)?)?;
    Ok(())
}

fn map(shape: &Shape, verb: &str, expression: &Expr, found: &mut Vec<(Position, Problem)>) {
    let Expr::Map(parts, _) = expression else { return };
    for (key, value) in &parts.0 {
        let Some(known) = shape.key(&key.name) else {
            let names = || shape.keys.iter().map(|key| key.name);
            let hint = match nearest(&key.name, names()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("use {}", names().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("{verb}: unknown key {:?}", key.name.as_str());
            found.push((key.pos, problem(Code::from(Kind::Spec), message, Some(hint))));
            continue;
        };
        let wrong = match (known.kind, obvious(value)) {
            (Type::Bool, Some(kind)) => kind != "bool" && kind != "nothing",
            (Type::List, Some(kind)) => matches!(kind, "text" | "integer" | "bool" | "float" | "char"),
            (Type::Map, Some(kind)) => matches!(kind, "integer" | "float" | "char"),
            _ => false,
        };
        let word = match (value, known.words) {
            (Expr::StringConstant(text, _), Some(words)) if known.kind == Type::Text => {
                Some(text).filter(|text| !words().contains(&text.as_str()) && known.shape.is_none())
            }
            _ => None,
        };
        if let Some(word) = word {
            let message = format!("{verb}: {} is {:?}", key.name, word.as_str());
            let near = known.words.and_then(|words| nearest(word, words()));
            let hint = near.map_or_else(|| format!("use {}", known.values), |near| format!("did you mean {near:?}?"));
            found.push((value.position(), problem(Code::from(Kind::Spec), message, Some(hint))));
        } else if wrong {
            let kind = obvious(value).unwrap_or_default();
            let message = format!("{verb}: {} is of type {kind}", key.name);
            found.push((value.position(), problem(Code::from(Kind::Spec), message, Some(format!("use {}", known.values)))));
        } else if let Some(inner) = known.shape {
            match value {
                Expr::Array(items, _) => items.iter().for_each(|item| map(inner, verb, item, found)),
                value => map(inner, verb, value, found),
            }
        }
    }
}
