//! The extended headers of pax(1): `LENGTH KEY=VALUE\n`, one after the other. Pure.

/// What an extended header may take.
pub const MAX: u64 = 4 << 20;

/// The records of an extended header, or `None` if it is malformed.
pub fn parse(mut bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    // Some writers pad with NUL bytes.
    while bytes.first().is_some_and(|byte| *byte != 0) {
        let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
        let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.push((&record[..equals], &record[equals + 1..]));
        bytes = &bytes[length..];
    }
    Some(records)
}

/// Adds a record.
pub fn push(header: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    // Blank, equals sign and line end; the length counts its own digits, too.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    header.extend_from_slice(length.to_string().as_bytes());
    header.push(b' ');
    header.extend_from_slice(key);
    header.push(b'=');
    header.extend_from_slice(value);
    header.push(b'\n');
}

/// Seconds with an optional fraction, as `mtime` has them.
pub fn time(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let nanoseconds: u32 = digits.parse().ok()?;
    // -1.25 is a quarter before -1; the kernel counts up from -2.
    match whole.starts_with('-') && nanoseconds > 0 {
        true => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds)),
        false => Some((seconds, nanoseconds)),
    }
}

/// The same the other way.
pub fn time_text((seconds, nanoseconds): (i64, u32)) -> String {
    match (seconds, nanoseconds) {
        (seconds, 0) => seconds.to_string(),
        (seconds, nanoseconds) if seconds < 0 => {
            let fraction = format!("{:09}", 1_000_000_000 - nanoseconds);
            let whole = seconds + 1;
            format!("{}{whole}.{fraction}", if whole == 0 { "-" } else { "" })
        }
        (seconds, nanoseconds) => format!("{seconds}.{nanoseconds:09}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_that_lies_about_its_length_is_refused() {
        assert_eq!(parse(b"11 path=ab\n"), Some(vec![(b"path".as_slice(), b"ab".as_slice())]));
        assert_eq!(parse(b""), Some(vec![]));
        for bytes in
            ["12 path=ab\n", "9999999999999999999 a=b\n", "0 a=b\n", "3 a=b\n", "x a=b\n", "-5 a=b\n", "6 ab\n", "7 a=bc"]
        {
            assert_eq!(parse(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were(records in proptest::collection::vec(("[a-zA-Z.]{1,20}", proptest::collection::vec(any::<u8>(), 0..200)), 1..5)) {
            let mut header = Vec::new();
            for (key, value) in &records {
                push(&mut header, key.as_bytes(), value);
            }
            let parsed = parse(&header).unwrap();
            let expected: Vec<(&[u8], &[u8])> = records.iter().map(|(key, value)| (key.as_bytes(), value.as_slice())).collect();
            prop_assert_eq!(parsed, expected);
        }

        #[test]
        fn a_time_comes_back_as_it_was(seconds in -10_000_000_000_i64..100_000_000_000, nanoseconds in 0_u32..1_000_000_000) {
            prop_assert_eq!(time(time_text((seconds, nanoseconds)).as_bytes()), Some((seconds, nanoseconds)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
            let _ = time(&bytes);
        }
    }
}
