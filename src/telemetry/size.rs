//! Sizes as text. Pure.

/// `512`, `1.5K`, `147M`: the largest binary unit, one decimal below ten.
pub fn short(bytes: u64) -> String {
    let (number, unit) = scaled(bytes);
    number + unit
}

/// `512 B`, `1.5 KiB`, `147 MiB`.
pub fn size(bytes: u64) -> String {
    match scaled(bytes) {
        (number, "") => number + " B",
        (number, unit) => format!("{number} {unit}iB"),
    }
}

fn scaled(bytes: u64) -> (String, &'static str) {
    let mut size = bytes as f64;
    let mut unit = "";
    for larger in ["K", "M", "G", "T", "P"] {
        // What would round up to 1024 of this unit is one of the next.
        if size < 1023.5 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    (if unit.is_empty() || size >= 9.95 { format!("{size:.0}") } else { format!("{size:.1}") }, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_largest_unit_that_leaves_a_number_above_one() {
        let sizes = [0, 1023, 1024, 10 * 1024 - 1, 1 << 20, (1 << 20) - 1, u64::MAX];
        assert_eq!(sizes.map(short), ["0", "1023", "1.0K", "10K", "1.0M", "1.0M", "16384P"]);
        assert_eq!(sizes.map(size), ["0 B", "1023 B", "1.0 KiB", "10 KiB", "1.0 MiB", "1.0 MiB", "16384 PiB"]);
    }
}
