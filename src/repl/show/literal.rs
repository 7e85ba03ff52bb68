//! Values as a script would write them, on one line or on many, and never without end.

use rhai::{Dynamic, FnPtr};

use super::paint::{CYAN, GREEN, Paint, YELLOW};
use super::text::quoted;
use super::verb;
use crate::script::seen;
use crate::telemetry::{ago, size};

/// Items of one list or map that are shown.
const ITEMS: usize = 100;
/// Nesting that is shown.
const DEPTH: usize = 8;
/// Characters of a text inside another value.
const TEXT: usize = 500;
/// Bytes of a blob inside another value.
const BYTES: usize = 8;
/// Values in all. What is larger is looked at piece by piece.
const ALL: usize = 2_000;

/// A value over as many lines as it takes, without the last line's end.
pub fn pretty(value: &Dynamic, width: usize, paint: Paint) -> String {
    let mut writer = Writer { width, paint, left: ALL };
    writer.value(value, 0, 0, DEPTH)
}

/// A value in one line of at most `room` characters, unpainted; `None`: it is longer.
pub fn inline(value: &Dynamic, room: usize) -> Option<String> {
    let mut line = String::new();
    one_line(value, &mut line, room, DEPTH).then_some(line)
}

/// A value that holds no others.
pub fn plain(value: &Dynamic, paint: Paint) -> String {
    if let Some(seen) = seen::seen(value) {
        return verb::brief(&seen);
    }
    let shown = atom(value);
    let colour = if value.is_string() || value.is_char() {
        GREEN
    } else if value.is_int() || value.is_float() {
        CYAN
    } else if value.is_bool() || value.is_unit() {
        YELLOW
    } else {
        return shown;
    };
    paint.with(colour, &shown)
}

fn atom(value: &Dynamic) -> String {
    if let Ok(text) = value.as_immutable_string_ref() {
        return match text.char_indices().nth(TEXT) {
            None => quoted(&text),
            Some((end, _)) => format!("{}… ({})", quoted(&text[..end]), size(text.len() as u64)),
        };
    }
    if let Ok(letter) = value.as_char() {
        let inside = quoted(&letter.to_string());
        return format!("'{}'", inside[1..inside.len() - 1].replace("\\\"", "\"").replace('\'', "\\'"));
    }
    if let Ok(bytes) = value.as_blob_ref() {
        let head: Vec<String> = bytes.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect();
        let more = if bytes.len() > BYTES { " …" } else { "" };
        return format!("blob({}: {}{more})", size(bytes.len() as u64), head.join(" ")).replace(": )", ")");
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        return match function.is_anonymous() {
            true => "closure".to_owned(),
            false => format!("function {}", quoted(function.fn_name()).trim_matches('"')),
        };
    }
    if let Some(moment) = value.read_lock::<std::time::Instant>() {
        let past = moment.elapsed();
        return match past.as_secs() {
            0 => format!("moment {} ms ago", past.as_millis()),
            seconds => format!("moment {} ago", ago(seconds)),
        };
    }
    if value.is_unit() { "()".to_owned() } else { crate::telemetry::printable(&value.to_string()).into_owned() }
}

/// Words that mean something to Rhai, or may one day.
#[rustfmt::skip]
const TAKEN: [&str; 56] = [
    "let", "const", "if", "else", "switch", "do", "while", "until", "loop", "for", "in", "continue", "break", "return", "throw", "try",
    "catch", "import", "export", "as", "fn", "private", "this", "global", "true", "false", "print", "debug", "type_of", "eval", "Fn",
    "call", "curry", "is_shared", "is_def_var", "is_def_fn", "var", "static", "shared", "goto", "match", "case", "public", "protected",
    "super", "new", "use", "module", "package", "spawn", "thread", "go", "sync", "async", "await", "yield",
];

/// A key as it may stand in a map: in quotes where it is no word of its own.
pub fn key(name: &str) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !TAKEN.contains(&name)
        && !["default", "void", "null", "nil", "with", "exit", "is", "is_def"].contains(&name);
    if is_word { name.to_owned() } else { quoted(name) }
}

/// False: there is no room for it.
fn one_line(value: &Dynamic, line: &mut String, room: usize, depth: usize) -> bool {
    let fits = |line: &String| line.chars().count() <= room;
    let Some(depth) = depth.checked_sub(1) else {
        line.push('…');
        return fits(line);
    };
    if let Ok(items) = value.as_array_ref() {
        line.push('[');
        for (at, item) in items.iter().enumerate() {
            *line += if at > 0 { ", " } else { "" };
            if !one_line(item, line, room, depth) {
                return false;
            }
        }
        line.push(']');
    } else if let Ok(map) = value.as_map_ref() {
        *line += if map.is_empty() { "#{" } else { "#{ " };
        for (at, (name, item)) in map.iter().enumerate() {
            *line += if at > 0 { ", " } else { "" };
            *line += &format!("{}: ", key(name));
            if !one_line(item, line, room, depth) {
                return false;
            }
        }
        *line += if map.is_empty() { "}" } else { " }" };
    } else {
        *line += &plain(value, Paint(false));
    }
    fits(line)
}

struct Writer {
    width: usize,
    paint: Paint,
    /// Values that may still be written.
    left: usize,
}

impl Writer {
    /// `used`: columns of its first line that are taken, `indent` those of the next ones.
    fn value(&mut self, value: &Dynamic, used: usize, indent: usize, depth: usize) -> String {
        self.left = self.left.saturating_sub(1);
        let is_nested = value.is_array() || value.is_map();
        let Some(depth) = depth.checked_sub(1) else { return "…".to_owned() };
        if !is_nested {
            return plain(value, self.paint);
        }
        let fits = inline(value, self.width.saturating_sub(used + 1)).is_some();
        let items: Vec<(Option<String>, Dynamic)> = match (value.as_array_ref(), value.as_map_ref()) {
            (Ok(items), _) => items.iter().take(ITEMS).map(|item| (None, item.clone())).collect(),
            (_, Ok(map)) => map.iter().take(ITEMS).map(|(name, item)| (Some(key(name)), item.clone())).collect(),
            _ => Vec::new(),
        };
        let count = value.as_array_ref().map(|items| items.len()).or_else(|_| value.as_map_ref().map(|map| map.len()));
        let count = count.unwrap_or(0);
        let (open, close) = if value.is_array() { ("[", "]") } else { ("#{", "}") };
        if items.is_empty() {
            return format!("{open}{close}");
        }
        let (mut shown, mut written) = (open.to_owned(), 0);
        for (name, item) in &items {
            if self.left == 0 {
                break;
            }
            let name = name.as_ref().map_or(String::new(), |name| format!("{name}: "));
            match fits {
                true => {
                    shown += if written > 0 {
                        ", "
                    } else if value.is_map() {
                        " "
                    } else {
                        ""
                    }
                }
                false => shown += &format!("\n{}", " ".repeat(indent + 2)),
            }
            let used = indent + 2 + name.chars().count();
            shown += &name;
            shown += &self.value(item, used, indent + 2, depth);
            shown += if fits { "" } else { "," };
            written += 1;
        }
        if written < count {
            shown += &format!("\n{}", " ".repeat(indent + 2));
            shown += &self.paint.dim(&format!("// and {} more", count - written));
        }
        match fits {
            true => shown + if value.is_map() { " }" } else { "]" },
            false => format!("{shown}\n{}{close}", " ".repeat(indent)),
        }
    }
}
