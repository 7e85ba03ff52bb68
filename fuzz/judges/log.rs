//! Whatever a service writes, a line of the log is one line that moves no cursor and tells every byte, and where reads cut the
//! stream does not matter.

use jailsh::supervise::line::{MAX_LINE, Splitter, escape};

pub fn judge(input: &[u8]) {
    let whole = lines(&[input]);
    for line in &whole {
        assert!(!line.chars().any(moves), "{line:?}");
        assert!(line.len() <= 4 * MAX_LINE + " [cut]".len(), "{} bytes", line.len());
    }
    // The first byte says where it is cut.
    let at = input.first().map_or(0, |byte| usize::from(*byte) % (input.len() + 1));
    let (first, second) = input.split_at(at);
    assert_eq!(lines(&[first, second]), whole);
    // Two texts that look the same would be a way to forge one: but for backslashes, which stay, nothing is lost.
    if !input.contains(&b'\\') {
        assert_eq!(told(&escape(input)), input);
    }
}

fn lines(pieces: &[&[u8]]) -> Vec<String> {
    let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
    for piece in pieces {
        splitter.push(piece, |line| lines.push(line));
    }
    splitter.finish(|line| lines.push(line));
    lines
}

/// Controls, separators of lines and what turns the direction of text, by Unicode's own names.
fn moves(character: char) -> bool {
    let number = u32::from(character);
    character.is_control()
        || [0x200e, 0x200f, 0x061c, 0x2028, 0x2029].contains(&number)
        || (0x202a..=0x202e).contains(&number)
        || (0x2066..=0x2069).contains(&number)
}

/// The bytes that an escaped text stands for, if no backslash was in them.
fn told(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let length = match escape.as_bytes()[0] {
            b't' => (bytes.push(b'\t'), 1).1,
            b'n' => (bytes.push(b'\n'), 1).1,
            b'r' => (bytes.push(b'\r'), 1).1,
            b'x' => (bytes.push(u8::from_str_radix(&escape[1..3], 16).expect("two digits")), 3).1,
            b'u' => {
                let end = escape.find('}').expect("an end");
                let number = u32::from_str_radix(&escape[2..end], 16).expect("digits");
                let character = char::from_u32(number).expect("a character");
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                end + 1
            }
            other => panic!("no escape: {}", char::from(other)),
        };
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
