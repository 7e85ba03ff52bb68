//! docs/attacks.md says what the attack program and the lists beside it say, and the lists say no more.

#[path = "attacks/bwrap.rs"]
mod bwrap;
#[path = "attacks/landlock.rs"]
mod landlock;
#[path = "attacks/open.rs"]
mod open;
#[path = "support/program.rs"]
mod program;
#[path = "support/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use jailsh::kernel::{Level, Right};
use program::Program;
use table::{Expectation, Row};

/// Set to write the table anew instead of comparing it.
const UPDATE: &str = "UPDATE_DOCS";
/// The table is what follows this line.
const MARK: &str = "<!-- generated: UPDATE_DOCS=1 cargo test --test attack_table -->\n";

/// What the row of this name is about, for each class.
const TITLES: [(&str, &str); 16] = [
    ("process", "Processes of the host"),
    ("proc", "/proc of the host's processes"),
    ("mounts", "Root and mounts"),
    ("devices", "Device nodes"),
    ("namespaces", "Namespaces"),
    ("kernel", "The kernel's own calls"),
    ("keys", "Keyrings"),
    ("kernel_files", "The kernel's own files"),
    ("sockets", "Sockets"),
    ("ports", "Reserved ports"),
    ("ipc", "IPC objects of the host"),
    ("limits", "Limits and priorities"),
    ("uring", "io_uring"),
    ("descriptors", "Descriptors"),
    ("neighbours", "What neighbours learn and take"),
    ("identity", "Becoming more"),
];

/// Rights and fences that no row is denied by, for a call in a jail's process does not try them, and the test that does.
const TRIED_ELSEWHERE: [(&str, &str, &str); 5] = [
    ("jail_enter", "tests/module/entering.rs", "a_member_enters_no_second_jail_and_not_its_own_again"),
    (
        "module_tamper",
        "tests/module/guarding.rs",
        "a_member_that_holds_bpf_makes_maps_of_its_own_and_gets_none_of_the_modules_objects",
    ),
    ("process_table", "tests/module/counting.rs", "a_closed_jail_lets_nobody_fork_or_enter"),
    ("audit_write", "tests/module/narrow.rs", "each_of_these_rights_is_refused_to_who_holds_what_is_asked_before_it"),
    // Debian's kernels ask for CAP_SYS_ADMIN before the hook is asked.
    ("perf", "tests/module/narrow.rs", "each_of_these_rights_is_refused_to_who_holds_what_is_asked_before_it"),
];

/// The same of rights that medium holds: a row of an attack in a medium jail says nothing of them.
const HELD_BY_MEDIUM: [(&str, &str, &str); 9] = [
    ("ptrace", "tests/walls/denied.rs", "a_debugger_is_refused_where_the_profile_says_so"),
    ("netlink_route", "tests/module/narrow.rs", "each_of_these_rights_is_refused_to_who_holds_what_is_asked_before_it"),
    ("privileged_port", "tests/proof.rs", PROBES),
    ("ipc_override", "tests/proof.rs", PROBES),
    ("file_capability", "tests/module/narrow.rs", "each_of_these_rights_is_refused_to_who_holds_what_is_asked_before_it"),
    ("connect", "tests/module/destinations.rs", "a_jail_without_connect_reaches_what_its_rules_name_and_nothing_else_by_any_way"),
    ("loopback_foreign", "tests/module/destinations.rs", "ports_of_other_jails_are_parted_from_a_jail_without_loopback_foreign"),
    ("setuid_exec", "tests/module/programs.rs", "a_setuid_program_runs_for_who_may_gain_by_it_and_an_ordinary_one_for_everybody"),
    ("io_uring", "tests/module/narrow.rs", "a_ring_is_refused_as_a_whole_where_the_profile_says_so"),
];
/// Tries each probe of `jailsh profile probes`, which names the rights itself.
const PROBES: &str = "each_probe_of_the_catalogue_gives_the_policys_answer";

fn listed<'a>(list: &[(&'a str, &'a str, &'a str)], name: &str) -> Option<(&'a str, &'a str)> {
    list.iter().find(|(row, ..)| *row == name).map(|(_, first, second)| (*first, *second))
}

/// How it ends in a plain chroot: what is no "ok" reached the kernel, which had no such device, format or protocol.
fn in_chroot(row: &Row) -> &'static str {
    if row.in_chroot.iter().any(|one| one == "ok") { "through" } else { "reaches the kernel" }
}

fn in_bwrap(row: &Row) -> &'static str {
    if bwrap::THROUGH.contains(&row.name.as_str()) { "through" } else { "-" }
}

fn over_lsm(row: &Row) -> String {
    match open::reason(&row.name) {
        Some(reason) => format!("**open:** {reason}"),
        None if row.rights.is_empty() => row.in_jail.join(" or "),
        None => {
            let rights: Vec<&str> = row.rights.iter().map(|right| right.name()).collect();
            format!("{}: {}", row.in_jail.join(" or "), rights.join(" or "))
        }
    }
}

fn over_landlock(row: &Row) -> String {
    if let Some((_, reason)) = listed(landlock::OPEN, &row.name) {
        return format!("**open:** {reason}");
    }
    if let Some((errno, _)) = listed(landlock::STRICTER, &row.name).or(listed(landlock::OTHERWISE, &row.name)) {
        return errno.replace('|', " or ");
    }
    if let Some((result, reason)) = listed(landlock::OF_ITS_OWN, &row.name) {
        return format!("{result}: {reason}");
    }
    if row.expectation == Expectation::Open { "**open** as over lsm".into() } else { "EPERM or EACCES".into() }
}

fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for (class, title) in TITLES {
        let rows = rows.iter().filter(|row| row.class == class && row.expectation != Expectation::Works);
        write!(text, "\n## {title}\n\n| attack | chroot | bwrap | jail, lsm | jail, landlock |\n|---|---|---|---|---|\n")
            .unwrap();
        for row in rows {
            let cells = [&row.name, in_chroot(row), in_bwrap(row), &over_lsm(row), &over_landlock(row)];
            writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
        }
    }
    text
}

#[test]
fn the_table_of_attacks_is_what_the_program_and_the_lists_say() {
    let rows = table::rows(&Program::build());
    hold("attacks.md", &markdown(&rows));
}

/// docs/rights.md: each right with its defaults, its reason and what tries it.
fn catalogue(rows: &[Row]) -> String {
    let head = "\n| right | low | medium | high | what it is about | tried by |\n|---|---|---|---|---|---|\n";
    let fences = "\n## Walls between jails\n\nNo profile grants them.\n\n| wall | what it keeps | tried by |\n|---|---|---|\n";
    let mut missing: Vec<Right> = Vec::new();
    let (mut rights, mut walls) = (String::from(head), String::from(fences));
    for right in Right::all() {
        let denied = rows.iter().filter(|row| row.expectation == Expectation::Denied && row.rights.contains(&right)).count();
        let tried = match (denied, listed(&TRIED_ELSEWHERE, right.name()).or(listed(&HELD_BY_MEDIUM, right.name()))) {
            (0, None) => {
                missing.push(right);
                String::new()
            }
            (0, Some((file, test))) => format!("`{file}::{test}`"),
            (1, _) => "a row of [attacks.md](attacks.md)".into(),
            (count, _) => format!("{count} rows of [attacks.md](attacks.md)"),
        };
        if right.is_fence() {
            writeln!(walls, "| {right} | {} | {tried} |", right.reason()).unwrap();
            continue;
        }
        let held = |level: Level| if level.rights().holds(right) { "yes" } else { "-" };
        let grave = if right.is_grave() { " (grave)" } else { "" };
        let levels = [Level::Low, Level::Medium, Level::High].map(held).join(" | ");
        writeln!(rights, "| {right}{grave} | {levels} | {} | {tried} |", right.reason()).unwrap();
    }
    assert_eq!(missing, [], "nothing tries these: add a row to tests/attacks, or name a test");
    format!("{rights}{walls}")
}

/// Holds a document's generated end to `generated`, or writes it anew.
fn hold(document: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (introduction, found) = text.split_once(MARK).expect("the line above the table");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, format!("{introduction}{MARK}{generated}")).unwrap();
        return;
    }
    assert!(found == generated, "docs/{document} is out of date; run `{UPDATE}=1 cargo test --test attack_table`");
}

#[test]
fn the_catalogue_of_rights_is_what_the_policy_and_the_attacks_say() {
    hold("rights.md", &catalogue(&table::rows(&Program::build())));
    for (right, file, test) in HELD_BY_MEDIUM {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let names_it = test == PROBES || text.contains(right);
        assert!(text.contains(&format!("fn {test}(")) && names_it, "{file} tries {right} in {test}");
        assert!(right.parse::<Right>().is_ok_and(|right| Level::Medium.rights().holds(right)), "medium lacks {right}");
    }
}

#[test]
fn every_row_that_is_open_has_its_reason_and_no_list_names_a_row_that_is_not_there() {
    let rows = table::rows(&Program::build());
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "a name that two rows bear");
    let classes: BTreeSet<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    assert_eq!(classes, TITLES.iter().map(|(class, _)| *class).collect());

    let open: BTreeSet<&str> =
        rows.iter().filter(|row| row.expectation == Expectation::Open).map(|row| row.name.as_str()).collect();
    assert_eq!(open, open::OPEN.iter().map(|(name, ..)| *name).collect());

    let lists = [landlock::OF_ITS_OWN, landlock::OPEN, landlock::OTHERWISE, landlock::STRICTER, landlock::TO_SIBLINGS].concat();
    let named = lists.iter().map(|(name, ..)| *name).chain(bwrap::THROUGH.iter().copied());
    let unknown: Vec<&str> = named.filter(|name| !names.contains(name)).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn every_fence_and_every_right_that_medium_lacks_is_denied_by_a_row_of_its_own_or_by_a_test() {
    let rows = table::rows(&Program::build());
    // A row that two rights may deny says of neither that it does.
    let alone = |right: Right| rows.iter().any(|row| row.expectation == Expectation::Denied && row.rights == [right]);
    let elsewhere = |right: Right| TRIED_ELSEWHERE.iter().any(|(name, ..)| *name == right.name());
    let medium = Level::Medium.rights();
    let untried: Vec<Right> =
        Right::all().filter(|right| !medium.holds(*right) && !alone(*right) && !elsewhere(*right)).collect();
    assert_eq!(untried, []);
    for (right, file, test) in TRIED_ELSEWHERE {
        let right: Right = right.parse().unwrap_or_else(|()| panic!("no right {right}"));
        assert!(!alone(right), "{right} has a row: take it off the list");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert!(
            text.contains(&format!("fn {test}(")) && text.contains(&format!("\"{right}\"")),
            "{file} tries {right} in {test}"
        );
    }
}
