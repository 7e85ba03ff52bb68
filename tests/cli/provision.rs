//! What scripts put into jails, over the simulation: copies, templates, archives, users, packages.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::harness::Place;

/// Files beside the script, and an archive.
fn place() -> Place {
    let place = Place::new()
        .file("site/conf/nginx.conf.in", "# {{jail_name}}\nlisten {{port}};\n")
        .file("site/www/index.html", "<html>Hello</html>\n")
        .file("site/www/img/logo.svg", "<svg/>\n");
    let work = place.work();
    symlink("index.html", work.join("site/www/home.html")).unwrap();
    for (path, mode) in [("site", 0o755), ("site/www", 0o755), ("site/www/img", 0o750), ("site/www/index.html", 0o644)] {
        fs::set_permissions(work.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(work.join("site/www/img/logo.svg"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut tar = tar::Builder::new(fs::File::create(work.join("site/app.tar")).unwrap());
    let mut header = tar::Header::new_ustar();
    header.set_size(4);
    header.set_mode(0o755);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_mtime(1);
    tar.append_data(&mut header, "app-1.0/bin/app", &b"run\n"[..]).unwrap();
    tar.finish().unwrap();
    place.file("site/site.rhai", SITE)
}

const SITE: &str = r#"
let web = jail("web", #{ command: ["/usr/bin/httpd"], profile: "medium" });
web.create();
web.group("deploy", #{ gid: 2000 });
web.user("site", #{ system: true, home: "/srv/site", groups: ["deploy"] });
web.copy("www", "/srv/site", #{ owner: "site", group: "deploy", delete: true });
web.template("conf/nginx.conf.in", "/etc/nginx/nginx.conf", #{ port: 8080 }, #{ mode: "0640", restart: true });
web.unpack("app.tar", "/opt/app", #{ strip: 1, owner: "site" });
"#;

#[test]
fn a_site_is_planned_put_in_place_once_and_repaired() {
    let place = place();
    let mut text = String::new();
    for arguments in [&["plan", "site/site.rhai"][..], &["run", "site/site.rhai"], &["plan", "site/site.rhai"]] {
        text += &place.run("jailsh", arguments).go().to_string();
    }
    let data = place.data().join("jails/web/data");
    assert_eq!(fs::read_to_string(data.join("opt/app/bin/app")).unwrap(), "run\n");
    assert_eq!(fs::read_link(data.join("srv/site/home.html")).unwrap().to_str(), Some("index.html"));
    // Somebody works in the jail by hand, and the site goes on on the host.
    fs::write(data.join("srv/site/index.html"), "<html>defaced</html>\n").unwrap();
    fs::write(data.join("srv/site/left.html"), "x").unwrap();
    fs::remove_dir_all(data.join("opt/app")).unwrap();
    fs::write(place.work().join("site/www/img/new.svg"), "<svg></svg>\n").unwrap();
    fs::set_permissions(place.work().join("site/www/img/new.svg"), fs::Permissions::from_mode(0o600)).unwrap();
    let passwd = fs::read_to_string(data.join("etc/passwd")).unwrap();
    fs::write(data.join("etc/passwd"), passwd.replace("/srv/site:", "/:")).unwrap();
    for arguments in [&["plan", "site/site.rhai"][..], &["run", "site/site.rhai"], &["plan", "--quiet", "site/site.rhai"]] {
        text += &place.run("jailsh", arguments).go().to_string();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_names_the_hosts_files_with_their_sums_and_is_refused_when_one_changed() {
    let place = place();
    let plan = place.run("jailsh", &["plan", "--json", "site/site.rhai"]).go();
    let json: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let files = json["provenance"]["files"].as_object().unwrap();
    let names: Vec<&str> = files.keys().filter_map(|path| path.split("work/site/").nth(1)).collect();
    let noted = ["app.tar", "conf/nginx.conf.in", "www/", "www/img/", "www/img/logo.svg", "www/index.html"];
    assert_eq!(names, noted);
    // The harness tells of its directory as [place].
    let root = place.work().parent().unwrap().display().to_string();
    let place = place.file("site.plan", plan.stdout.replace("[place]", &root));
    let changes: [&dyn Fn(&std::path::Path); 3] = [
        &|site| fs::write(site.join("www/index.html"), "changed\n").unwrap(),
        &|site| fs::write(site.join("www/img/more.svg"), "more\n").unwrap(),
        &|site| fs::write(site.join("app.tar"), "no archive").unwrap(),
    ];
    for change in changes {
        let site = place.work().join("site");
        let before = fs::read(site.join("www/index.html")).unwrap();
        let archive = fs::read(site.join("app.tar")).unwrap();
        change(&site);
        let run = place.run("jailsh", &["run", "--plan", "site.plan"]).go();
        assert_eq!(run.status, Some(2), "{run}");
        assert!(run.stderr.contains("the plan is stale, and nothing was done"), "{run}");
        assert!(!place.data().join("jails/web").exists());
        fs::write(site.join("www/index.html"), before).unwrap();
        fs::write(site.join("app.tar"), archive).unwrap();
        let _ = fs::remove_file(site.join("www/img/more.svg"));
    }
    let run = place.run("jailsh", &["run", "--plan", "site.plan"]).go();
    assert_eq!(run.status, Some(0), "{run}");
    assert_eq!(place.run("jailsh", &["plan", "--quiet", "site/site.rhai"]).go().status, Some(0));
}

/// The error and its hint, without the line of the script, which may be cut anywhere.
fn told(stderr: &str) -> String {
    let lines = stderr.lines().filter(|line| line.contains(" error") || line.trim_start().starts_with("hint: "));
    lines.map(str::trim).collect::<Vec<_>>().join("\n  ")
}

#[test]
fn mistakes_tell_what_would_be_right_and_change_nothing() {
    let place = place().file("bad.in", "a = {{a}}\nb = {{bb}}\n").file("open.in", "a\n  {{a\n");
    let calls = [
        r#"web.copy("site/nothing", "/srv/x")"#,
        r#"web.copy("site/www", "/usr/share/x")"#,
        r#"web.copy("site/www", "/etc/passwd")"#,
        r#"web.copy("/dev/null", "/srv/x")"#,
        r#"web.copy("site/www", "/srv/x", #{ mod: "0644" })"#,
        r#"web.template("bad.in", "/etc/x", #{ a: 1, b: 2 })"#,
        r#"web.template("open.in", "/etc/x", #{ a: 1 })"#,
        r#"web.template(#{ text: "x" }, "/etc/x", #{ a: 1 })"#,
        r#"web.template(#{ text: "{{a}}" }, "/etc/x", #{ a: [1] })"#,
        r#"web.template(#{ txt: "x" }, "/etc/x", #{})"#,
        r#"web.template(#{ text: "x" }, "/etc/x", #{ jail_name: "y" })"#,
        r#"web.unpack("bad.in", "/opt/x")"#,
        r#"web.unpack("site/app.tar", "/opt")"#,
        r#"web.unpack("site/app.tar", "/opt/x", #{ sha256: "0" })"#,
        r#"web.unpack("site/app.tar", "/opt/x", #{ sha256: "0000000000000000000000000000000000000000000000000000000000000000" })"#,
        r#"web.user("toor", #{ uid: 0 })"#,
        r#"web.user("Web Site")"#,
        r#"web.user("site", #{ gid: "nobody-has-it" })"#,
        r#"web.user("root", #{ absent: true })"#,
        r#"web.user("site", #{ shell: "/bin/sh\nroot2:x:0:0::/:/bin/sh" })"#,
        r#"web.group("site", #{ gid: -1 })"#,
        r#"web.packages("-y")"#,
        r#"web.packages(["busybox", "dpkg"], #{ version: "1" })"#,
        r#"web.script("site/nothing.sh")"#,
        r#"web.script(#{ text: "true" }, #{ interpreter: [] })"#,
        r#"web.script(#{ text: "true" })"#,
        r#"fn file(x) { x }"#,
    ];
    place.run("jailsh", &["-e", "create(\"web\", #{})"]).go();
    let before = place.leftovers();
    let text: String = calls
        .iter()
        .map(|call| {
            let outcome = place.run("jailsh", &["-e", &format!("let web = jail(\"web\"); {call}")]).go();
            let said = told(&outcome.stderr);
            format!("{call}\n  {:?} {}\n", outcome.status, said)
        })
        .collect();
    insta::assert_snapshot!(text);
    assert_eq!(place.leftovers(), before);
}

#[test]
fn what_is_in_the_way_is_replaced_only_where_delete_says_so() {
    let place = place();
    let run = |script: &str| place.run("jailsh", &["-e", script]).go();
    run("let web = jail(\"web\", #{}); web.create(); web.symlink(\"/srv/site/img\", \"/etc\")");
    let kept = run("let web = jail(\"web\"); web.copy(\"site/www\", \"/srv/site\")");
    assert!(kept.stderr.contains("/srv/site/img is a link, not a directory"), "{kept}");
    let data = place.data().join("jails/web/data");
    assert!(!data.join("etc/logo.svg").exists());
    let replaced = run("let web = jail(\"web\"); web.copy(\"site/www\", \"/srv/site\", #{ delete: true }).change");
    assert_eq!(replaced.status, Some(0), "{replaced}");
    assert!(data.join("srv/site/img/logo.svg").exists() && !data.join("etc/logo.svg").exists());
}

#[test]
fn relative_paths_lie_beside_the_file_that_names_them() {
    let place = Place::new()
        .file("lib/roles/motd.rhai", "fn greet(jail) { jail.copy(\"motd.txt\", \"/etc/motd\") }")
        .file("lib/roles/motd.txt", "from the module\n")
        .file("lib/motd.txt", "from the script\n")
        .file("motd.txt", "from the working directory\n")
        .file(
            "lib/site.rhai",
            "import \"roles/motd\" as motd;\nlet web = jail(\"web\", #{});\nweb.create();\nmotd::greet(web);\nweb.copy(\"motd.txt\", \"/etc/motd2\");",
        );
    let outcome = place.run("jailsh", &["lib/site.rhai"]).go();
    assert_eq!(outcome.status, Some(0), "{outcome}");
    let etc = place.data().join("jails/web/data/etc");
    assert_eq!(fs::read_to_string(etc.join("motd")).unwrap(), "from the module\n");
    assert_eq!(fs::read_to_string(etc.join("motd2")).unwrap(), "from the script\n");
}

#[test]
fn packages_are_those_of_the_base() {
    let status = "Package: busybox\nStatus: install ok installed\nVersion: 1:1.35\n";
    let place = Place::new().file("root/var/lib/dpkg/status", status).file("root/bin/sh", "").file("root/usr/bin/x", "");
    let base = place.work().join("root");
    let script = |call: &str| {
        format!("let web = jail(\"web\", #{{ base: \"dir:{}\" }}); web.create(); print(web.packages({call}))", base.display())
    };
    let mut text = String::new();
    for call in [
        "\"busybox\"",
        "\"busybox\", #{ version: \"1:1.35\" }",
        "\"busybox\", #{ version: \"2\" }",
        "[\"busybox\", \"nginx\"]",
        "\"busybx\"",
    ] {
        let outcome = place.run("jailsh", &["-e", &script(call)]).go();
        let said = told(&outcome.stderr);
        // The version is the sum of the tree, with the times of its files.
        let version = said.split_once("root@").map_or("", |(_, rest)| &rest[..12]).to_owned();
        let said = if version.is_empty() { said } else { said.replace(&version, "[version]") };
        text += &format!("{call}: {:?} {}{said}\n", outcome.status, outcome.stdout);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_of_many_verbs_takes_time_by_their_number_and_no_more() {
    let place = Place::new();
    let script = |count: usize| {
        format!(
            "let web = jail(\"web\", #{{}}); web.create(); for n in 0..{count} {{ web.file(`/srv/site/f${{n}}`, `${{n}}\\n`); }}"
        )
    };
    let place = place.file("few.rhai", script(250)).file("many.rhai", script(1000));
    let planned = |name: &str| {
        let begun = std::time::Instant::now();
        let outcome = place.run("jailsh", &["plan", "--quiet", name]).go();
        assert_eq!(outcome.status, Some(2), "{outcome}");
        begun.elapsed()
    };
    // The best of three: the machine is not ours alone.
    let best = |name: &str| (0..3).map(|_| planned(name)).min().unwrap();
    let (few, many) = (best("few.rhai"), best("many.rhai"));
    // Four times as many; what grew with the square would take sixteen times as long.
    assert!(many < few * 9, "250 verbs in {few:?}, 1000 in {many:?}");
}
