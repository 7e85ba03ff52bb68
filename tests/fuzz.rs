//! What fuzzing asserts, over the committed inputs and over changes of them, for a bounded time and by the stable toolchain.
//! `cargo fuzz` goes further; CONTRIBUTING tells how.

#[path = "../fuzz/judges/mod.rs"]
mod judges;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use judges::{JUDGES, judge};

/// For each judge.
const TIME: Duration = Duration::from_millis(2500);
/// Fewer inputs than this are no test.
const LEAST: u32 = 100;
/// Longest input that is made.
const LONGEST: usize = 16 * 1024;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The numbers of Steele, Lea and Flood's SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 for an empty range.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    /// A piece of it, at most `most` long.
    fn piece(&mut self, bytes: &[u8], most: usize) -> Vec<u8> {
        let from = self.below(bytes.len());
        let length = 1 + self.below(most.min(bytes.len() - from));
        bytes[from..bytes.len().min(from + length)].to_vec()
    }
}

/// One of the inputs, changed a few times.
fn changed(random: &mut Random, inputs: &[Vec<u8>]) -> Vec<u8> {
    const TELLING: [&[u8]; 14] = [
        b"\0",
        b"\xff",
        b"\n",
        b"\"",
        b"\\",
        b"..",
        b"/",
        b"{",
        b"]",
        b"-1",
        b"18446744073709551616",
        b"\x1b[",
        b"\xe2\x80\xae",
        b"1e999",
    ];
    let mut bytes = inputs[random.below(inputs.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let until = at + random.below((bytes.len() - at).min(64) + 1);
        match random.below(8) {
            0 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1 << random.below(8);
            }
            1 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] = random.next() as u8;
            }
            2 => drop(bytes.drain(at..until)),
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..at, TELLING[random.below(TELLING.len())].iter().copied())),
            // A part of it once more, or of another one, in place of something or between.
            5 if !bytes.is_empty() => drop(bytes.splice(at..at, random.piece(&bytes.clone(), 512))),
            6 => {
                let other = &inputs[random.below(inputs.len())];
                if !other.is_empty() {
                    drop(bytes.splice(at..until, random.piece(other, 512)));
                }
            }
            _ => {
                let times = random.below(1024);
                let byte = random.next() as u8;
                drop(bytes.splice(at..at, std::iter::repeat_n(byte, times)));
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

/// The committed inputs of a judge, with their names.
fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = project().join("fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("an input"))).collect()
}

fn run(name: &str) {
    let holds = |input: &[u8]| catch_unwind(|| judge(name, input)).is_ok();
    let committed = inputs(name);
    assert!(!committed.is_empty(), "fuzz/corpus/{name} is empty");
    for (path, input) in &committed {
        assert!(holds(input), "it does not hold of {}", path.display());
    }
    let inputs: Vec<Vec<u8>> = committed.into_iter().map(|(_, input)| input).collect();
    let given = std::env::var("JAILSH_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    let (mut random, begun, mut done) = (Random(seed), Instant::now(), 0);
    while begun.elapsed() < TIME || done < LEAST {
        let input = changed(&mut random, &inputs);
        if !holds(&input) {
            let folder = project().join("fuzz/artifacts").join(name);
            fs::create_dir_all(&folder).expect("a folder for what failed");
            let path = folder.join(format!("failed-{seed}-{done}.input"));
            fs::write(&path, &input).expect("the input is saved");
            panic!("{name} does not hold of {}; move it to fuzz/corpus/{name} to have it tried first", path.display());
        }
        done += 1;
    }
    println!("{name}: {done} inputs, JAILSH_SEED={seed}");
}

#[test]
fn scripts_are_checked_without_a_panic() {
    run("check");
}

#[test]
fn packets_of_a_control_socket_are_taken_or_refused() {
    run("control");
}

#[test]
fn packets_of_a_keeper_are_taken_or_refused() {
    run("keeper");
}

#[test]
fn lines_of_a_log_move_no_cursor_and_lose_nothing() {
    run("log");
}

#[test]
fn plan_files_are_read_as_they_were_written() {
    run("plan");
}

#[test]
fn the_policy_agrees_with_a_model_of_what_is_free() {
    run("policy");
}

#[test]
fn ports_are_read_as_they_were_written_and_overlap_where_a_socket_is_of_both() {
    run("port");
}

#[test]
fn specs_are_read_as_they_were_written() {
    run("spec");
}

#[test]
fn members_of_an_archive_climb_nowhere_and_stay_within_limits() {
    run("tar");
}

#[test]
fn every_judge_is_a_test_and_a_target_of_cargo_fuzz() {
    let tests = include_str!("fuzz.rs");
    let manifest = fs::read_to_string(project().join("fuzz/Cargo.toml")).unwrap();
    for name in JUDGES.map(|one| one.name) {
        assert!(tests.contains(&format!("    run({name:?});\n")), "{name}");
        let target = fs::read_to_string(project().join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("judge({name:?}, ")) && manifest.contains(&format!("name = {name:?}\n")), "{name}");
    }
}

/// The changes reach what a judge is for: one that never holds is found.
#[test]
fn an_input_that_breaks_a_rule_is_found_and_the_same_seed_makes_the_same_inputs() {
    let inputs = [b"{\"version\":1}".to_vec()];
    let made = |seed| {
        let mut random = Random(seed);
        (0..2000).map(|_| changed(&mut random, &inputs)).collect::<Vec<_>>()
    };
    assert_eq!(made(7), made(7));
    let distinct: std::collections::BTreeSet<Vec<u8>> = made(7).into_iter().collect();
    assert!(distinct.len() > 1500, "{}", distinct.len());
    assert!(distinct.iter().any(|input| input.len() > 500) && distinct.iter().any(Vec::is_empty));
}

/// What package jailsh needs, by the names of crates, as the lock file says.
fn needs(lock: &str) -> Vec<String> {
    let text = fs::read_to_string(project().join(lock)).unwrap();
    let lock: toml::Table = text.parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let ours = packages.iter().find(|package| package["name"].as_str() == Some("jailsh")).unwrap();
    // A version stands behind the name where there are two of it.
    let name = |need: &toml::Value| need.as_str().unwrap().split(' ').next().unwrap().to_owned();
    ours["dependencies"].as_array().unwrap().iter().map(name).collect()
}

/// cargo-fuzz builds with a lock file of its own, which nothing else reads.
#[test]
fn the_fuzzers_lock_knows_all_that_the_program_needs() {
    let fuzzers = needs("fuzz/Cargo.lock");
    let missing: Vec<String> = needs("Cargo.lock").into_iter().filter(|need| !fuzzers.contains(need)).collect();
    // Its lock leaves out what only tests need.
    let manifest: toml::Table = fs::read_to_string(project().join("Cargo.toml")).unwrap().parse().unwrap();
    let only_tests =
        |need: &String| manifest["dev-dependencies"].get(need).is_some() && manifest["dependencies"].get(need).is_none();
    let missing: Vec<&String> = missing.iter().filter(|need| !only_tests(need)).collect();
    assert!(missing.is_empty(), "fuzz/Cargo.lock is behind: {missing:?}; run cargo check --manifest-path fuzz/Cargo.toml");
}
