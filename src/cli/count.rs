//! How many, on the command line.

/// A number, 0 included.
pub fn any(text: &str) -> Result<usize, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| format!("{text:?} is no number of them; use digits"))
}

/// A number above 0.
pub fn some(text: &str) -> Result<usize, String> {
    match any(text)? {
        0 => Err("0 is too few; use 1 or more".into()),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_plain_digits() {
        assert_eq!((any("0"), any("12"), some("1")), (Ok(0), Ok(12), Ok(1)));
        for text in ["", "+1", "-1", "1.5", "0x1", "99999999999999999999999", "many"] {
            assert!(any(text).is_err() && some(text).is_err(), "{text:?}");
        }
        assert!(some("0").is_err());
    }
}
