//! An open document: its text, and places in it as the protocol counts them. Pure.

use lsp_types::{Position, Range, TextDocumentContentChangeEvent};

/// A text and where its lines begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub text: String,
    pub version: i32,
    lines: Vec<usize>,
}

impl Document {
    pub fn new(text: String, version: i32) -> Document {
        let lines = lines(&text);
        Document { text, version, lines }
    }

    /// Takes over a change: of a part, or of all.
    pub fn change(&mut self, change: TextDocumentContentChangeEvent) {
        match change.range {
            None => self.text = change.text,
            Some(range) => {
                let (start, end) = (self.offset(range.start), self.offset(range.end));
                self.text.replace_range(start.min(end)..start.max(end), &change.text);
            }
        }
        self.lines = lines(&self.text);
    }

    /// The byte of a place; beyond the end of a line or the text, their ends.
    pub fn offset(&self, position: Position) -> usize {
        let Some(start) = self.lines.get(position.line as usize).copied() else { return self.text.len() };
        let line = self.line(position.line as usize);
        let mut units = 0;
        for (at, c) in line.char_indices() {
            // In the middle of a character counts as before it.
            if units + c.len_utf16() > position.character as usize {
                return start + at;
            }
            units += c.len_utf16();
        }
        start + line.len()
    }

    /// The place of a byte, in UTF-16 units.
    pub fn position(&self, offset: usize) -> Position {
        let offset = (0..=offset.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let line = self.lines.partition_point(|start| *start <= offset) - 1;
        let before = &self.text[self.lines[line]..offset];
        let units: usize = before.trim_end_matches(['\r', '\n']).chars().map(char::len_utf16).sum();
        Position::new(line as u32, units as u32)
    }

    pub fn range(&self, range: std::ops::Range<usize>) -> Range {
        Range::new(self.position(range.start), self.position(range.end))
    }

    /// The byte of a line and a column, both counted from 1, the column in characters.
    pub fn byte(&self, line: usize, column: usize) -> usize {
        let at = line.saturating_sub(1);
        let Some(start) = self.lines.get(at).copied() else { return self.text.len() };
        let text = self.line(at);
        start + text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at)
    }

    /// A line without its end.
    fn line(&self, line: usize) -> &str {
        let end = self.lines.get(line + 1).copied().unwrap_or(self.text.len());
        self.text[self.lines[line]..end].trim_end_matches(['\r', '\n'])
    }
}

/// Where lines begin: after each `\n`, `\r\n` and lone `\r`.
fn lines(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = (0..bytes.len()).filter(|at| bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    std::iter::once(0).chain(ends.map(|at| at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position::new(line, character)
    }

    fn change(range: Option<Range>, text: &str) -> TextDocumentContentChangeEvent {
        TextDocumentContentChangeEvent { range, range_length: None, text: text.into() }
    }

    #[test]
    fn places_are_counted_in_utf_16() {
        let document = Document::new("let 😀é = 1;\r\nx\ry".into(), 1);
        assert_eq!(document.offset(at(0, 6)), 8);
        assert_eq!(document.offset(at(0, 5)), 4);
        assert_eq!(document.offset(at(0, 7)), 10);
        assert_eq!(document.offset(at(0, 99)), 15);
        assert_eq!(document.offset(at(1, 0)), 17);
        assert_eq!(document.offset(at(2, 1)), 20);
        assert_eq!(document.offset(at(9, 0)), 20);
        assert_eq!([0, 8, 17, 19, 20].map(|byte| document.position(byte)), [at(0, 0), at(0, 6), at(1, 0), at(2, 0), at(2, 1)]);
        assert_eq!(document.byte(1, 6), 8);
    }

    #[test]
    fn a_change_of_a_part_is_that_part() {
        let mut document = Document::new("one\r\ntwo\r\nthree".into(), 1);
        document.change(change(Some(Range::new(at(1, 0), at(1, 3))), "2"));
        assert_eq!(document.text, "one\r\n2\r\nthree");
        document.change(change(Some(Range::new(at(0, 3), at(1, 0))), " "));
        assert_eq!(document.text, "one 2\r\nthree");
        document.change(change(None, ""));
        assert_eq!(document, Document::new(String::new(), 1));
    }

    proptest! {
        #[test]
        fn a_place_leads_to_its_byte_and_back(text in "[a😀é\r\n ]{0,30}") {
            let document = Document::new(text.clone(), 0);
            for byte in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let between = byte > 0 && text[..byte].ends_with('\r') && text[byte..].starts_with('\n');
                if !between {
                    prop_assert_eq!(document.offset(document.position(byte)), byte);
                }
            }
        }

        #[test]
        fn no_change_makes_it_panic(
            text in "[a😀é\r\n]{0,20}",
            changes in proptest::collection::vec((0_u32..6, 0_u32..8, 0_u32..6, 0_u32..8, "[b\r\n😀]{0,4}"), 0..8),
        ) {
            let mut document = Document::new(text, 0);
            for (line, character, to_line, to_character, text) in changes {
                document.change(change(Some(Range::new(at(line, character), at(to_line, to_character))), &text));
                prop_assert_eq!(&document.lines, &lines(&document.text));
                let _ = (document.byte(line as usize, character as usize), document.position(line as usize * 7));
            }
        }
    }
}
