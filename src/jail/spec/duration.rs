//! The one parser of durations.

use std::time::Duration;

/// Parses `90`, `1.5`, `500ms`, `2m`, `1h`: seconds unless it has a unit; more than 0, at most 30 days.
pub fn parse(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, scale) = units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale))).unwrap_or((text, 1.0));
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds = if digits { number.parse::<f64>().ok().map(|number| number * scale) } else { None };
    from_seconds(seconds.unwrap_or(-1.0)).ok_or_else(|| format!("{text:?} is no duration; use a number with ms, s, m or h"))
}

/// `None` for what is not above 0 or beyond 30 days.
pub fn from_seconds(seconds: f64) -> Option<Duration> {
    (seconds > 0.0 && seconds <= 30.0 * 86_400.0).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_scale_and_bare_numbers_are_seconds() {
        let seconds = |text: &str| parse(text).map(|duration| duration.as_secs_f64());
        assert_eq!(["90", "1.5", "500ms", "2m", "1h"].map(|text| seconds(text).unwrap()), [90.0, 1.5, 0.5, 120.0, 3600.0]);
    }

    #[test]
    fn nonsense_is_refused_with_the_units() {
        for text in ["", "0", "-1", "s", "1 s", "1e9", "inf", "nan", "1..5", "2d", "9999h", "1sms"] {
            assert_eq!(parse(text), Err(format!("{text:?} is no duration; use a number with ms, s, m or h")));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9.msh]*") {
            let _ = parse(&text);
        }
    }
}
