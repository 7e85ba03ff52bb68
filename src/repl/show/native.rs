//! Rhai's own values: texts, numbers, lists, maps, blobs, functions.

use rhai::Dynamic;

use super::paint::Paint;
use super::{literal, rows, text};
use crate::telemetry::size;

/// Bytes of a blob that are shown.
const HEAD: usize = 128;
/// Columns that a line of bytes takes besides its bytes, and those of a byte, as digits and as a sign.
const FRAME: usize = 8;
const BYTE: usize = 4;

/// As suits each, the last line ended.
pub fn show(value: &Dynamic, width: usize, paint: Paint) -> String {
    if let Ok(text) = value.as_immutable_string_ref()
        && text.contains('\n')
    {
        return text::raw(&text);
    }
    if let Ok(bytes) = value.as_blob_ref() {
        return blob(&bytes, width, paint);
    }
    if rows::are_rows(value) {
        return rows::show(value, width, paint);
    }
    literal::pretty(value, width, paint) + "\n"
}

fn blob(bytes: &[u8], width: usize, paint: Paint) -> String {
    let mut shown = format!("blob of {}\n", size(bytes.len() as u64));
    let each = (width.saturating_sub(FRAME) / BYTE).clamp(4, 16) / 4 * 4;
    for (nth, line) in bytes[..bytes.len().min(HEAD)].chunks(each).enumerate() {
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let signs: String = line.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
        let offset = paint.dim(&format!("{:04x}", nth * each));
        shown += &format!("{offset}  {:<fill$}  {signs}\n", digits.join(" "), fill = each * 3 - 1);
    }
    if bytes.len() > HEAD {
        shown += &paint.dim(&format!("and {} more", size((bytes.len() - HEAD) as u64)));
        shown.push('\n');
    }
    shown
}
