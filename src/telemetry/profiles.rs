//! The listings of profiles.

use super::table::{Column, Table, Value};
use crate::jail::spec::Profile;
use crate::jail::spec::profile::Cause;
use crate::kernel::Right;

const EXPLANATION: [Column; 4] =
    [Column::new("RIGHT", 20), Column::new("HELD", 0), Column::new("BY", 0), Column::new("REASON", 0)];

/// Every right but the fences: whether the profile holds it, what decides that, and why.
pub fn explanation(profile: &Profile) -> Table {
    let level = profile.level.name();
    let row = |right: Right| {
        let by = match profile.cause(right) {
            Cause::Level => level.to_owned(),
            Cause::Granted => "grant".to_owned(),
            Cause::Denied => "deny".to_owned(),
            Cause::Absent => format!("not in {level}"),
            Cause::Fence => "fence".to_owned(),
        };
        vec![
            Value::text(right),
            Value::Flag(profile.rights().holds(right)),
            Value::Text(by),
            Value::text(profile.reason(right).unwrap_or_else(|| right.reason())),
        ]
    };
    Table::new(&EXPLANATION, Right::all().filter(|right| !right.is_fence()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Level;
    use crate::telemetry::Format;

    #[test]
    fn each_right_is_explained_by_what_decides_it() {
        let right = |name: &str| name.parse().unwrap();
        let profile = Profile::built_in(Level::Medium)
            .with(right("raw_socket"), Some("pings its peers".into()))
            .without(right("ptrace"), None);
        insta::assert_snapshot!(explanation(&profile).render(Format::Text, false));
    }
}
