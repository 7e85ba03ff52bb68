//! Several jails on the command line: names, and patterns of names.

use std::str::FromStr;

use super::Outcome;
use super::failure::{Exit, Failure};
use crate::jail::{Host, observe_all};
use crate::kernel::JailName;

/// A name, or a pattern as glob(7) has it: `*`, `?`, `[a-c]`, `[!a-c]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Name(JailName),
    Glob { text: String, parts: Vec<Part> },
}

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Byte(u8),
    Any,
    Many,
    /// Ranges, and whether a match is one outside of them.
    Set(Vec<(u8, u8)>, bool),
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains(['*', '?', '[']) {
            return text.parse().map(Pattern::Name).map_err(|error: crate::kernel::NameError| error.to_string());
        }
        let wrong = |why: &str| format!("{text:?} is no pattern of jail names: {why}");
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-*?[]!".contains(&b)) || text.len() > 255 {
            return Err(wrong("it can match none; use letters, digits, \".\", \"_\", \"-\" and * ? [ ]"));
        }
        let mut parts = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            parts.push(match byte {
                b'*' => Part::Many,
                b'?' => Part::Any,
                b'[' => set(&mut rest).ok_or_else(|| wrong("a [ is not closed; write [abc] or [a-c]"))?,
                byte => Part::Byte(byte),
            });
        }
        Ok(Pattern::Glob { text: text.to_owned(), parts })
    }
}

/// What stands between `[` and `]`. A `]` in the first place is no end, as in glob(7).
fn set(rest: &mut impl Iterator<Item = u8>) -> Option<Part> {
    let mut bytes = Vec::new();
    let mut outside = false;
    loop {
        match rest.next()? {
            b'!' if bytes.is_empty() && !outside => outside = true,
            b']' if !bytes.is_empty() => break,
            byte => bytes.push(byte),
        }
    }
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [low, b'-', high, ..] => {
                ranges.push((low, high));
                at += 3;
            }
            [byte, ..] => {
                ranges.push((byte, byte));
                at += 1;
            }
            [] => {}
        }
    }
    Some(Part::Set(ranges, outside))
}

impl Pattern {
    pub fn matches(&self, name: &JailName) -> bool {
        match self {
            Pattern::Name(own) => own == name,
            Pattern::Glob { parts, .. } => fits(parts, name.as_str().as_bytes()),
        }
    }
}

/// Tries the last `*` again, a byte longer, when the rest does not fit: never more than length times length steps.
fn fits(parts: &[Part], name: &[u8]) -> bool {
    let (mut at, mut byte) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match parts.get(at) {
            Some(Part::Many) => {
                star = Some((at, byte));
                at += 1;
                continue;
            }
            None if byte == name.len() => return true,
            Some(part) if byte < name.len() && part.takes(name[byte]) => {
                (at, byte) = (at + 1, byte + 1);
                continue;
            }
            _ => {}
        }
        match star {
            Some((from, taken)) if taken < name.len() => {
                star = Some((from, taken + 1));
                (at, byte) = (from + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

impl Part {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Part::Byte(own) => *own == byte,
            Part::Any | Part::Many => true,
            Part::Set(ranges, outside) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte)) != *outside,
        }
    }
}

/// The jails that are meant, each once: names as given, whether there is such a jail or not; those of a pattern by name.
///
/// # Errors
/// A pattern that matches none.
pub fn names(host: &Host, patterns: &[Pattern]) -> Result<Vec<JailName>, Failure> {
    let known = match patterns.iter().any(|pattern| matches!(pattern, Pattern::Glob { .. })) {
        true => observe_all(host)?.into_iter().map(|seen| seen.name).collect(),
        false => Vec::new(),
    };
    let mut chosen: Vec<JailName> = Vec::new();
    for pattern in patterns {
        let found: Vec<&JailName> = match pattern {
            Pattern::Name(name) => vec![name],
            Pattern::Glob { text, .. } => match known.iter().filter(|name| pattern.matches(name)).collect::<Vec<_>>() {
                found if found.is_empty() => {
                    return Err(Failure::new(Exit::FAILED, format!("no jail matches {text}; see jailmgr list")));
                }
                found => found,
            },
        };
        for name in found {
            if !chosen.contains(name) {
                chosen.push(name.clone());
            }
        }
    }
    Ok(chosen)
}

/// Does it for one jail after the other; one that fails keeps none of the others. The worst of their ends.
pub fn each(names: &[JailName], mut act: impl FnMut(&JailName) -> Outcome) -> Outcome {
    let [.., last] = names else { return Ok(Exit::DONE) };
    let mut worst = Exit::DONE;
    for name in names {
        match act(name) {
            Ok(Exit::DONE) => {}
            Ok(exit) => worst = exit,
            // With nothing left to do the caller says it.
            Err(failure) if worst == Exit::DONE && name == last => return Err(failure),
            Err(failure) => {
                failure.report("jailmgr");
                worst = failure.exit;
            }
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn patterns_match_as_a_shells_do() {
        for (pattern, name) in [
            ("*", "web"),
            ("w*", "web"),
            ("*b", "web"),
            ("w*b*", "web"),
            ("?eb", "web"),
            ("web-[0-9]", "web-7"),
            ("[!a]*", "web"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("w?", "web"), ("*x*", "web"), ("web*1", "web-12"), ("web-[0-9]", "web-x"), ("[!w]*", "web"), ("?", "web")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!("web".parse::<Pattern>().is_ok_and(|pattern| matches!(pattern, Pattern::Name(_))));
    }

    #[test]
    fn what_no_name_can_match_is_refused() {
        for bad in ["../*", "a b*", "*/x", "[ab", "[", "*\n", "123", ""] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_with_any_part_replaced_by_a_star_matches_it(name in "[a-z][a-z0-9.-]{1,20}", from in 0usize..20, to in 0usize..20) {
            prop_assume!(!name.contains(".."));
            let (from, to) = (from.min(to).min(name.len()), from.max(to).min(name.len()));
            let pattern = format!("{}*{}", &name[..from], &name[to..]);
            prop_assert!(matches(&pattern, &name));
        }

        #[test]
        fn no_text_makes_it_panic_or_slow(text in "\\PC*|[a-c*?\\[\\]!-]{0,60}", name in "[a-c]{1,60}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                pattern.matches(&name.parse().unwrap());
            }
        }
    }
}
