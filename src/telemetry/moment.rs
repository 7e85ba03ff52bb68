//! Moments and ages as text. Pure.

/// `3d 4h`, `2m 5s`: the two largest units.
pub fn ago(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units {
        if left >= size {
            parts.push(format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts[..parts.len().min(2)].join(" ") }
}

/// `2026-11-23T22:15:59.007Z` (RFC 3339), from milliseconds since the epoch.
pub fn stamp(milliseconds: u64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    second(seconds).replace('Z', &format!(".{rest:03}Z"))
}

/// `2026-11-23T22:15:59Z`, from seconds since the epoch.
pub fn second(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `22:15:59Z`, from seconds since the epoch.
pub fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}Z", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// The Gregorian date of a day since 1970. Years are taken to begin in March, so that the leap day is their last.
fn date(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097; // days in 400 years
    // Day 0 is 719468 days after the 1st of March of year 0.
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_keep_their_two_largest_units() {
        let ages: Vec<String> = [0, 59, 60, 3_725, 90_061].into_iter().map(ago).collect();
        assert_eq!(ages, ["0s", "59s", "1m", "1h 2m", "1d 1h"]);
    }

    #[test]
    fn stamps_know_leap_years_and_centuries() {
        assert_eq!(clock(1_795_472_159), "22:15:59Z");
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(951_782_400_000 - 1), "2000-02-28T23:59:59.999Z");
        assert_eq!(stamp(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(stamp(1_795_472_159_007), "2026-11-23T22:15:59.007Z");
        assert_eq!(stamp(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = date(0);
        for day in 1..200_000 {
            let (year, month, of_month) = date(day);
            let next = [(before.0, before.1, before.2 + 1), (before.0, before.1 + 1, 1), (before.0 + 1, 1, 1)];
            assert!(next.contains(&(year, month, of_month)), "{before:?} -> {:?}", (year, month, of_month));
            assert!(of_month <= 31 && month <= 12);
            before = (year, month, of_month);
        }
    }
}
