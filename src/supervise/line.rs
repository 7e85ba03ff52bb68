//! Lines of a jailed process made safe for a log: cut out of a byte stream, bounded, escaped. Pure.

/// Longest line kept, in bytes before escaping.
pub const MAX_LINE: usize = 8192;

/// What follows a line that was longer than [`MAX_LINE`].
const CUT: &str = " [cut]";

/// Cuts a byte stream into lines. Keeps a partial line between calls, at most [`MAX_LINE`] bytes of it.
#[derive(Debug, Default)]
pub struct Splitter {
    partial: Vec<u8>,
    /// The rest of an overlong line is being dropped.
    dropping: bool,
}

impl Splitter {
    /// Takes the next bytes and hands each line that is complete, escaped and without its newline, to `line`. An
    /// overlong line is handed out at its limit, marked; what follows of it is dropped.
    pub fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(String)) {
        while !bytes.is_empty() {
            let (piece, ended) = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => (&bytes[..at], true),
                None => (bytes, false),
            };
            bytes = &bytes[piece.len() + usize::from(ended)..];
            if !self.dropping {
                let room = MAX_LINE - self.partial.len();
                self.partial.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.len() > room {
                    self.dropping = true;
                    line(self.take_cut());
                }
            }
            if ended {
                if !self.dropping {
                    line(self.take());
                }
                self.dropping = false;
            }
        }
    }

    /// The stream is over: hands out what has no newline.
    pub fn finish(&mut self, mut line: impl FnMut(String)) {
        self.dropping = false;
        if !self.partial.is_empty() {
            line(self.take());
        }
    }

    fn take(&mut self) -> String {
        let escaped = escape(&self.partial);
        // A long line must not stay allocated for the supervisor's life.
        self.partial = Vec::new();
        escaped
    }

    fn take_cut(&mut self) -> String {
        // A character that the limit split would look like a broken one.
        for back in 1..=self.partial.len().min(3) {
            let byte = self.partial[self.partial.len() - back];
            if byte & 0xc0 == 0x80 {
                continue;
            }
            let needed = match byte {
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => 1,
            };
            if needed > back {
                self.partial.truncate(self.partial.len() - back);
            }
            break;
        }
        self.take() + CUT
    }
}

/// Text that cannot forge a line, move a cursor or turn the reading direction: control characters and bytes that are no
/// UTF-8 come out as `\t`, `\n`, `\r`, `\xNN` or `\u{N}`. A backslash stays as it is, so that JSON lines stay JSON.
pub fn escape(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\t' => text.push_str("\\t"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\0'..='\x1f' | '\x7f' => push(&mut text, format_args!("\\x{:02x}", u32::from(character))),
                character if is_unsafe(character) => push(&mut text, format_args!("\\u{{{:x}}}", u32::from(character))),
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, format_args!("\\x{byte:02x}"));
        }
    }
    return text;

    fn push(text: &mut String, escaped: std::fmt::Arguments<'_>) {
        text.write_fmt(escaped).expect("a string takes all");
    }
}

/// C1 controls, line and paragraph separators, and what changes the direction of text (Unicode TR 36).
fn is_unsafe(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        for piece in pieces {
            splitter.push(piece, |line| lines.push(line));
        }
        splitter.finish(|line| lines.push(line));
        lines
    }

    #[test]
    fn a_partial_line_is_kept_across_reads_and_flushed_at_the_end() {
        assert_eq!(lines(&[b"he", b"llo\nwor", b"ld"]), ["hello", "world"]);
        assert_eq!(lines(&[b"\n\n"]), ["", ""]);
        assert_eq!(lines(&[b""]), [""; 0]);
    }

    #[test]
    fn a_line_at_the_limit_is_whole_and_one_byte_more_is_cut_and_marked() {
        let full = vec![b'a'; MAX_LINE];
        assert_eq!(lines(&[&full, b"\nnext\n"]), ["a".repeat(MAX_LINE), "next".into()]);
        assert_eq!(lines(&[&full, b"b\nnext\n"]), ["a".repeat(MAX_LINE) + CUT, "next".into()]);
    }

    #[test]
    fn a_cut_does_not_split_a_character() {
        let mut text = "a".repeat(MAX_LINE - 1);
        text.push_str("\u{20ac}\u{20ac}\n");
        assert_eq!(lines(&[text.as_bytes()]), ["a".repeat(MAX_LINE - 1) + CUT]);
    }

    #[test]
    fn control_bytes_and_broken_text_come_out_escaped() {
        assert_eq!(escape(b"a\tb\rc\x1b[31m\x00\x7f"), "a\\tb\\rc\\x1b[31m\\x00\\x7f");
        assert_eq!(escape(b"\xff\xc3"), "\\xff\\xc3");
        assert_eq!(escape("caf\u{e9} \u{9b}31m \u{202e}txt".as_bytes()), "caf\u{e9} \\u{9b}31m \\u{202e}txt");
        assert_eq!(escape(br#"{"a":"b\"c"}"#), r#"{"a":"b\"c"}"#);
    }

    proptest! {
        #[test]
        fn no_input_yields_a_control_character(bytes: Vec<u8>) {
            let text = escape(&bytes);
            prop_assert!(!text.chars().any(|c| c.is_control() || is_unsafe(c)), "{:?}", text);
            prop_assert!(text.len() <= bytes.len() * 4);
        }

        #[test]
        fn however_a_stream_is_cut_into_reads_the_lines_are_the_same(
            text in prop::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(b'\n')], 0..400),
            cuts in prop::collection::vec(0usize..400, 0..12),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines(&pieces), lines(&[&text]));
        }

        #[test]
        fn no_line_is_longer_than_its_bound(pieces in prop::collection::vec((any::<u8>(), 0usize..20_000), 0..6)) {
            let pieces: Vec<Vec<u8>> = pieces.into_iter().map(|(byte, count)| vec![byte; count]).collect();
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            for line in lines(&pieces) {
                prop_assert!(line.len() <= MAX_LINE * 4 + CUT.len());
            }
        }
    }
}
