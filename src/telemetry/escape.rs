//! Text that others chose, made safe to print: a jail's processes pick their own names and messages.

use std::borrow::Cow;

/// Escapes control characters and those that reorder or hide text on a terminal.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_unprintable(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// JSON text in which the same characters are escaped as JSON has it (RFC 8259, section 7): serde_json leaves all but the
/// ASCII ones as they are. It is the same JSON, for outside of strings none of them can be.
pub fn printable_json(text: String) -> String {
    let is_safe = |c: char| c == '\n' || !is_unprintable(c);
    if text.chars().all(is_safe) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if is_safe(c) => safe.push(c),
            // All of them are in the basic plane.
            c => safe += &format!("\\u{:04x}", u32::from(c)),
        }
    }
    safe
}

/// Control characters, line and paragraph separators, and the bidirectional controls of Unicode (UAX #9).
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_and_reordering_lose_their_power() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}\u{9b}\n"), "a\\u{1b}[31mb\\u{202e}\\u{9b}\\n");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert!(matches!(printable("/usr/sbin/nginx -g 'daemon off;' äöü 日本"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn json_stays_the_same_json(text in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f\u{2028}-\u{202e}\u{feff}\"a-z]*") {
            let value = serde_json::json!({ &text: [&text] });
            let safe = printable_json(serde_json::to_string_pretty(&value).unwrap());
            prop_assert!(!safe.chars().any(|c| c != '\n' && is_unprintable(c)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        }

        #[test]
        fn nothing_unprintable_gets_through(text in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f\u{2028}-\u{202e}a-z]*") {
            prop_assert!(!printable(&text).chars().any(is_unprintable));
        }
    }
}
