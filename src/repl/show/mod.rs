//! How values are shown.

use rhai::Dynamic;

use crate::script::console::Console;

/// In what form values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As suits the value.
    #[default]
    Auto,
    Json,
    Table,
}

/// A value as text, without a last line break; `None` where there is nothing to show.
pub fn value(console: &Console, value: &Dynamic, form: Form, _colour: bool) -> Option<String> {
    if value.is_unit() {
        return None;
    }
    Some(match form {
        Form::Json => rhai::format_map_as_json(&value.clone().try_cast::<rhai::Map>().unwrap_or_default()),
        Form::Auto | Form::Table => console.plain(value),
    })
}
