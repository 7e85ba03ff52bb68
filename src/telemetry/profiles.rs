//! The listings of profiles.

use super::cell::Value;
use super::table::{Column, Table};
use crate::jail::proof::{Expected, Finding};
use crate::jail::spec::Profile;
use crate::jail::spec::probe::catalogue;
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
            Cause::Audited => "audit".to_owned(),
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
    Table::new(&EXPLANATION, {
        let parts = Right::parts().filter(|part| profile.grant.contains(*part));
        Right::all().filter(|right| !right.is_fence()).chain(parts).map(row).collect()
    })
}

const PROOF: [Column; 7] = [
    Column::new("PROFILE", 16),
    Column::new("EXAMPLE", 24),
    Column::new("EXPECTED", 0),
    Column::new("GOT", 0),
    Column::new("RIGHT", 16),
    Column::new("RESULT", 0),
    Column::new("DETAIL", 0),
];

/// What became of each example of profiles, by their names.
pub fn proof(findings: &[(String, Finding)]) -> Table {
    let word = |expected: Expected| Value::text(if expected == Expected::Allowed { "allowed" } else { "denied" });
    let row = |(profile, finding): &(String, Finding)| {
        vec![
            Value::text(profile),
            Value::text(&finding.example),
            word(finding.expected),
            word(finding.got),
            Value::maybe(finding.right),
            Value::State(if finding.is_met() { "ok" } else { "failed" }.into()),
            Value::maybe(finding.detail.as_ref()),
        ]
    };
    Table::new(&PROOF, findings.iter().map(row).collect())
}

const PROBES: [Column; 3] = [Column::new("PROBE", 16), Column::new("RIGHT", 18), Column::new("DOES", 0)];

/// The catalogue of probes.
pub fn probes() -> Table {
    let row = |(name, does, right): (&str, &str, Option<Right>)| vec![Value::text(name), Value::maybe(right), Value::text(does)];
    Table::new(&PROBES, catalogue().into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Level;
    use crate::telemetry::Format;

    #[test]
    fn each_right_is_explained_by_what_decides_it() {
        let right = |name: &str| name.parse().unwrap();
        let profile =
            Profile::built_in(Level::Medium).with(right("ping"), Some("pings its peers".into())).without(right("ptrace"), None);
        insta::assert_snapshot!(explanation(&profile).render(Format::Text, false));
    }
}
