//! `jailsh why` and the replay of a trail, for profiles and for a jail that is down.

use crate::harness::Place;

const PROFILE: &str = "[profile]\nbase = \"medium\"\n[profile.grant]\nping = \"pings its peers\"\n[profile.deny]\nptrace = \"no debuggers\"\n[profile.audit]\nchroot = \"does it need that?\"\n";

#[test]
fn an_action_is_judged_by_a_profile_with_the_line_that_decides_and_the_remedy() {
    let place = Place::new();
    place.put("net.toml", PROFILE);
    place.put(
        "net.rhai",
        "fn net() {\n    profile(#{\n        base: \"high\",\n        grant: #{ ping: \"pings\" },\n    })\n}\n",
    );
    let asked: [&[&str]; 9] = [
        &["--profile", "net.toml", "ping"],
        &["--profile", "net.toml", "ptrace"],
        &["--profile", "net.toml", "chroot"],
        &["--profile", "net.toml", "open", "/dev/sda"],
        &["--profile", "net.rhai", "ping"],
        &["--profile", "high", "bind", "80"],
        &["--profile", "high", "see", "host"],
        &["--profile", "high", "open", "/etc/passwd"],
        &["-T", "--profile", "net.toml", "mount"],
    ];
    let shown = asked.map(|words| place.run("jailsh", &[&["why"], words].concat()).bare().go().to_string());
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_jail_that_is_down_is_judged_by_its_spec() {
    let place = Place::new();
    let script = "jail(\"web\", #{ profile: #{ base: \"medium\", deny: #{ ptrace: \"no debuggers\" } } }).create();";
    let made = place.run("jailsh", &["-e", script]).go();
    assert_eq!(made.status, Some(0), "{made}");
    let shown = ["ptrace", "mount"].map(|action| place.run("jailsh", &["why", "web", action]).go().to_string());
    assert!(shown.iter().all(|text| text.contains("jails/web/jail.toml:")), "{shown:?}");
    assert!(shown[0].contains("web: ptrace: denied"), "{shown:?}");
    let none = place.run("jailsh", &["why", "wbe", "mount"]).go();
    assert_eq!(none.status, Some(1), "{none}");
    assert!(none.stderr.contains("did you mean web?"), "{none}");
}

#[test]
fn a_trail_is_judged_again_under_another_profile() {
    let place = Place::new();
    let line = |right: &str, command: &str, count: u32| {
        format!(
            "{{\"time\":\"2026-11-23T22:15:59.007Z\",\"jail\":\"web\",\"jid\":3,\"verdict\":\"denied\",\"right\":\"{right}\",\
             \"object\":\"capability sys_admin\",\"pid\":8,\"command\":\"{command}\",\"count\":{count},\"lost\":0}}\n"
        )
    };
    place.put("trail", [line("chroot", "sshd", 2), line("mount", "mount", 1), line("ptrace", "gdb", 40)].concat());
    let replay = |profile: &str| place.run("jailsh", &["why", "--replay", "trail", "--profile", profile]).bare().go();
    insta::assert_snapshot!(format!("{}\n{}", replay("low"), replay("high")));
    place.put("allows.toml", "[profile]\nbase = \"low\"\ngrant = [\"mount\"]\n");
    assert_eq!(replay("allows.toml").status, Some(0));
    place.put("trail", "not a trail\n");
    let wrong = replay("low");
    assert_eq!(wrong.status, Some(65), "{wrong}");
    assert!(wrong.stderr.contains("trail: line 1 is no record of a trail"), "{wrong}");
}

#[test]
fn a_trail_is_judged_by_the_destinations_that_a_jail_lists() {
    let place = Place::new();
    let line = |to: &str, verdict: &str| {
        format!(
            "{{\"time\":\"2026-11-23T22:15:59.007Z\",\"jail\":\"web\",\"jid\":3,\"verdict\":\"{verdict}\",\"right\":\"connect\",\
             \"object\":\"to {to}\",\"pid\":8,\"command\":\"app\",\"count\":2,\"lost\":0}}\n"
        )
    };
    let listed = [line("10.1.2.3:5432/tcp", "denied"), line("[fd00::7]:53/udp", "audited"), line("192.0.2.7", "audited")];
    place.put("trail", listed.concat());
    let learned = place.run("jailsh", &["learn", "--json", "--from", "trail"]).go().stdout;
    let learned: serde_json::Value = serde_json::from_str(&learned).unwrap();
    let made = place.run("jailsh", &["-e", &format!("jail(\"web\", #{{ connect: {} }}).create();", learned["connect"])]).go();
    assert_eq!(made.status, Some(0), "{made}");
    let by_jail = || place.run("jailsh", &["why", "--replay", "trail", "web"]).go();
    let by_file = || place.run("jailsh", &["why", "--replay", "trail", "--profile", "web.toml"]).bare().go();
    place.put("web.toml", "profile = \"high\"\nconnect = [\"10.0.0.0/8:5432\", \"[fd00::]/8\", \"192.0.2.7\"]\n");
    for told in [by_jail(), by_file()] {
        assert_eq!(told.status, Some(0), "what is listed is allowed: {told}");
        assert!(told.stdout.contains("6 uses: 0 newly denied, 0 denied as before, 0 audited, 6 allowed"), "{told}");
    }
    // The same of one action.
    let why = |to: &str| place.run("jailsh", &["why", "--profile", "web.toml", "connect", to]).bare().go();
    assert_eq!((why("10.9.9.9:5432").status, why("10.9.9.9:5433").status), (Some(0), Some(1)));
    // One that is not listed is denied: as it was, or though it was let through.
    place.put("trail", line("10.1.2.3:5433/tcp", "denied"));
    assert_eq!((by_jail().status, by_file().status), (Some(2), Some(2)));
    place.put("trail", line("198.51.100.1:443/tcp", "audited"));
    assert_eq!((by_jail().status, by_file().status), (Some(1), Some(1)));
}

#[test]
fn wrong_use_of_why_is_one_line_and_64() {
    let place = Place::new();
    let asked: [&[&str]; 5] = [
        &[],
        &["web"],
        &["--profile", "low"],
        &["--profile", "low", "muont"],
        &["--profile", "low", "--replay", "trail", "mount"],
    ];
    let shown = asked.map(|words| {
        let told = place.run("jailsh", &[&["why"], words].concat()).bare().go();
        assert_eq!(told.status, Some(64), "{told}");
        told.to_string()
    });
    insta::assert_snapshot!(shown.join("\n"));
}
