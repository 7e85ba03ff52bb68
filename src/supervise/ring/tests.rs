use std::io::Write;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use proptest::prelude::*;

use super::*;

fn files(dir: &Path) -> u64 {
    [NEW, OLD].iter().filter_map(|name| std::fs::metadata(dir.join(name)).ok()).map(|found| found.len()).sum()
}

fn read(dir: &Path) -> Vec<Record> {
    Reader::open(dir).unwrap().read().unwrap_or_default()
}

fn texts(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.text.as_str()).collect()
}

fn append(ring: &mut Ring, text: &str) {
    ring.append(Source::Stdout, text, 5, Instant::now());
}

#[test]
fn a_line_comes_back_with_its_number_time_and_stream() {
    let dir = tempfile::tempdir().unwrap();
    let mut ring = Ring::new(dir.path().to_owned());
    for (source, text) in [(Source::Stdout, "a b  c "), (Source::Stderr, ""), (Source::Supervisor, "one\ntwo")] {
        ring.append(source, text, 1234, Instant::now());
    }
    let kept = read(dir.path());
    assert_eq!(texts(&kept), ["a b  c ", "", "one\\ntwo"]);
    assert_eq!(kept[1], Record { seq: 2, time_ms: 1234, source: Source::Stderr, text: String::new() });
}

#[test]
fn a_follower_gets_each_line_once_also_across_the_change_of_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut ring = Ring::new(dir.path().to_owned());
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.read(), None, "there is no log yet");
    let mut got = 0;
    let text = "x".repeat(1000);
    for _ in 0..10 {
        (0..40).for_each(|_| append(&mut ring, &text));
        for record in reader.read().unwrap() {
            got += 1;
            assert_eq!(record.seq, got);
        }
        assert_eq!(reader.read(), Some(Vec::new()));
    }
    assert_eq!(got, 400);
    assert!(!reader.is_over());
    append(&mut ring, "last words");
    drop(dir);
    assert!(reader.is_over());
    assert_eq!(texts(&reader.read().unwrap()), ["last words"]);
}

#[test]
fn the_next_supervisor_cuts_a_torn_tail_off_and_goes_on_with_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let mut ring = Ring::new(dir.path().to_owned());
    ["one", "two"].iter().for_each(|text| append(&mut ring, text));
    let mut file = OpenOptions::new().append(true).open(dir.path().join(NEW)).unwrap();
    file.write_all(b"3 77 stdout torn").unwrap();
    assert_eq!(texts(&read(dir.path())), ["one", "two"]);
    append(&mut Ring::new(dir.path().to_owned()), "three");
    let kept = read(dir.path());
    assert_eq!(texts(&kept), ["one", "two", "three"]);
    assert_eq!(kept[2].seq, 3);
}

#[test]
fn a_supervisor_that_finds_an_empty_file_takes_the_number_from_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(OLD), "41 5 stdout a\n42 5 stdout b\n").unwrap();
    append(&mut Ring::new(dir.path().to_owned()), "c");
    assert_eq!(read(dir.path()).iter().map(|record| record.seq).collect::<Vec<_>>(), [41, 42, 43]);
}

#[test]
fn lines_that_could_not_be_written_leave_a_gap_in_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("jail");
    let mut ring = Ring::new(place.clone());
    let start = Instant::now();
    ring.append(Source::Stdout, "lost", 5, start);
    std::fs::create_dir(&place).unwrap();
    ring.append(Source::Stdout, "too early to try again", 5, start);
    ring.append(Source::Stdout, "kept", 5, start + PATIENCE);
    let kept = read(&place);
    assert_eq!((kept.len(), kept[0].seq, kept[0].text.as_str()), (1, 3, "kept"));
}

#[test]
fn a_symlink_in_the_place_of_the_log_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    std::fs::write(&target, "mine\n").unwrap();
    std::os::unix::fs::symlink(&target, dir.path().join(NEW)).unwrap();
    append(&mut Ring::new(dir.path().to_owned()), "x");
    assert_eq!(Reader::open(dir.path()).unwrap().read(), None);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine\n");
}

#[test]
fn a_line_without_end_is_cut_at_a_character() {
    let dir = tempfile::tempdir().unwrap();
    append(&mut Ring::new(dir.path().to_owned()), &"\u{20ac}".repeat(MAX_TEXT));
    let kept = read(dir.path());
    assert_eq!(kept[0].text, "\u{20ac}".repeat(MAX_TEXT / 3));
}

/// Runs it with a file system of `size` bytes at a path that is this thread's alone.
fn on_a_small_disk(size: u64, deed: impl FnOnce(&Path) + Send) {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The thread leaves the host's mounts, and what it mounts ends with it.
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
            mount(Some("none"), place, Some("tmpfs"), MsFlags::empty(), Some(format!("size={size}").as_str())).unwrap();
            deed(place);
        });
    });
}

#[test]
fn a_full_disk_costs_lines_but_leaves_no_broken_one_and_ends_when_there_is_room() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: mounting needs root");
        return;
    }
    on_a_small_disk(64 * 1024, |place| {
        std::fs::write(place.join("other"), vec![0; 32 * 1024]).unwrap();
        let mut ring = Ring::new(place.to_owned());
        let text = "x".repeat(1000);
        (0..100).for_each(|_| append(&mut ring, &text));
        let kept = read(place);
        assert!((20..40).contains(&kept.len()), "{} lines", kept.len());
        assert!(kept.iter().all(|record| record.text == text));
        std::fs::remove_file(place.join("other")).unwrap();
        append(&mut ring, "room again");
        let last = read(place).pop().unwrap();
        assert_eq!((last.text.as_str(), last.seq), ("room again", 101));
    });
}

/// What happens to a ring.
#[derive(Debug, Clone)]
enum Deed {
    Write(String),
    /// Another supervisor.
    Reopen,
    /// A supervisor was killed in the middle of a line.
    Tear(Vec<u8>),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        12 => ("[a-z \\\\]{0,40}", 1usize..900).prop_map(|(text, times)| Deed::Write(text.repeat(times))),
        2 => Just(Deed::Reopen),
        1 => prop::collection::vec(any::<u8>().prop_filter("it is torn", |byte| *byte != b'\n'), 1..300).prop_map(Deed::Tear),
    ];
    prop::collection::vec(deed, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_is_written_the_last_lines_come_back_in_order_from_bounded_files(deeds in deeds()) {
        let dir = tempfile::tempdir().unwrap();
        let mut ring = Ring::new(dir.path().to_owned());
        let mut written: Vec<String> = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Write(text) => {
                    append(&mut ring, &text);
                    written.push(text);
                }
                Deed::Reopen => ring = Ring::new(dir.path().to_owned()),
                Deed::Tear(bytes) => {
                    let mut file = OpenOptions::new().append(true).create(true).open(dir.path().join(NEW)).unwrap();
                    file.write_all(&bytes).unwrap();
                    ring = Ring::new(dir.path().to_owned());
                }
            }
            prop_assert!(files(dir.path()) <= 2 * SEGMENT + 300);
        }
        let kept = read(dir.path());
        let first = written.len() - kept.len();
        for (at, record) in kept.iter().enumerate() {
            let text = &written[first + at];
            prop_assert_eq!(record.seq, (first + at + 1) as u64);
            prop_assert_eq!(&record.text, &text[..text.len().min(MAX_TEXT)]);
        }
        // No less than the old file holds is there, once there is one.
        prop_assert!(first == 0 || files(dir.path()) > SEGMENT / 2);
    }

    #[test]
    fn no_file_makes_the_reader_or_the_next_writer_panic(new: Vec<u8>, old: Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(NEW), new).unwrap();
        std::fs::write(dir.path().join(OLD), old).unwrap();
        read(dir.path());
        append(&mut Ring::new(dir.path().to_owned()), "x");
        prop_assert!(read(dir.path()).iter().any(|record| record.text == "x"));
    }
}
