//! body: root in a jail does what root in a plain chroot can, and is refused, and the refusal is counted where it should.
//!
//! Each row of tests/attacks runs three times. In the chroot it must get through, else it proves nothing. Under bwrap it shows
//! what namespaces alone keep off. In a medium jail it must fail in a known way. On lsm the counter of one of its rights must rise, in that jail and in no other; on landlock,
//! which has no counters, what gets through must be listed in tests/attacks/landlock.rs and be told by `describe`.
//!
//! The chroot's part and bwrap's set clocks, names and switches as unconfined root: they run in guests only, and prove each
//! row there. On any other machine only the jail's part runs, without the rows of [`HARMFUL`]. The whole table is printed at the end,
//! and written to the file JAILSH_ATTACK_TABLE names.

#[path = "support/body.rs"]
mod body;
#[path = "attacks/bwrap.rs"]
mod bwrap;
#[path = "support/host_side.rs"]
mod host_side;
#[path = "support/jail.rs"]
mod jail;
#[path = "attacks/landlock.rs"]
mod landlock;
#[path = "attacks/open.rs"]
mod open;
#[path = "support/port_range.rs"]
mod port_range;
#[path = "support/program.rs"]
mod program;
#[path = "support/session.rs"]
mod session;
#[path = "support/stage.rs"]
mod stage;
#[path = "support/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::os::fd::OwnedFd;
use std::process::Command;

use jailsh::kernel::{Jid, Kernel, Level, Right};
use nix::fcntl::{self, OFlag};
use nix::sys::stat::Mode;

use body::Body;
use host_side::HostSide;
use jail::TestJail;
use port_range::PortRange;
use program::Program;
use session::Session;
use stage::{BAIT, Stage};
use table::{Expectation, Row};

/// Reserved by another jail, in the middle of the ports that the kernel may pick.
const RESERVED: u16 = 40_004;
/// Reserved by the attacking jail.
const OWN: u16 = 40_100;

/// Rows that change the machine should they get through, with what they change; all others write what was there, or open
/// and touch nothing.
const HARMFUL: [(&str, &str); 5] = [
    ("kexec_load", "drops a kernel that was prepared for a crash"),
    ("reboot(CAD_OFF)", "turns Ctrl-Alt-Del into a signal to process 1"),
    ("acct(NULL)", "stops process accounting"),
    ("take every inotify instance of the user id", "leaves none to root's other programs for a moment"),
    ("setpriority(everybody of root)", "gives all of root's processes one priority"),
];

/// How a row ended here and there.
#[derive(Default, Clone)]
struct Ending {
    in_chroot: String,
    in_bwrap: String,
    in_jail: String,
    /// Rights whose counter rose in the jail.
    counted: BTreeSet<Right>,
}

type Endings = BTreeMap<String, Ending>;

/// The rows that are for guests only, on a machine that is none.
fn left_to_guests() -> &'static [(&'static str, &'static str)] {
    if body::in_guest() { &[] } else { &HARMFUL }
}

/// Arguments for the attack program: a class, and what it is aimed at.
fn arguments(class: &str, host: &HostSide) -> Vec<String> {
    let fixed = [format!("bait={BAIT}"), format!("reserved={RESERVED}"), format!("own={OWN}")];
    let left = left_to_guests().iter().map(|(name, _)| format!("leave={name}"));
    let given = host.targets().iter().cloned().chain(left);
    ["run".to_owned(), class.to_owned()].into_iter().chain(fixed).chain(given).collect()
}

fn host_side(stage: &Stage) -> HostSide {
    let mut command = Command::new(&stage.program.path);
    command.arg("host").arg(stage.bait()).current_dir("/");
    HostSide::start(command)
}

/// A careless caller: an open directory outside of the root, without close-on-exec, and the same as working directory.
fn leak(stage: &Stage) -> OwnedFd {
    fcntl::open(&stage.path("."), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).expect("the stage's directory opens")
}

fn attack_from_a_chroot(stage: &Stage, classes: &BTreeSet<String>, endings: &mut Endings) {
    let host = host_side(stage);
    let _leaked = leak(stage);
    for class in classes {
        let mut command = Command::new(&stage.program.path);
        command.arg("chroot").arg(stage.path("root")).arg(stage.bait()).args(arguments(class, &host));
        command.current_dir(stage.path("."));
        let mut session = Session::start(command);
        while let Some((name, result)) = session.next_row() {
            endings.entry(name).or_default().in_chroot = result;
        }
    }
}

fn attack_from_bwrap(stage: &Stage, classes: &BTreeSet<String>, endings: &mut Endings) {
    let host = host_side(stage);
    let _leaked = leak(stage);
    for class in classes {
        let mut command = bwrap::command(&stage.bait(), BAIT);
        command.args(arguments(class, &host)).current_dir(stage.path("."));
        let mut session = Session::start(command);
        while let Some((name, result)) = session.next_row() {
            endings.entry(name).or_default().in_bwrap = result;
        }
    }
}

/// The denials of every jail so far.
fn denials(kernel: &dyn Kernel) -> BTreeMap<Jid, BTreeMap<Right, u64>> {
    let stats = kernel.stats(None).expect("the kernel tells its counters");
    stats.into_iter().map(|jail| (jail.jid, jail.denials.unwrap_or_default())).collect()
}

fn attack_from_a_jail(
    kernel: &dyn Kernel,
    stage: &Stage,
    jail: &TestJail,
    classes: &BTreeSet<String>,
    endings: &mut Endings,
    problems: &mut Vec<String>,
) {
    let host = host_side(stage);
    let _leaked = leak(stage);
    for class in classes {
        let list = arguments(class, &host);
        let mut command = jail.attacks(&list.iter().map(String::as_str).collect::<Vec<_>>());
        command.current_dir(stage.path("."));
        let mut session = Session::start(command);
        let mut before = denials(kernel);
        while let Some((name, result)) = session.next_row() {
            let now = denials(kernel);
            for (jid, counters) in &now {
                let was = |right: &Right| before.get(jid).and_then(|counters| counters.get(right)).copied().unwrap_or(0);
                let risen: BTreeSet<Right> =
                    counters.iter().filter(|(right, count)| **count > was(right)).map(|(right, _)| *right).collect();
                if *jid == jail.jid {
                    endings.entry(name.clone()).or_default().counted = risen;
                } else if !risen.is_empty() {
                    problems.push(format!("{name}: counted in jail {jid}, which had no part in it"));
                }
            }
            before = now;
            endings.entry(name).or_default().in_jail = result;
        }
    }
}

/// What is wrong with how a row ended, if anything.
fn verdict(body: Body, row: &Row, ending: &Ending) -> Option<String> {
    let Ending { in_chroot, in_bwrap, in_jail, counted } = ending;
    if body::in_guest() && !row.in_chroot.contains(in_chroot) {
        let expected = row.in_chroot.join(" or ");
        return Some(format!("{}: {in_chroot} in a chroot, not {expected}: it proves nothing", row.name));
    }
    if body::in_guest()
        && let Some(problem) = bwrap::verdict(row, in_bwrap)
    {
        return Some(problem);
    }
    if body == Body::Landlock {
        return landlock::verdict(row, in_jail);
    }
    if !row.in_jail.contains(in_jail) {
        let hint = if row.expectation == Expectation::Open { "; if it is refused now, mark the row denied" } else { "" };
        return Some(format!("{}: {in_jail} in the jail, not {}{hint}", row.name, row.in_jail.join(" or ")));
    }
    if !row.rights.is_empty() && row.rights.iter().all(|right| !counted.contains(right)) {
        return Some(format!("{}: refused with {in_jail}, but counted under {counted:?}, not {:?}", row.name, row.rights));
    }
    None
}

fn listing(rows: &[Row], endings: &Endings) -> String {
    let mut text = String::from("attack\tchroot\tbwrap\tjail\tcounted under\n");
    for row in rows {
        let ending = endings.get(&row.name).cloned().unwrap_or_default();
        let counted: Vec<&str> = ending.counted.iter().map(|right| right.name()).collect();
        let fields = [&row.name, &ending.in_chroot, &ending.in_bwrap, &ending.in_jail, &counted.join(", ")];
        writeln!(text, "{}", fields.map(String::as_str).join("\t")).expect("a text grows");
    }
    text
}

#[test]
fn what_gets_through_in_a_chroot_is_denied_to_root_in_a_medium_jail_and_counted_there() {
    let Some(body) = body::here() else { return };
    let kernel = body.kernel();
    let stage = Stage::set(Program::build());
    let rows = table::rows(&stage.program);
    let classes: BTreeSet<String> = rows.iter().map(|row| row.class.clone()).collect();
    let _range = PortRange::narrow_apart(RESERVED - 4..=RESERVED + 4);
    let (mut endings, mut problems) = (Endings::new(), Vec::new());

    // First, while nobody reserves a port: the host is bound by reservations too.
    if body::in_guest() {
        attack_from_a_chroot(&stage, &classes, &mut endings);
        attack_from_bwrap(&stage, &classes, &mut endings);
    }

    let _victim = TestJail::with_an_address(&stage, "attack-victim", RESERVED);
    let attacker = TestJail::start(&stage, "attack-root", Level::Medium, &[OWN]);
    attack_from_a_jail(&*kernel, &stage, &attacker, &classes, &mut endings, &mut problems);

    let text = listing(&rows, &endings);
    println!("{text}");
    for (name, why) in left_to_guests() {
        println!("left to guests: {name}, which {why}");
    }
    if let Some(file) = std::env::var_os("JAILSH_ATTACK_TABLE").filter(|file| !file.is_empty()) {
        std::fs::write(file, &text).expect("JAILSH_ATTACK_TABLE is writable");
    }
    let unknown = Ending::default();
    let tried = || rows.iter().filter(|row| left_to_guests().iter().all(|(name, _)| *name != row.name));
    problems.extend(tried().filter_map(|row| verdict(body, row, endings.get(&row.name).unwrap_or(&unknown))));
    let description = kernel.describe();
    problems.extend(match body {
        Body::Lsm => open::untold(&description, |_| true),
        Body::Landlock => {
            let everywhere = open::untold(&description, landlock::is_open_too);
            [open::claimed(&description, landlock::OPEN.iter()), everywhere].concat()
        }
    });
    assert!(problems.is_empty(), "{} of {} rows:\n{}", problems.len(), rows.len(), problems.join("\n"));
}
