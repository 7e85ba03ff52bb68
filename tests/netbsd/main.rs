//! The NetBSD module without a NetBSD: its decisions and its life over a double of the kernel that is as strict as a
//! DIAGNOSTIC one, its compilation with NetBSD's headers, and its table of decisions; and the program for NetBSD.

mod body;
mod program;
mod reference;
mod workshop;

// Parts of the program for NetBSD that touch none of its kernel, as they are.
#[allow(dead_code)]
#[path = "../../src/jail/netbsd/args.rs"]
mod args;
#[allow(dead_code)]
#[path = "../../src/supervise/backoff.rs"]
mod backoff;
#[path = "../../src/supervise/netbsd/course.rs"]
mod course;
#[allow(dead_code)]
#[path = "../../src/jail/netbsd/plan.rs"]
mod plan;
#[allow(dead_code)]
#[path = "../../src/jail/netbsd/walk.rs"]
mod walk;

use std::fs;
use std::process::Command;

use workshop::{NETBSD_7_99, NETBSD_10, Workshop, project, said, sources, text, zig};

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

/// One mistake in a source, and what a check then has to say.
struct Mistake {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    driver: &'static str,
    says: &'static str,
}

const MISTAKES: [Mistake; 19] = [
    Mistake {
        name: "trusting a name",
        file: "netbsd/registry.c",
        from: "!is_name(call->name)",
        to: "(false && !is_name(call->name))",
        driver: "fuzz",
        says: "the name's letters",
    },
    Mistake {
        name: "reserving port 0",
        file: "netbsd/ports.c",
        from: "		if (ports[i] == 0)\n			return EINVAL;\n",
        to: "",
        driver: "fuzz",
        says: "what is listed is whole: a port",
    },
    Mistake {
        name: "letting a mask open a fence",
        file: "policy/policy.h",
        from: "(mask & ~jp_fences()) >> right",
        to: "mask >> right",
        driver: "fuzz",
        says: "fences and what is no right are never let through",
    },
    Mistake {
        name: "deferring in the cred scope",
        file: "netbsd/credential.c",
        from: "return KAUTH_RESULT_ALLOW;",
        to: "return KAUTH_RESULT_DEFER;",
        driver: "calls",
        says: "a listener of the cred scope answered 2",
    },
    Mistake {
        name: "trusting the address for its family",
        file: "netbsd/network.c",
        from: "so->so_proto->pr_domain->dom_family, address->sa_family",
        to: "address->sa_family, address->sa_family",
        driver: "history",
        says: "the ephemeral port",
    },
    Mistake {
        name: "taking an ephemeral candidate for one in network order",
        file: "policy/kauth.h",
        from: "	return as_host;",
        to: "	return (jp_u32)first << 8 | second;",
        driver: "history",
        says: "the ephemeral port",
    },
    Mistake {
        name: "telling emptiness by the credentials",
        file: "netbsd/registry.c",
        from: "jail->processes != 0 || carried",
        to: "jail->identity->references != 1",
        driver: "calls",
        says: "credentials that are left over keep no jail, and no module: destroy: 16 instead of 0",
    },
    Mistake {
        name: "a structure of another size",
        file: "netbsd/abi.h",
        from: "	char profile[JAIL_PROFILE_SIZE];\n	uint64_t unused[4];\n",
        to: "	char profile[JAIL_PROFILE_SIZE];\n	uint64_t unused[3];\n",
        driver: "",
        says: "struct jail_info changed its size",
    },
    Mistake {
        name: "making no room for the key while it may sleep",
        file: "netbsd/credential.c",
        from: "kauth_cred_setdata(cred, credential_key, NULL);",
        to: "",
        driver: "calls",
        says: "may sleep, but a lock of rank 2 is held",
    },
    Mistake {
        name: "allocating a credential under p_lock",
        file: "netbsd/members.c",
        from: "	cred = kauth_cred_alloc();\n	proc_crmod_enter();",
        to: "	proc_crmod_enter();\n	cred = kauth_cred_alloc();",
        driver: "calls",
        says: "kauth_cred_alloc may sleep",
    },
    Mistake {
        name: "registering without an eval entry",
        file: "netbsd/secmodel_jail.c",
        from: "NULL, on_eval, NULL)",
        to: "NULL, TAILQ_EMPTY(&jails) ? NULL : on_eval, NULL)",
        driver: "calls",
        says: "has no eval entry",
    },
    Mistake {
        name: "going while jails exist",
        file: "netbsd/registry.c",
        from: "	empty = jail_count == 0;",
        to: "	empty = true;",
        driver: "calls",
        says: "unload while the jail is there",
    },
    Mistake {
        name: "taking locks in another order",
        file: "netbsd/registry.c",
        from: "	*carried = jail_is_carried(identity);",
        to: "	mutex_enter(&jail_lock);\n	*carried = jail_is_carried(identity);\n	mutex_exit(&jail_lock);",
        driver: "calls",
        says: "lock order",
    },
    Mistake {
        name: "sharing an identity without counting",
        file: "netbsd/credential.c",
        from: "		atomic_inc_uint(&who->identity->references);",
        to: "		(void)who;",
        driver: "calls",
        says: "heap-use-after-free",
    },
    Mistake {
        name: "looking at the memory of a process in exec",
        file: "netbsd/telemetry.c",
        from: "	if (rw_tryenter(&p->p_reflock, RW_READER)) {",
        to: "	if (rw_tryenter(&p->p_reflock, RW_READER) || true) {",
        driver: "calls",
        says: "Sanitizer",
    },
    Mistake {
        name: "looking at the memory of a process that is being forked",
        file: "netbsd/telemetry.c",
        from: "return state == SACTIVE || state == SSTOP;",
        to: "return state != 0;",
        driver: "history",
        says: "Sanitizer",
    },
    Mistake {
        name: "taking a marker for a process",
        file: "netbsd/members.c",
        from: "		if ((p->p_flag & PK_MARKER) != 0)\n			continue;\n",
        to: "",
        driver: "calls",
        says: "null pointer",
    },
    Mistake {
        name: "looking at a credential that its process may change",
        file: "netbsd/members.c",
        from: "		mutex_enter(p->p_lock);\n		who = jail_credential_of(p->p_cred);",
        to: "		who = jail_credential_of(p->p_cred);\n		mutex_enter(p->p_lock);",
        driver: "storm",
        says: "ThreadSanitizer",
    },
    Mistake {
        name: "destroying in two steps",
        file: "netbsd/registry.c",
        from: "	if (error == 0) {\n		take_out(jail);\n		strlcpy(",
        to: "	mutex_exit(&jail_lock);\n	kpause(NULL, false, 0, NULL);\n	mutex_enter(&jail_lock);\n	if (error == 0) {\n		take_out(jail);\n		strlcpy(",
        driver: "storm",
        says: "",
    },
];

/// What holds for a sound module has to fail, and to say so; what the last failure said.
fn failure_of(workshop: &Workshop, mistake: &Mistake) -> Option<String> {
    let length = if mistake.driver == "fuzz" { FUZZ_RUNS } else { "3000" };
    let mut runs: Vec<Vec<String>> = (1..=20).map(|seed: u32| vec![seed.to_string(), length.into()]).collect();
    if mistake.driver == "calls" {
        runs = vec![vec![]];
    }
    let mut last = None;
    for run in runs {
        let (content, said) = workshop.run(mistake.driver, &run.iter().map(String::as_str).collect::<Vec<_>>());
        if !content {
            let found = said.contains(mistake.says);
            last = Some(said);
            if found {
                break;
            }
        }
    }
    last
}

#[test]
fn each_check_fails_when_what_it_guards_is_broken() {
    let workshop = |name: &str, driver: &str| match driver {
        "fuzz" => Workshop::new(name, NETBSD_10).with_coverage(),
        "storm" => Workshop::new(name, NETBSD_10).with_sanitizer("thread"),
        _ => Workshop::new(name, NETBSD_10),
    };
    let kinds = ["", "fuzz", "storm"];
    let sound = kinds.map(|driver| {
        let sound = workshop("sound", driver);
        sound.build(None).unwrap_or_else(|said| panic!("{said}"));
        sound
    });
    for mistake in &MISTAKES {
        let sound = &sound[kinds.iter().position(|driver| *driver == mistake.driver).unwrap_or(0)];
        let workshop = workshop("mistake", mistake.driver);
        workshop.change(mistake.file, mistake.from, mistake.to);
        let said = match workshop.build(Some((sound, mistake.file))) {
            Err(said) => mistake.driver.is_empty().then_some(said),
            Ok(()) => failure_of(&workshop, mistake),
        };
        let said = said.unwrap_or_else(|| panic!("{}: nothing found it", mistake.name));
        assert!(said.contains(mistake.says), "{}: {said}", mistake.name);
    }
}

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
