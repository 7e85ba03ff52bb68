//! A terminal that is drawn anew again and again.

use std::os::fd::AsFd;

use unicode_width::UnicodeWidthChar;

use crate::jail::terminal_size;

/// Lines and columns of a terminal that does not tell.
const USUAL: (usize, usize) = (24, 80);

/// Lines and columns of the terminal on standard output.
pub fn size() -> (usize, usize) {
    terminal_size(std::io::stdout().as_fd()).unwrap_or(USUAL)
}

/// What draws `text` over what is there, cut to the terminal's size (ECMA-48: CUP, EL, ED).
pub fn frame(text: &str, (lines, columns): (usize, usize)) -> String {
    let mut frame = String::from("\x1b[H");
    // The last line stays empty, so that nothing scrolls.
    for line in text.lines().take(lines.saturating_sub(1)) {
        let mut width = 0;
        frame.extend(line.chars().take_while(|c| {
            width += c.width().unwrap_or(0);
            width <= columns
        }));
        frame += "\x1b[K\n";
    }
    frame + "\x1b[J"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_its_terminal() {
        assert_eq!(frame("abcdef\n日本語\nthird\n", (3, 5)), "\x1b[Habcde\x1b[K\n日本\x1b[K\n\x1b[J");
        assert_eq!(frame("", (0, 0)), "\x1b[H\x1b[J");
    }
}
