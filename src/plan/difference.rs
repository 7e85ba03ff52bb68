//! What changes in a file, as people read it.

use similar::TextDiff;

/// Lines shown of one file.
const MAX_LINES: usize = 200;
/// Files longer than this are told by their size alone.
const MAX_BYTES: usize = 1 << 20;
/// Lines around a change.
const CONTEXT: usize = 3;

/// Lines of a unified difference, without its two headings; for what is no text, one line about sizes.
pub fn difference(old: Option<&[u8]>, new: &[u8]) -> Vec<String> {
    let plain = |bytes: &[u8]| bytes.len() <= MAX_BYTES && !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok();
    let before = old.unwrap_or_default();
    if !plain(before) || !plain(new) {
        return vec![match old {
            Some(old) => format!("{} bytes -> {} bytes, no text", old.len(), new.len()),
            None => format!("{} bytes, no text", new.len()),
        }];
    }
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(new));
    let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
    let text = diff.unified_diff().context_radius(CONTEXT).missing_newline_hint(true).to_string();
    let mut lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if old.is_none() {
        // A new file is all additions; where they are is no news.
        lines.retain(|line| !line.starts_with("@@"));
    }
    let more = lines.len().saturating_sub(MAX_LINES);
    if more > 0 {
        lines.truncate(MAX_LINES);
        lines.push(format!("... {more} more lines"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_its_surroundings_and_a_new_file_as_additions() {
        let old = "a\nb\nc\nd\ne\nf\ng\n";
        assert_eq!(
            difference(Some(old.as_bytes()), old.replace("e", "E").as_bytes()),
            ["@@ -2,6 +2,6 @@", " b", " c", " d", "-e", "+E", " f", " g"]
        );
        assert_eq!(difference(None, b"x\ny\n"), ["+x", "+y"]);
        assert_eq!(difference(Some(b"x\n"), b"x"), ["@@ -1 +1 @@", "-x", "+x", "\\ No newline at end of file"]);
    }

    #[test]
    fn what_is_no_text_or_too_long_is_told_by_its_size() {
        assert_eq!(difference(Some(b"a"), &[0, 1, 2]), ["1 bytes -> 3 bytes, no text"]);
        assert_eq!(difference(None, &[0xff]), ["1 bytes, no text"]);
        let long: String = (0..500).map(|n| format!("{n}\n")).collect();
        assert_eq!(difference(None, long.as_bytes()).last().unwrap(), "... 300 more lines");
    }
}
