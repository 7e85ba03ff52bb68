//! A terminal without a cursor to move, as TERM=dumb says: rows as the kernel's line discipline gives them. Ctrl-C drops
//! what was typed.

use std::io::{Read as _, Write};

use super::Read;
use crate::repl::prompt::Prompt;
use crate::repl::validate::{State, state};
use crate::script::Hearing;

/// Longest line, in bytes.
const MAX: usize = 1 << 20;

#[derive(Default)]
pub struct Plain {
    /// What was read and not asked for yet.
    ahead: Vec<u8>,
}

/// A row of what is typed.
enum Row {
    Text(String),
    Cancelled,
    End,
}

impl Plain {
    pub fn read(&mut self, prompt: &Prompt) -> Result<Read, String> {
        let _hearing = Hearing::begin();
        let mut line = String::new();
        loop {
            let text = if line.is_empty() { prompt.plain().to_owned() } else { prompt.below() };
            let mut stdout = std::io::stdout();
            // A terminal that takes no more gives no more.
            if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                return Ok(Read::End);
            }
            match self.row()? {
                Row::Text(row) => line += &row,
                Row::Cancelled => {
                    println!();
                    return Ok(Read::Cancelled);
                }
                Row::End => {
                    println!();
                    return Ok(Read::End);
                }
            }
            if state(&line) == State::Whole || line.len() > MAX {
                return Ok(Read::Line(line));
            }
            line.push('\n');
        }
    }

    fn row(&mut self) -> Result<Row, String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|b| *b == b'\n') {
                let row: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(Row::Text(String::from_utf8_lossy(&row[..end]).trim_end_matches('\r').to_owned()));
            }
            let mut some = [0; 4096];
            match std::io::stdin().read(&mut some) {
                Ok(0) => return Ok(Row::End),
                Ok(read) => self.ahead.extend_from_slice(&some[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    if Hearing::is_pending() {
                        self.ahead.clear();
                        return Ok(Row::Cancelled);
                    }
                }
                // The terminal is gone.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(Row::End),
                Err(error) => return Err(format!("cannot read the terminal: {error}")),
            }
        }
    }
}
