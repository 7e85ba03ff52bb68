//! Each check fails when the contract it guards is broken on purpose: one mistake at a time in a copy of the sources.

use crate::FUZZ_RUNS;
use crate::workshop::{NETBSD_10, Workshop};

/// One mistake in a source, and what a check then has to say.
struct Mistake {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    driver: &'static str,
    says: &'static str,
}

const MISTAKES: [Mistake; 38] = [
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
        from: "	if ((p->p_flag & PK_MARKER) != 0)\n		return false;\n",
        to: "",
        driver: "calls",
        says: "null pointer",
    },
    Mistake {
        name: "looking at a credential that its process may change",
        file: "netbsd/members.c",
        from: "	mutex_enter(p->p_lock);\n	who = jail_credential_of(p->p_cred);",
        to: "	who = jail_credential_of(p->p_cred);\n	mutex_enter(p->p_lock);",
        driver: "storm",
        says: "ThreadSanitizer",
    },
    Mistake {
        name: "granting in another scope",
        file: "netbsd/system.c",
        from: "		return KAUTH_RESULT_DEFER;",
        to: "		return KAUTH_RESULT_ALLOW;",
        driver: "calls",
        says: "grants action",
    },
    Mistake {
        name: "going by itself",
        file: "netbsd/secmodel_jail.c",
        from: "	case MODULE_CMD_AUTOUNLOAD:\n		return EPERM;",
        to: "	case MODULE_CMD_AUTOUNLOAD:\n		return 0;",
        driver: "history",
        says: "auto-unload",
    },
    Mistake {
        name: "telling the log of each denial",
        file: "netbsd/judge.c",
        from: "		atomic_inc_uint(&identity->denied[right]);",
        to: "		atomic_inc_uint(&identity->denied[right]), log(5, \"denied\");",
        driver: "calls",
        says: "lines of",
    },
    Mistake {
        name: "telling the log of all jails",
        file: "netbsd/log.c",
        from: "		if (lines < LINES) {",
        to: "		if (lines < 1000) {",
        driver: "calls",
        says: "lines of 20 jails' denials",
    },
    Mistake {
        name: "allowing memory among the devices",
        file: "policy/kauth.h",
        from: "return minor == MEM_NULL || ",
        to: "return minor == MEM_NULL || minor == 0 || ",
        driver: "verdicts",
        says: "devices are allowed by driver and number",
    },
    Mistake {
        name: "reading memory through procfs",
        file: "netbsd/process.c",
        from: " || node->pfs_type == PFSmem",
        to: "",
        driver: "verdicts",
        says: "memory and registers",
    },
    Mistake {
        name: "writing through procfs",
        file: "netbsd/process.c",
        from: " || request != KAUTH_REQ_PROCESS_PROCFS_READ",
        to: "",
        driver: "verdicts",
        says: "memory and registers",
    },
    Mistake {
        name: "counting what execve(2) asks in vain",
        file: "netbsd/process.c",
        from: "request == KAUTH_REQ_PROCESS_RLIMIT_BYPASS && which",
        to: "request == 0 && which",
        driver: "verdicts",
        says: "asks in vain",
    },
    Mistake {
        name: "making permanent what is made after boot",
        file: "netbsd/control.c",
        from: "&parent, 0, CTLTYPE_NODE, \"models\"",
        to: "&parent, CTLFLAG_PERMANENT, CTLTYPE_NODE, \"models\"",
        driver: "calls",
        says: "load: 1 instead of 0",
    },
    Mistake {
        name: "taking a jail with a zombie for empty",
        file: "netbsd/registry.c",
        from: "jail->processes != 0 || carried",
        to: "(jail->processes != 0 || false)",
        driver: "calls",
        says: "destroy beside a zombie",
    },
    Mistake {
        name: "going while a thread sleeps in a listener",
        file: "netbsd/secmodel_jail.c",
        from: "	while (jail_credential_is_looked_at())",
        to: "	while (false)",
        driver: "storm",
        says: "its key is gone",
    },
    Mistake {
        name: "leaving a callout that a late tick has scheduled",
        file: "netbsd/telemetry.c",
        from: "	callout_halt(&every_second, NULL);\n	/*",
        to: "	/*",
        driver: "storm",
        says: "callout destroyed while scheduled",
    },
    Mistake {
        name: "taking what is reserved",
        file: "netbsd/registry.c",
        from: "call->unused1 != 0 || ",
        to: "",
        driver: "calls",
        says: "what is unused",
    },
    Mistake {
        name: "entering with another root",
        file: "netbsd/members.c",
        from: "return p->p_cwdi->cwdi_rdir == jail->root_vnode;",
        to: "return p != NULL && jail != NULL;",
        driver: "calls",
        says: "with the host's root",
    },
    Mistake {
        name: "entering with a root that was changed meanwhile",
        file: "netbsd/members.c",
        from: "	else if (!has_root_of(p, jail))\n		error = EPERM; /*",
        to: "	/*",
        driver: "calls",
        says: "changed meanwhile",
    },
    Mistake {
        name: "taking another's credential for one that stays",
        file: "netbsd/process.c",
        from: "bool held = mutex_owned(target->p_lock);",
        to: "bool held = true;",
        driver: "storm",
        says: "ThreadSanitizer",
    },
    Mistake {
        name: "looking into a credential while a thread is locked",
        file: "netbsd/process.c",
        from: "action == KAUTH_PROCESS_SCHEDULER_SETPARAM;",
        to: "false;",
        driver: "verdicts",
        says: "lock order",
    },
    Mistake {
        name: "looking into a credential while a driver has tty_lock",
        file: "netbsd/device.c",
        from: "question == JP_KAUTH_DEVICE_TTY_OPEN",
        to: "question == JP_KAUTH_COUNT && cred == NULL",
        driver: "verdicts",
        says: "lock order",
    },
    Mistake {
        name: "signalling all processes",
        file: "netbsd/members.c",
        from: "		if (!carries(p, identity) || (",
        to: "		if ((!carries(p, identity) && p->p_pid < 0) || (",
        driver: "calls",
        says: "of how many processes",
    },
    Mistake {
        name: "destroying in two steps",
        file: "netbsd/registry.c",
        from: "	if (error == 0) {\n		take_out(jail);\n		denied",
        to: "	mutex_exit(&jail_lock);\n	kpause(NULL, false, 0, NULL);\n	mutex_enter(&jail_lock);\n	if (error == 0) {\n		take_out(jail);\n		denied",
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
        let workshop = workshop("mistake", mistake.driver).linking(mistake.driver);
        workshop.change(mistake.file, mistake.from, mistake.to);
        let said = match workshop.build(Some((sound, mistake.file))) {
            Err(said) => mistake.driver.is_empty().then_some(said),
            Ok(()) => failure_of(&workshop, mistake),
        };
        let said = said.unwrap_or_else(|| panic!("{}: nothing found it", mistake.name));
        assert!(said.contains(mistake.says), "{}: {said}", mistake.name);
    }
}
