//! The listings of what lies on the disk (snapshots, bases, garbage), and of what was done to many jails.

use super::cell::{Unit, Value};
use super::moment::second;
use super::table::{Column, Table};
use crate::fleet::{End, Summary};
use crate::jail::base::Imported;
use crate::jail::{Archived, DiskUse, Garbage, Snapshot};
use crate::kernel::JailName;

const SNAPSHOTS: [Column; 5] = [
    Column::new("NAME", 20),
    Column::new("TAKEN", 20),
    Column::new("FILES", 8),
    Column::new("BYTES", 12).of(Unit::Bytes),
    Column::new("LIVE", 0),
];

/// `jailmgr snapshot --list`.
pub fn snapshots(snapshots: &[Snapshot]) -> Table {
    let row = |snapshot: &Snapshot| {
        let name = Value::text(&snapshot.name);
        match &snapshot.taken {
            Ok(taken) => vec![
                name,
                Value::Text(second(taken.taken)),
                Value::Number(taken.entries),
                Value::Number(taken.bytes),
                Value::Flag(taken.live),
            ],
            Err(why) => vec![name, Value::Text(format!("unreadable: {why}")), Value::Absent, Value::Absent, Value::Absent],
        }
    };
    Table::new(&SNAPSHOTS, snapshots.iter().map(row).collect())
}

const BASES: [Column; 7] = [
    Column::new("BASE", 24),
    Column::new("IMPORTED", 20),
    Column::new("FILES", 8),
    Column::new("BYTES", 12).of(Unit::Bytes),
    Column::new("VERIFIED", 0),
    Column::verbose("SHA256", 0),
    Column::verbose("SOURCE", 0),
];

/// `jailmgr base list`.
pub fn bases(bases: &[Imported]) -> Table {
    let row = |base: &Imported| {
        let name = Value::text(&base.pin);
        match &base.manifest {
            Ok(known) => vec![
                name,
                Value::Text(second(known.imported)),
                Value::Number(known.entries),
                Value::Number(known.bytes),
                Value::Flag(known.verified),
                Value::text(&known.sha256),
                Value::text(&known.source),
            ],
            Err(why) => {
                let mut row = vec![name, Value::Text(format!("unreadable: {why}"))];
                row.resize(BASES.len(), Value::Absent);
                row
            }
        }
    };
    Table::new(&BASES, bases.iter().map(row).collect())
}

const GARBAGE: [Column; 3] = [Column::new("KIND", 12), Column::new("WHAT", 32), Column::new("BYTES", 0).of(Unit::Bytes)];

/// `jailmgr gc`.
pub fn garbage(garbage: &[Garbage]) -> Table {
    let row = |found: &Garbage| vec![Value::text(found.kind), Value::text(&found.what), Value::Number(found.bytes)];
    Table::new(&GARBAGE, garbage.iter().map(row).collect())
}

const ARCHIVES: [Column; 4] =
    [Column::new("FILE", 32), Column::new("JAIL", 16), Column::new("EXPORTED", 20), Column::new("BYTES", 0).of(Unit::Bytes)];

/// The archives in a directory.
pub fn archives(archives: &[Archived]) -> Table {
    let row = |found: &Archived| {
        let file = Value::text(found.path.display());
        vec![file, Value::text(&found.jail), Value::Text(second(found.exported)), Value::Number(found.bytes)]
    };
    Table::new(&ARCHIVES, archives.iter().map(row).collect())
}

const DISK: [Column; 5] = [
    Column::new("NAME", 16),
    Column::new("FILES", 8),
    Column::new("BYTES", 12).of(Unit::Bytes),
    Column::new("SNAPSHOTS", 0),
    Column::new("SNAPSHOT_BYTES", 0).of(Unit::Bytes),
];

/// What jails take on the disk.
pub fn disk(jails: &[DiskUse]) -> Table {
    let row = |jail: &DiskUse| {
        let numbers = [jail.files, jail.bytes, jail.snapshots, jail.snapshot_bytes];
        std::iter::once(Value::text(&jail.jail)).chain(numbers.map(Value::Number)).collect()
    };
    Table::new(&DISK, jails.iter().map(row).collect())
}

const ENDS: [Column; 3] = [Column::new("NAME", 16), Column::new("RESULT", 16), Column::new("REASON", 0)];

/// `jailmgr start`, `stop` and `restart`.
pub fn ends(summary: &Summary) -> Table {
    let row = |(name, end): &(JailName, End)| vec![Value::text(name), Value::text(end.word()), Value::maybe(end.reason())];
    Table::new(&ENDS, summary.ends().iter().map(row).collect())
}

/// `20261123T221544Z` of seconds since the epoch: no sign that a name cannot have.
pub fn stamp(seconds: u64) -> String {
    second(seconds).replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jail::Taken;
    use crate::telemetry::Format;

    #[test]
    fn times_are_those_of_date() {
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_472_144, "2026-11-23T22:15:44Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(second(seconds), text);
        }
        assert_eq!(stamp(0), "19700101T000000Z");
    }

    #[test]
    fn an_unreadable_snapshot_is_listed_with_the_reason() {
        let taken = Taken { taken: 1_795_472_144, entries: 812, bytes: 4_194_304, shared_files: 0, live: true };
        let seen = [
            Snapshot { name: "first".parse().unwrap(), taken: Ok(taken) },
            Snapshot { name: "broken".parse().unwrap(), taken: Err("no snapshot.toml".into()) },
        ];
        insta::assert_snapshot!(snapshots(&seen).render(Format::Text, false));
    }
}
