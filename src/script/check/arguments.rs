//! Whether arguments can be what a function takes, as far as they show their type.

use rhai::Expr;

use crate::script::convert::type_name;

/// The type of what is written out; `None`: it has to be computed.
pub fn obvious(expression: &Expr) -> Option<&'static str> {
    Some(match expression {
        Expr::BoolConstant(..) => "bool",
        Expr::IntegerConstant(..) => "integer",
        Expr::FloatConstant(..) => "float",
        Expr::CharConstant(..) => "char",
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => "text",
        Expr::Array(..) => "list",
        Expr::Map(..) => "map",
        Expr::Unit(..) => "nothing",
        Expr::DynamicConstant(value, _) => match type_name(value.type_name()) {
            "function" => "function",
            "list" => "list",
            "map" => "map",
            "text" => "text",
            _ => return None,
        },
        _ => return None,
    })
}

/// Could these be the arguments of this form? `form` is as long as they are.
pub fn fit(form: &[String], arguments: &[Option<&str>]) -> bool {
    form.iter().zip(arguments).all(|(kind, argument)| match argument {
        Some(argument) => kind == "any" || kind == argument,
        None => true,
    })
}

/// `(text, list)`, with `any` for what has to be computed.
pub fn shown(arguments: &[Option<&str>]) -> String {
    format!("({})", arguments.iter().map(|argument| argument.unwrap_or("any")).collect::<Vec<_>>().join(", "))
}

/// The forms of a function, at most six.
pub fn forms(all: &[Vec<String>], skip: usize) -> String {
    let mut shown: Vec<String> = all.iter().map(|form| format!("({})", form[skip.min(form.len())..].join(", "))).collect();
    shown.dedup();
    shown.truncate(6);
    shown.join(", or ")
}
