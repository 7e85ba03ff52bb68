//! Runs that nobody watches: one at a time, quiet, logged.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::Place;

/// One jail that goes well, and one that does not.
const TWO: &str = r#"
for name in ["a", "b"] {
    let it = jail(name, #{ command: ["/bin/true"] });
    it.create();
    it.file("/etc/motd", `I am ${name}\n`, #{ owner: if name == "a" { args[0] } else { "root" } });
    it.file("/etc/last", "x");
    print(`${name} was seen to`);
}
"#;

/// A run that holds the lock "site" until it is killed.
struct Holder(Child);

impl Holder {
    fn start(place: &Place) -> Holder {
        let mut command = place.run("jailsh", &["run", "--lock", "site", "hold.rhai"]).command();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("jailsh starts");
        let mut holder = Holder(child);
        let mut said = std::io::BufReader::new(holder.0.stdout.take().expect("piped"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).expect("it speaks");
        assert_eq!(line, "held\n");
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_lock_lets_one_run_go_on_at_a_time_and_goes_with_its_holder() {
    let place = Place::new().file("hold.rhai", "print(\"held\"); sleep(60);").file("short.rhai", "print(\"my turn\");");
    let holder = Holder::start(&place);
    let pid = holder.0.id().to_string();
    let mut text = String::new();
    for arguments in [
        &["run", "--lock", "site", "short.rhai"][..],
        &["run", "--lock", "site", "--lock-wait", "100ms", "short.rhai"],
        &["run", "--lock", "site", "--skip-if-locked", "short.rhai"],
        &["--lock", "site", "short.rhai"],
        &["run", "--lock", "other", "short.rhai"],
        &["run", "--lock", "../site", "short.rhai"],
        &["run", "--skip-if-locked", "short.rhai"],
    ] {
        text += &place.run("jailsh", arguments).go().to_string().replace(&pid, "[pid]");
    }
    insta::assert_snapshot!(text);
    let mut waiting = place.run("jailsh", &["run", "--lock", "site", "--lock-wait", "1m", "short.rhai"]).command();
    let waiting = waiting.stdout(Stdio::piped()).spawn().unwrap();
    drop(holder);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"my turn\nrun: nothing to do\n"[..]));
}

#[test]
fn a_quiet_run_says_nothing_until_it_fails_and_then_what_matters() {
    let place = Place::new().file("two.rhai", TWO).file("broken.rhai", "print(\"so far\"); jail(\"a\", #{ profil: 1 });");
    let good = place.run("jailsh", &["run", "--quiet", "two.rhai", "root"]).go();
    assert_eq!((good.status, good.stdout.as_str(), good.stderr.as_str()), (Some(0), "", ""));
    let again = place.run("jailsh", &["run", "--quiet", "two.rhai", "root"]).go();
    assert_eq!((again.status, again.stdout.as_str(), again.stderr.as_str()), (Some(0), "", ""));
    let mut text = place.run("jailsh", &["run", "--quiet", "two.rhai", "nobody-there"]).go().to_string();
    text += &place.run("jailsh", &["run", "--quiet", "broken.rhai"]).go().to_string();
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let lines = text.lines().map(|line| match line.starts_with("It took ") {
        true => "It took [time] and was run [run].".to_owned(),
        false => line.replace(&format!(" failed on {host},"), " failed on [host],"),
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

#[test]
fn the_log_tells_each_action_of_each_run_and_survives_rotation() {
    let place = Place::new().file("two.rhai", TWO);
    let path = place.work().join("runs.log");
    let run = |who: &str| place.run("jailsh", &["run", "--log", "runs.log", "two.rhai", who]).go().status;
    assert_eq!(run("nobody-there"), Some(1));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let first = events(&fs::read_to_string(&path).unwrap());
    let told: Vec<String> = first
        .iter()
        .map(|event| {
            let mut event = event.clone();
            let map = event.as_object_mut().unwrap();
            assert!(map.remove("timestamp").is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z'))));
            assert_eq!(map.remove("run"), Some(first[0]["run"].clone()));
            assert!(map.remove("duration_ms").is_none_or(|took| took.is_u64()));
            map.remove("version");
            event.to_string()
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));

    // A file that others could read is closed to them; one that was rotated away is left alone.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run("root"), Some(0));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let both = events(&fs::read_to_string(&path).unwrap());
    assert!(both.len() > first.len() && both.last().unwrap()["exit"] == 0, "{both:?}");
    let rotating = "fn done() { } print(\"begun\"); let n = 0; while n < 400 && !planning() { sleep(0.05); n += 1; \
                    if n == 10 { break; } } jail(\"c\", #{ command: [\"/bin/true\"] }).create();";
    let place = place.file("rotating.rhai", rotating);
    let mut command = place.run("jailsh", &["run", "--log", "runs.log", "rotating.rhai"]).command();
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    while fs::read_to_string(&path).unwrap().lines().count() == both.len() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::rename(&path, place.work().join("runs.log.1")).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let after = events(&fs::read_to_string(&path).unwrap());
    assert_eq!(after.iter().map(|event| event["message"].as_str().unwrap()).collect::<Vec<_>>(), ["action", "run ends"]);
}

#[test]
fn a_log_that_is_not_roots_own_file_is_refused_before_anything_is_done() {
    let place = Place::new().file("two.rhai", TWO).file("target", "");
    symlink("target", place.work().join("link.log")).unwrap();
    let mut text = String::new();
    for log in ["link.log", "/dev/null", "missing/run.log"] {
        text += &place.run("jailsh", &["run", "--log", log, "two.rhai", "root"]).go().to_string();
    }
    insta::assert_snapshot!(text);
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn a_quiet_run_that_takes_too_long_is_ended_told_in_full_and_logged() {
    let slow = "jail(\"a\", #{}).create(); print(\"waiting\"); sleep(60); jail(\"b\", #{}).create();";
    let place = Place::new().file("slow.rhai", slow);
    let began = std::time::Instant::now();
    let outcome = place.run("jailsh", &["--deadline", "1s", "run", "--quiet", "--log", "runs.log", "slow.rhai"]).go();
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "it was not ended");
    assert!(outcome.status.is_some_and(|status| status != 0) && outcome.stdout.is_empty(), "{outcome}");
    for part in ["1 done, 0 failed, 0 skipped", "waiting", "slow.rhai:1:", "longer than 1 s"] {
        assert!(outcome.stderr.contains(part), "{part} in {outcome}");
    }
    let events = events(&fs::read_to_string(place.work().join("runs.log")).unwrap());
    let last = events.last().unwrap();
    assert_eq!((last["message"].as_str(), &last["done"]), (Some("run ends"), &Value::from(1)), "{last}");
    assert_eq!(last["exit"].as_i64(), outcome.status.map(i64::from), "{last}");
    assert!(events.iter().any(|event| event["jail"] == "a") && !events.iter().any(|event| event["jail"] == "b"), "{events:?}");
}
