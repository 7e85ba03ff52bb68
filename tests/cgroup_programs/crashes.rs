//! A jailsh that is killed while it reserves ports.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jailsh::kernel::landlock::ports::{Reservations, Wanted};

use crate::stage::{Group, Stage, host_binds, list, listed, wanted};

const PLACE: &str = "JAILSH_TEST_PLACE";
const OWNER: &str = "JAILSH_TEST_OWNER";
const WAY: &str = "JAILSH_TEST_WAY";

const KEPT: u16 = 40_444;
const OTHER: u16 = 40_445;
const ROUNDS: u64 = 60;

/// Not a test by itself: what `killed_at_any_moment` runs in a process of its own, and kills.
#[test]
fn reserving_without_end() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let owner = std::env::var(OWNER).expect("given").parse().expect("a number");
    let (with, without) = (wanted(&[(KEPT, owner), (OTHER, owner)]), wanted(&[(KEPT, owner)]));
    let reservations = Reservations::at(Path::new(&place));
    writeln!(std::io::stdout(), "\ngo").expect("a pipe");
    loop {
        match std::env::var(WAY).as_deref() {
            Ok("all") => {
                reservations.reconcile(&Wanted::default()).expect("let go");
                reservations.reconcile(&with).expect("reserved");
            }
            _ => {
                reservations.reconcile(&with).expect("reserved");
                for entry in fs::read_dir(Path::new(&place).join("bpf")).expect("the pins").flatten() {
                    if entry.file_name().to_string_lossy().starts_with("jail_post_bind6") {
                        fs::remove_file(entry.path()).expect("unpinned");
                    }
                }
                reservations.reconcile(&without).expect("reserved");
            }
        }
    }
}

/// Runs the above and kills it some time after it began.
fn killed(stage: &Stage, owner: u64, way: &str, after: Duration) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "crashes::reserving_without_end", "--nocapture", "--test-threads=1"])
        .envs([(PLACE, stage.directory().to_str().expect("text")), (OWNER, &owner.to_string()), (WAY, way)])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "go")), "it began");
    std::thread::sleep(after);
    assert!(child.try_wait().expect("it is ours").is_none(), "it ended by itself");
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
}

fn killed_at_any_moment(way: &str, check: impl Fn(&Stage)) {
    let Some(stage) = Stage::set() else { return };
    let owner = Group::make("crash");
    list("40600");
    for round in 0..ROUNDS {
        stage.reserve(&[(KEPT, owner.id())]);
        killed(&stage, owner.id(), way, Duration::from_micros(round * 311));
        check(&stage);
        stage.reserve(&[(KEPT, owner.id())]);
        assert_eq!((host_binds(KEPT), host_binds(OTHER)), (Err(libc::EADDRINUSE), Ok(())), "round {round}");
        assert_eq!((listed().as_str(), stage.mounts(), stage.pins().len()), ("40444,40600", 1, 11), "round {round}");
    }
    killed(&stage, owner.id(), way, Duration::from_millis(3));
    stage.reserve::<u16>(&[]);
    assert_eq!((host_binds(KEPT), listed().as_str(), stage.mounts()), (Ok(()), "40600", 0));
}

#[test]
fn killed_while_it_replaces_its_programs_it_leaves_no_gap_and_the_next_call_repairs() {
    killed_at_any_moment("replace", |_| {
        assert_eq!(host_binds(KEPT), Err(libc::EADDRINUSE), "the port that stays reserved");
    });
}

#[test]
fn killed_while_it_lets_go_or_takes_everything_the_next_call_repairs() {
    killed_at_any_moment("all", |stage| assert!(stage.mounts() <= 1));
}
