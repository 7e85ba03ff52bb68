//! body: what the standard profiles promise is tried for real, in jails that are thrown away, and what a running jail refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jailsh::kernel::{BodyChoice, Level, Policy, Right};

/// The body and a data directory; `None` after saying why the test is skipped.
fn stage() -> Option<(String, tempfile::TempDir)> {
    let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
    if body.is_none() {
        eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
    }
    Some((body?, tempfile::tempdir().expect("a scratch directory")))
}

fn run(stage: &(String, tempfile::TempDir), tool: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
    command.arg0(tool).args(["--kernel", &stage.0, "--data-dir"]).arg(stage.1.path()).args(arguments);
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn jails(stage: &(String, tempfile::TempDir)) -> String {
    text(&run(stage, "jailmgr", &["list", "-o", "name"]).stdout)
}

#[test]
fn every_standard_profile_keeps_its_word_in_a_real_jail() {
    let Some(stage) = stage() else { return };
    let output = run(&stage, "jailsh", &["profile", "check", "--real"]);
    let said = text(&output.stdout);
    let failed: Vec<&str> = said.lines().filter(|line| !line.contains(" ok ")).collect();
    assert!(output.status.success(), "{}\n{}", failed.join("\n"), text(&output.stderr));
    assert!(said.lines().count() > 300, "{said}");
    assert_eq!(jails(&stage), "");
}

/// The catalogue's probes that take no argument.
fn feats(stage: &(String, tempfile::TempDir)) -> Vec<String> {
    let listed = text(&run(stage, "jailsh", &["profile", "probes", "-o", "name"]).stdout);
    let takes_one = |name: &&str| name.ends_with("PORT") || name.contains("/udp") || name.ends_with("PATH");
    let names: Vec<String> = listed.lines().filter(|name| !takes_one(name)).map(str::to_owned).collect();
    assert!(names.len() > 30, "{listed}");
    names
}

/// What the policy says of each probe under a profile, and what a jail's kernel does; those that differ, as lines.
fn told_and_tried(stage: &(String, tempfile::TempDir), base: &str, grant: &[&str], names: &[String]) -> Vec<String> {
    let script = format!(
        "let names = {names:?}; let promise = #{{ base: {base:?}, grant: {grant:?}, must_deny: names }};
         let told = profile(promise).check().findings; let tried = profile(promise).check(#{{ real: true }}).findings;
         for at in 0..names.len() {{ print(`${{names[at]}}: ${{told[at].got}}, tried ${{tried[at].got}} ${{tried[at].detail ?? \"\"}}`) }}"
    );
    let output = run(stage, "jailsh", &["-e", &script]);
    assert!(output.status.success(), "{base} with {grant:?}: {}", text(&output.stderr));
    let said: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(said.len(), names.len(), "{said:?}");
    // The body describes that it answers rings so, whoever holds the right, unless every other right they could use is held too.
    let is_ring = |line: &str| stage.0 == "landlock" && line.starts_with("io_uring: allowed, tried denied ENOSYS");
    said.into_iter()
        .filter(|line| !is_ring(line))
        .filter(|line| line.contains(": denied, tried allowed") || line.contains(": allowed, tried denied"))
        .collect()
}

/// Every probe, in the strictest profile and in the laxest: what only one of them allows is told apart by the kernel itself.
#[test]
fn each_probe_of_the_catalogue_gives_the_policys_answer() {
    let Some(stage) = stage() else { return };
    let names = feats(&stage);
    for level in ["high", "low"] {
        let differs = told_and_tried(&stage, level, &[], &names);
        assert!(differs.is_empty(), "{level}: {differs:#?}");
    }
    assert_eq!(jails(&stage), "");
}

/// Those that this machine's own root gets through with.
fn unconfined(names: &[String]) -> BTreeSet<String> {
    let mut command = Command::new("setsid");
    command.args(["--wait", "bash", "-c", "exec -a jailsh-probe \"$@\"", "-", env!("CARGO_BIN_EXE_jailsh")]).args(names);
    let output = command.output().expect("setsid is installed");
    let answers = text(&output.stdout);
    assert_eq!(answers.lines().count(), names.len(), "{answers}{}", text(&output.stderr));
    names.iter().zip(answers.lines()).filter(|(_, answer)| *answer == "0").map(|(name, _)| name.clone()).collect()
}

/// For all profiles together; each takes a jail.
const TIME: Duration = Duration::from_secs(12);

/// The numbers of Steele, Lea and Flood's SplitMix64: one seed gives the same profiles again.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Over the module tests/module does so with more verdicts, and with more than one jail.
#[test]
fn under_random_profiles_the_landlock_body_gives_the_policys_answer() {
    let Some(stage) = stage() else { return };
    if stage.0 != "landlock" {
        eprintln!("skipped: over the module tests/module/agreement.rs does this");
        return;
    }
    let names = feats(&stage);
    // Those that this body cannot give a jail are refused where one is made.
    let kernel = jailsh::kernel::select(BodyChoice::Landlock).expect("the landlock body");
    let is_to_be_had = |right: &Right| {
        let rights = Level::High.rights().with(*right);
        !right.is_fence() && kernel.admits(&Policy::new(rights, Vec::new())).is_ok()
    };
    let rights: Vec<&str> = Right::all().chain(Right::parts()).filter(is_to_be_had).map(Right::name).collect();
    assert!(rights.len() > 25, "{rights:?}");
    let given = std::env::var("JAILSH_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    let unconfined = unconfined(&names);
    // With all rights a jail can do what the host can, but for rings, which are answered ENOSYS, and the body describes so.
    let withheld: Vec<String> = told_and_tried(&stage, "high", &rights, &names)
        .into_iter()
        .filter(|line| unconfined.contains(line.split(": ").next().unwrap_or_default()) && !line.starts_with("io_uring_poll: "))
        .collect();
    assert!(withheld.is_empty(), "{withheld:#?}");
    let (mut state, begun, mut done) = (seed, Instant::now(), 0);
    while begun.elapsed() < TIME || done < 3 {
        let mut granted: Vec<&str> = rights.iter().copied().filter(|_| next(&mut state).is_multiple_of(3)).collect();
        let of = |granted: &[&str], names: &[String]| -> Vec<String> {
            let differs = told_and_tried(&stage, "high", granted, names);
            // A kernel may ask for a second right besides (userfaultfd(2) for that of ptrace): above, all were held.
            differs.into_iter().filter(|line| line.contains(": denied, tried allowed")).collect()
        };
        if let Some(line) = of(&granted, &names).first().cloned() {
            // The fewest rights with which this probe differs.
            let only = [line.split(": ").next().expect("a name").to_owned()];
            let mut at = 0;
            while at < granted.len() {
                let fewer = [&granted[..at], &granted[at + 1..]].concat();
                if of(&fewer, &only).is_empty() { at += 1 } else { granted = fewer }
            }
            panic!("with JAILSH_SEED={seed}, after {done} profiles: high with {granted:?}: {line}");
        }
        done += 1;
    }
    println!("{done} profiles of {} verdicts agree, JAILSH_SEED={seed}", names.len());
    assert_eq!(jails(&stage), "");
}

#[test]
fn a_trial_that_was_killed_is_swept_by_the_next() {
    let Some(stage) = stage() else { return };
    let name = format!("jailsh-proof-{}", i32::MAX);
    assert!(run(&stage, "jailmgr", &["create", &name]).status.success());
    let output = run(&stage, "jailsh", &["-e", "profile(#{ must_deny: [\"mount\"] }).check(#{ real: true }).ok"]);
    assert_eq!(text(&output.stdout), "true\n", "{}", text(&output.stderr));
    assert_eq!(jails(&stage), "");
}

/// Jails of one test, stopped and destroyed however that ends.
struct Jails<'a> {
    stage: &'a (String, tempfile::TempDir),
    names: &'a [&'a str],
}

impl Drop for Jails<'_> {
    fn drop(&mut self) {
        for verb in ["stop", "destroy"] {
            for name in self.names {
                run(self.stage, "jailmgr", &[verb, name]);
            }
        }
    }
}

fn must(stage: &(String, tempfile::TempDir), tool: &str, arguments: &[&str]) -> String {
    let output = run(stage, tool, arguments);
    assert!(output.status.success(), "{tool} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn probed(stage: &(String, tempfile::TempDir), name: &str) -> serde_json::Value {
    serde_json::from_str(&must(stage, "jailsh", &["probe", "--json", name])).expect("JSON")
}

/// What became of each attempt.
fn results(report: &serde_json::Value) -> BTreeMap<&str, &str> {
    let attempts = report["attempts"].as_array().expect("attempts");
    attempts.iter().map(|one| (one["attempt"].as_str().unwrap(), one["result"].as_str().unwrap())).collect()
}

fn status(stage: &(String, tempfile::TempDir), name: &str, key: &str) -> serde_json::Value {
    let rows: serde_json::Value = serde_json::from_str(&must(stage, "jailctl", &["status", "--json", name])).expect("JSON");
    rows[0][key].clone()
}

fn denials(stage: &(String, tempfile::TempDir), name: &str) -> serde_json::Value {
    serde_json::from_str(&must(stage, "jailsh", &["-e", &format!("denials({name:?}).to_json()")])).expect("JSON")
}

#[test]
fn a_running_jail_is_probed_and_nothing_is_left_behind() {
    let Some(stage) = stage() else { return };
    let names = ["probe-high", "probe-low"];
    let _jails = Jails { stage: &stage, names: &names };
    for (name, level, port) in [(names[0], "high", "18361"), (names[1], "low", "18362")] {
        must(&stage, "jailmgr", &["create", "-l", level, "-r", port, "-x", "/usr/bin/sleep 100000", name]);
        must(&stage, "jailmgr", &["start", name]);
    }
    let service = status(&stage, names[0], "service");
    let before = denials(&stage, names[0]);
    let report = probed(&stage, names[0]);
    let after = denials(&stage, names[0]);
    let told = results(&report);
    for walled in ["mount", "ping", "see host", "bind another jail's port", "trace a process of another jail"] {
        assert_eq!(told.get(walled), Some(&"held"), "{walled}: {report:#}");
    }
    assert_eq!(told["bind 1"], "granted");
    assert!(told.values().all(|result| ["held", "granted", "untried"].contains(result)), "{report:#}");
    assert!(told.values().filter(|result| **result == "held").count() > 40, "{report:#}");
    let lax = probed(&stage, names[1]);
    for granted in ["ping", "chroot", "ptrace", "packet_socket"] {
        assert_eq!(results(&lax)[granted], "granted", "what is tried does go through where it may: {lax:#}");
    }

    if stage.0 == "lsm" {
        let counts = |seen: &serde_json::Value| seen.as_object().unwrap().values().filter_map(|n| n.as_u64()).sum::<u64>();
        let own = counts(&report["denials"]);
        assert!(own > 30, "{report:#}");
        assert_eq!(counts(&after) - counts(&before), own, "the jail itself does nothing that is denied");
    } else {
        assert_eq!(report["denials"], serde_json::Value::Null);
    }
    assert_eq!(status(&stage, names[0], "service"), service, "the service is the same process");
    let tmp = stage.1.path().join("jails").join(names[0]).join("data/tmp");
    assert_eq!(fs::read_dir(tmp).unwrap().count(), 0);
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    assert!(!sockets.contains("@jailsh-probe-"), "{sockets}");
    must(&stage, "jailmgr", &["stop", names[0]]);
    let down = run(&stage, "jailsh", &["probe", names[0]]);
    assert_eq!((down.status.code(), text(&down.stderr).contains("is not running")), (Some(1), true));
}

/// A base with one static program: the probe brings what it runs by.
#[test]
fn a_jail_without_our_libraries_is_probed_as_well() {
    let Some(stage) = stage() else { return };
    let names = ["probe-box"];
    let _jails = Jails { stage: &stage, names: &names };
    let tree = stage.1.path().join("tree");
    for name in ["bin", "etc"] {
        fs::create_dir_all(tree.join(name)).unwrap();
    }
    fs::copy("/usr/bin/busybox", tree.join("bin/busybox")).unwrap();
    symlink("busybox", tree.join("bin/sleep")).unwrap();
    must(&stage, "jailmgr", &["base", "import", "--name", "box", "--version", "1", &format!("dir:{}", tree.display())]);
    must(&stage, "jailmgr", &["create", "-b", "box", "-x", "/bin/sleep 100000", names[0]]);
    must(&stage, "jailmgr", &["start", names[0]]);
    let report = probed(&stage, names[0]);
    assert!(results(&report).values().filter(|result| **result == "held").count() > 40, "{report:#}");
}
