//! Text that somebody else wrote, and text that is wrapped.

use unicode_width::UnicodeWidthStr;

use crate::telemetry::{is_unprintable, printable};

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// One line without what moves a cursor: tabs become blanks up to the next stop, all else is escaped.
pub fn line(text: &str) -> String {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if !text.contains('\t') {
        return printable(text).into_owned();
    }
    let mut shown = String::with_capacity(text.len() + TAB);
    for (at, part) in text.split('\t').enumerate() {
        if at > 0 {
            let used = shown.width() % TAB;
            shown.extend(std::iter::repeat_n(' ', TAB - used));
        }
        shown += &printable(part);
    }
    shown
}

/// Lines as they stand, the last one ended.
pub fn raw(text: &str) -> String {
    text.lines().map(|each| line(each) + "\n").collect()
}

/// As a script would write it, in quotes, on one line.
pub fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for c in text.chars() {
        match c {
            '"' => shown += "\\\"",
            '\\' => shown += "\\\\",
            '\n' => shown += "\\n",
            '\r' => shown += "\\r",
            '\t' => shown += "\\t",
            c if is_unprintable(c) && u32::from(c) < 0x100 => shown += &format!("\\x{:02x}", u32::from(c)),
            c if is_unprintable(c) => shown += &format!("\\u{:04x}", u32::from(c)),
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

/// Words in lines of at most `width` columns, as far as no word is wider; without the last line's end.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut shown = String::new();
    let mut used = 0;
    for (at, word) in text.split(' ').enumerate() {
        let mut rest = word;
        let mut room = width.saturating_sub(indent).max(1);
        if at > 0 && used + 1 + rest.width() <= room {
            shown.push(' ');
            used += 1;
        } else if at > 0 {
            new_line(&mut shown, indent);
            used = 0;
        }
        room -= used;
        while rest.width() > room {
            let (head, tail) = split_at_width(rest, room);
            // A sign that is wider than the whole line.
            if tail.is_empty() {
                break;
            }
            shown += head;
            new_line(&mut shown, indent);
            (rest, used) = (tail, 0);
            room = width.saturating_sub(indent).max(1);
        }
        shown += rest;
        used += rest.width();
    }
    shown
}

fn new_line(text: &mut String, indent: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', indent));
}

/// At least one sign, so that it ends.
fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let fits = |end: &usize| text[..*end].width() <= width;
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let first = ends.clone().next().unwrap_or(0);
    text.split_at(ends.take_while(fits).last().unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_lead_to_their_stops_and_nothing_else_moves_the_cursor() {
        assert_eq!(line("a\tbc\t\tä\u{1b}[2J\r"), "a       bc              ä\\u{1b}[2J");
        assert_eq!(raw("one\r\ntwo"), "one\ntwo\n");
    }

    #[test]
    fn a_quoted_text_is_one_that_a_script_can_hold() {
        let text = "a\"b\\c\n\t\u{1b}\u{202e}é";
        let shown = quoted(text);
        assert_eq!(shown, r#""a\"b\\c\n\t\x1b\u202eé""#);
        assert_eq!(rhai::Engine::new().eval::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn words_go_to_the_next_line_and_long_ones_are_broken() {
        assert_eq!(wrapped("one two three", 9, 2), "one two\n  three");
        assert_eq!(wrapped("abcdefgh ij", 5, 1), "abcd\n efgh\n ij");
        assert_eq!(wrapped("", 5, 1), "");
        assert_eq!(wrapped("日本", 1, 0), "日\n本");
    }
}
