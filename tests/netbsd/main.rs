//! The NetBSD module without a NetBSD: its decisions and its life over a double of the kernel that is as strict as a
//! DIAGNOSTIC one, its compilation with NetBSD's headers, and its table of decisions; and the program for NetBSD.

mod body;
mod life;
mod mistakes;
mod mounts;
mod program;
mod reference;
mod workshop;

// Parts of the program for NetBSD that touch none of its kernel, as they are; it uses more of them.
#[allow(dead_code)]
#[path = "../../src/jail/root/netbsd/args.rs"]
mod args;
#[allow(dead_code)]
#[path = "../../src/jail/root/netbsd/plan.rs"]
mod plan;
#[allow(dead_code)]
#[path = "../../src/jail/root/netbsd/seed.rs"]
mod seed;

use std::fs;
use std::process::Command;

use workshop::{NETBSD_7_99, NETBSD_9_99_50, NETBSD_10, Workshop, project, said, sources, text, zig};

#[test]
fn a_kernel_between_two_versions_has_the_actions_of_its_own() {
    let workshop = Workshop::new("between", NETBSD_9_99_50).linking("verdicts");
    workshop.build(None).unwrap_or_else(|said| panic!("{said}"));
    let (content, said) = workshop.run("verdicts", &[]);
    assert!(content, "{said}");
}

#[test]
fn the_contracts_of_the_kernel_are_kept() {
    for version in [NETBSD_10, NETBSD_7_99] {
        let workshop = Workshop::new("contracts", version);
        workshop.build(None).unwrap_or_else(|said| panic!("{said}"));
        for driver in ["calls", "verdicts"] {
            let (content, said) = workshop.run(driver, &[]);
            assert!(content, "version {version}: {said}");
        }
        for seed in 1..=60 {
            let (content, said) = workshop.run("history", &[&seed.to_string(), "3000"]);
            assert!(content, "version {version}, history {seed} 3000: {said}");
        }
    }
}

/// `fuzz SEED RUNS` repeats what it says.
#[test]
fn no_bytes_written_to_the_nodes_or_asked_of_the_policy_break_what_must_hold() {
    let workshop = Workshop::new("fuzz", NETBSD_10).with_coverage();
    workshop.build(None).unwrap_or_else(|said| panic!("{said}"));
    for seed in 1..=FUZZ_SEEDS {
        let (content, said) = workshop.run("fuzz", &[&seed.to_string(), FUZZ_RUNS]);
        assert!(content, "fuzz {seed} {FUZZ_RUNS}: {said}");
        let places = said.rsplit(", ").next().and_then(|last| last.split(' ').next()?.parse::<u32>().ok());
        assert!(places.is_some_and(|places| places >= LEAST_PLACES), "it went nowhere: {said}");
    }
}

#[test]
fn threads_find_no_race_and_no_jail_goes_while_it_has_members() {
    let workshop = Workshop::new("storm", NETBSD_10).with_sanitizer("thread");
    workshop.build(None).unwrap_or_else(|said| panic!("{said}"));
    for seed in 1..=6 {
        let (content, said) = workshop.run("storm", &[&seed.to_string(), "1500"]);
        assert!(content, "storm {seed} 1500: {said}");
    }
}

const FUZZ_SEEDS: u32 = 3;
const FUZZ_RUNS: &str = "20000";
/// Of the module, the policy and the double, a run reaches more than this many places.
const LEAST_PLACES: u32 = 800;

/// What the module needs of the kernel, one name a line.
const SYMBOLS: &str = "tests/netbsd/symbols";

const MACHINES: [(&str, &[&str]); 4] = [
    ("x86_64-netbsd.10.1", &["-mcmodel=kernel", "-mno-red-zone", "-mno-sse", "-mno-mmx"]),
    ("x86_64-netbsd.11.0", &["-mcmodel=kernel", "-mno-red-zone", "-mno-sse", "-mno-mmx"]),
    ("x86-netbsd.10.1", &["-mno-sse", "-mno-mmx"]),
    ("aarch64-netbsd.10.1", &["-mgeneral-regs-only"]),
];

/// A compile check, with layouts of structures that may differ from a kernel's own sources.
#[test]
fn the_module_compiles_for_netbsds_machines_and_needs_what_the_list_says() {
    let list = fs::read_to_string(project().join(SYMBOLS)).unwrap();
    let workshop = Workshop::new("compile", NETBSD_10);
    std::thread::scope(|scope| {
        let (first, second) = MACHINES.split_at(2);
        for machines in [first, second] {
            let (workshop, list) = (&workshop, &list);
            scope.spawn(move || {
                for (machine, flags) in machines {
                    compile_for(workshop, machine, flags, list);
                }
            });
        }
    });
}

/// One of the tools that zig is, with a cache of ours.
fn zig_tool(name: &str) -> Command {
    let mut command = Command::new(zig());
    let cache = project().join(".cache/zig/cache");
    command.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache).arg(name);
    command
}

fn compile_for(workshop: &Workshop, machine: &str, flags: &[&str], list: &str) {
    let objects = workshop.path(machine);
    fs::create_dir_all(&objects).unwrap();
    let module = project().join("kmod/netbsd");
    let mut made = Vec::new();
    for source in sources(&module, &["c"]) {
        let object = objects.join(source.file_stem().unwrap()).with_extension("o");
        said(
            zig_tool("cc")
                .args(["-target", machine, "-O2", "-std=gnu99", "-Wall", "-Werror"])
                .args(["-D_KERNEL", "-D_MODULE", "-DSYSCTL_INCLUDE_DESCR", "-DINTRIDBUF=64", "-DINTRDEVNAMEBUF=64"])
                .args(["-ffreestanding", "-fno-strict-aliasing", "-fno-common", "-fno-pic", "-fno-stack-protector"])
                .args(["-fno-sanitize=all", "-fno-asynchronous-unwind-tables", "-include", "sys/systm.h"])
                .args(flags)
                .arg("-idirafter")
                .arg(project().join("tests/netbsd/stubs"))
                .arg("-c")
                .arg(&source)
                .arg("-o")
                .arg(&object),
        )
        .unwrap_or_else(|said| panic!("{machine}: {said}"));
        made.push(object);
    }
    let whole = objects.join("secmodel_jail.kmo");
    said(zig_tool("ld.lld").arg("-r").arg("-o").arg(&whole).args(&made)).unwrap_or_else(|said| panic!("{machine}: {said}"));
    let sections = text(&Command::new("readelf").args(["-S", "-W"]).arg(&whole).output().unwrap());
    assert!(sections.contains(" link_set_modules "), "{machine}: the kernel finds no module in it: {sections}");
    let undefined = text(&Command::new("nm").arg("-u").arg(&whole).output().unwrap());
    let needed: Vec<&str> = undefined.lines().filter_map(|line| line.trim().strip_prefix("U ")).collect();
    let known = |name: &&str| list.lines().any(|line| line == *name || line == format!("{name} {}", machine_of(machine)));
    let unknown: Vec<&str> = needed.iter().copied().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "{machine}: {SYMBOLS} does not have {unknown:?}");
    let stale: Vec<&str> = list
        .lines()
        .filter(|line| match line.split_once(' ') {
            Some((name, only)) => only == machine_of(machine) && !needed.contains(&name),
            None => !needed.contains(line),
        })
        .collect();
    assert!(stale.is_empty(), "{machine}: {SYMBOLS} has {stale:?}, which the module does not need");
}

fn machine_of(target: &str) -> &str {
    target.split('-').next().unwrap()
}

/// The table is what follows this line.
const MARK: &str = "<!-- generated: UPDATE_DOCS=1 cargo test --test netbsd -->\n";

#[test]
fn the_table_of_decisions_is_the_references_except_where_the_document_says_why() {
    let workshop = Workshop::new("table", NETBSD_10);
    let program = workshop.path("print-table");
    said(
        Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "tests/netbsd/table.c", "-o"])
            .arg(&program)
            .current_dir(project()),
    )
    .unwrap_or_else(|said| panic!("{said}"));
    let printed = text(&Command::new(program).output().unwrap());
    let rows: Vec<reference::Row> = printed.lines().map(reference::Row::parse).collect();
    for row in &rows {
        let differs = row.may != reference::reference(row);
        assert!(!differs || reference::reason(row).is_some(), "{} {} differs without a reason", row.scope, row.action);
    }
    let path = project().join("docs/netbsd.md");
    let document = fs::read_to_string(&path).unwrap();
    let (introduction, table) = document.split_once(MARK).expect("the line above the table");
    let generated = reference::markdown(&rows);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{introduction}{MARK}{generated}")).unwrap();
        return;
    }
    assert!(table == generated, "docs/netbsd.md is out of date; run `UPDATE_DOCS=1 cargo test --test netbsd`");
}
