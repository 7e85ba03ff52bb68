//! What a jail used over the last day, for `jailctl stats --graph` and `jailsh report`: the file `history` in the jail's run
//! directory, written by its supervisor alone. Two rings of slots lie in it: one slot a [`STEP`] for the last hour, and one
//! every [`COARSE`] steps for the last day.
//!
//! A slot begins and ends with its number, from 1, so that what a reader finds half written, or what is older than the ring
//! is long, is no point. Times are the host's clock, for people; no fsync, as for the log.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two points of the last hour.
pub const STEP: Duration = Duration::from_secs(5);
/// Steps between two points of the last day.
pub const COARSE: u64 = 24;
/// Slots of each ring: an hour of steps, and a day of coarse ones.
const SLOTS: u64 = 720;
/// Seven numbers of eight bytes: number, second, CPU, memory, processes, denials, number.
const SLOT: usize = 56;
const NAME: &str = "history";
/// More than will ever be written.
const MOST: u64 = 1 << 48;
/// Stands for what is not counted.
const ABSENT: u64 = u64::MAX;

/// What a jail used until a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Seconds since the epoch.
    pub at: u64,
    /// CPU time since creation, in microseconds.
    pub cpu_usec: u64,
    /// Memory that its control group was charged for, in bytes: the most since the point before. `None` where none counts.
    pub memory_bytes: Option<u64>,
    /// Processes: the most since the point before.
    pub processes: u64,
    /// Denials since creation; `None`: this body counts none.
    pub denials: Option<u64>,
}

impl Point {
    fn slot(self, number: u64) -> [u8; SLOT] {
        let optional = |value: Option<u64>| value.unwrap_or(ABSENT);
        let fields =
            [number, self.at, self.cpu_usec, optional(self.memory_bytes), self.processes, optional(self.denials), number];
        let mut slot = [0; SLOT];
        for (bytes, field) in slot.chunks_exact_mut(8).zip(fields) {
            bytes.copy_from_slice(&field.to_le_bytes());
        }
        slot
    }

    /// The number and the point of a slot; `None` for one that was never, or is half, written.
    fn of(slot: &[u8]) -> Option<(u64, Point)> {
        let mut fields = slot.chunks_exact(8).filter_map(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        let mut next = || fields.next();
        let optional = |value: u64| (value != ABSENT).then_some(value);
        let (number, at, cpu_usec) = (next()?, next()?, next()?);
        let (memory, processes, denials, end) = (next()?, next()?, next()?, next()?);
        let point = Point { at, cpu_usec, memory_bytes: optional(memory), processes, denials: optional(denials) };
        (number == end && (1..MOST).contains(&number)).then_some((number, point))
    }

    /// This one, with the most of both where a moment counts.
    fn over(self, before: Point) -> Point {
        Point {
            memory_bytes: self.memory_bytes.max(before.memory_bytes),
            processes: self.processes.max(before.processes),
            ..self
        }
    }
}

/// The points of a ring with their numbers, oldest first. The newest number tells which slots are of its last round.
fn ring(bytes: &[u8]) -> Vec<(u64, Point)> {
    let place = |(at, slot): (usize, &[u8])| Point::of(slot).filter(|(number, _)| number % SLOTS == at as u64);
    let mut points: Vec<(u64, Point)> = bytes.chunks_exact(SLOT).take(SLOTS as usize).enumerate().filter_map(place).collect();
    points.sort_unstable_by_key(|(number, _)| *number);
    let newest = points.last().map_or(0, |(number, _)| *number);
    points.retain(|(number, _)| newest - number < SLOTS);
    points
}

fn rings(dir: &Path) -> Option<[Vec<(u64, Point)>; 2]> {
    let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(dir.join(NAME)).ok()?;
    let mut bytes = vec![0; 2 * SLOTS as usize * SLOT];
    let mut length = 0;
    while let Ok(read @ 1..) = file.read_at(&mut bytes[length..], length as u64) {
        length += read;
    }
    let (fine, coarse) = bytes[..length].split_at(length.min(SLOTS as usize * SLOT));
    Some([ring(fine), ring(coarse)])
}

/// What was kept, oldest first; empty for a jail that no supervisor ever looked after. Before the last hour the points are
/// farther apart.
pub fn read(dir: &Path) -> Vec<Point> {
    let Some([fine, coarse]) = rings(dir) else { return Vec::new() };
    let first = fine.first().map_or(u64::MAX, |(_, point)| point.at);
    let older = coarse.into_iter().filter(|(_, point)| point.at < first);
    older.chain(fine).map(|(_, point)| point).collect()
}

/// The writing end, of the jail's only supervisor.
#[derive(Debug)]
pub struct History {
    dir: PathBuf,
    file: Option<File>,
    /// Points and coarse points so far, in this file's life.
    counts: [u64; 2],
    /// Since the last coarse point.
    gathered: Option<Point>,
}

impl History {
    pub fn new(dir: PathBuf) -> History {
        History { dir, file: None, counts: [0, 0], gathered: None }
    }

    /// Keeps a point, and of every [`COARSE`] one for the day. What cannot be written is lost: there is nobody to tell.
    pub fn add(&mut self, point: Point) {
        if self.file.is_none() {
            self.take_over();
        }
        self.gathered = Some(self.gathered.map_or(point, |before| point.over(before)));
        self.put(0, point);
        if self.counts[0].is_multiple_of(COARSE)
            && let Some(gathered) = self.gathered.take()
        {
            self.put(1, gathered);
        }
    }

    fn put(&mut self, ring: usize, point: Point) {
        self.counts[ring] += 1;
        let number = self.counts[ring];
        let place = (ring as u64 * SLOTS + number % SLOTS) * SLOT as u64;
        if let Some(file) = &self.file
            && file.write_all_at(&point.slot(number), place).is_err()
        {
            self.file = None;
        }
    }

    /// Goes on after what an earlier supervisor of the same jail left.
    fn take_over(&mut self) {
        let last = |ring: &Vec<(u64, Point)>| ring.last().map_or(0, |(number, _)| *number);
        let found = rings(&self.dir).map_or([0, 0], |rings| [last(&rings[0]), last(&rings[1])]);
        self.counts = [self.counts[0].max(found[0]), self.counts[1].max(found[1])];
        let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        self.file = options.open(self.dir.join(NAME)).ok();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(at: u64) -> Point {
        Point { at, cpu_usec: at * 1000, memory_bytes: Some(at % 7 * 4096), processes: at / 5 % 5, denials: None }
    }

    fn written(seconds: impl IntoIterator<Item = u64>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::new(dir.path().to_owned());
        seconds.into_iter().for_each(|second| history.add(point(second)));
        dir
    }

    #[test]
    fn points_are_read_as_they_were_written() {
        let dir = written([5, 10, 15]);
        assert_eq!(read(dir.path()), [point(5), point(10), point(15)]);
        assert_eq!(read(&dir.path().join("nowhere")), []);
    }

    #[test]
    fn the_last_hour_is_kept_in_steps_and_the_day_before_it_in_coarse_ones() {
        let steps = 20_000_u64;
        let points = read(written((1..=steps).map(|step| step * 5)).path());
        let (older, hour) = points.split_at(points.len() - SLOTS as usize);
        assert_eq!(hour.first().map(|point| point.at), Some((steps - SLOTS + 1) * 5));
        assert!(hour.windows(2).all(|pair| pair[1].at - pair[0].at == 5));
        assert!(older.windows(2).all(|pair| pair[1].at - pair[0].at == 5 * COARSE));
        let day = hour.last().unwrap().at - older.first().unwrap().at;
        assert!((86_000..=86_400).contains(&day), "{day}");
        assert!(older.iter().all(|point| point.processes == 4), "the most of its steps");
    }

    #[test]
    fn the_next_supervisor_goes_on_where_the_last_one_ended() {
        let dir = written([5, 10]);
        let mut next = History::new(dir.path().to_owned());
        next.add(Point { cpu_usec: 0, ..point(60) });
        let points = read(dir.path());
        assert_eq!(points.iter().map(|point| point.at).collect::<Vec<_>>(), [5, 10, 60]);
    }

    #[test]
    fn a_slot_that_is_half_written_is_no_point() {
        let dir = written([5, 10, 15]);
        let file = OpenOptions::new().write(true).open(dir.path().join(NAME)).unwrap();
        file.write_all_at(&99_u64.to_le_bytes(), 2 * SLOT as u64).unwrap();
        assert_eq!(read(dir.path()), [point(5), point(15)]);
    }

    #[test]
    fn the_file_has_a_bound() {
        let dir = written((1..=40_000).map(|step| step * 5));
        assert_eq!(dir.path().join(NAME).metadata().unwrap().len(), 2 * SLOTS * SLOT as u64);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(NAME), &bytes).unwrap();
            let found = read(dir.path());
            prop_assert!(found.len() <= bytes.len() / SLOT);
            History::new(dir.path().to_owned()).add(point(7));
            prop_assert!(read(dir.path()).contains(&point(7)));
        }
    }
}
