//! jailsh plan and jailsh run over the simulation: what is shown, what the status says, what a stale plan says.

use crate::harness::Place;

/// A jail with files; everything that the simulation can do.
const SITE: &str = r#"
let web = jail("web", #{ command: ["/usr/bin/httpd"], profile: "medium", ports: [8080] });
web.create();
web.dir("/srv/site", #{ mode: "0750" });
web.file("/srv/site/index.html", "<html>Hello</html>\n", #{ owner: "www-data", restart: true });
web.line("/etc/app.conf", "port = 8080", #{ replaces: "port =" });
web.symlink("/srv/site/home.html", "index.html");
"#;

#[test]
fn a_plan_shows_what_would_be_done_and_run_does_it_once() {
    let place = Place::new().file("site.rhai", SITE);
    let mut text = String::new();
    for arguments in [&["plan", "site.rhai"][..], &["run", "site.rhai"], &["plan", "site.rhai"], &["run", "site.rhai"]] {
        text += &place.run("jailsh", arguments).go().to_string();
    }
    let page = place.data().join("jails/web/data/srv/site/index.html");
    assert_eq!(std::fs::read_to_string(&page).unwrap(), "<html>Hello</html>\n");
    std::fs::write(&page, "<html>defaced</html>\n").unwrap();
    std::fs::remove_file(page.with_file_name("home.html")).unwrap();
    place.write_spec("web", "command = ['/usr/bin/httpd']\nports = [8080, 9090]\n");
    for arguments in [&["plan", "site.rhai"][..], &["run", "--diff", "site.rhai"], &["plan", "--quiet", "site.rhai"]] {
        text += &place.run("jailsh", arguments).go().to_string();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_is_performed_exactly_or_refused_when_it_is_stale() {
    let place = Place::new().file("site.rhai", SITE);
    let plan = place.run("jailsh", &["plan", "--json", "site.rhai"]).go();
    assert_eq!(plan.status, Some(2), "{plan}");
    let place = place.file("site.plan", &plan.stdout);
    let mut text = place.run("jailsh", &["run", "--plan", "site.plan"]).go().to_string();
    assert_eq!(place.run("jailsh", &["plan", "--quiet", "site.rhai"]).go().status, Some(0));
    text += &place.run("jailsh", &["run", "--plan", "site.plan"]).go().to_string();
    let place = place.file("other.plan", plan.stdout.replace("\"version\": 1", "\"version\": 9")).file("no.plan", "{}");
    for file in ["other.plan", "no.plan"] {
        text += &place.run("jailsh", &["run", "--plan", file]).go().to_string();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_only_doing_it_would_tell_is_an_error_at_that_line() {
    let scripts = [
        "let web = jail(\"web\", #{}); web.create(); print(web.apply(\"true\").stdout);",
        "let web = jail(\"web\", #{}); web.create(); print(stats());",
        "let web = jail(\"web\", #{}); web.create(); web.snapshot(\"a\");",
        "jail(\"web\", #{}).create(); jail(\"wbe\").file(\"/etc/motd\", \"x\");",
        "let web = jail(\"web\", #{}); web.create(); web.file(\"/usr/bin/x\", \"x\");",
        "let web = jail(\"web\", #{}); web.create(); web.file(\"/etc/x\", \"x\", #{ mode: \"rw\" });",
    ];
    let place = Place::new();
    let text: String = scripts.iter().map(|script| place.run("jailsh", &["plan", "-"]).input(script).go().to_string()).collect();
    insta::assert_snapshot!(text);
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn one_jails_failure_is_its_own_and_the_summary_tells() {
    let place = Place::new().file(
        "two.rhai",
        r#"
for name in ["a", "b"] {
    let it = jail(name, #{ command: ["/bin/true"] });
    it.create();
    it.file("/etc/motd", `I am ${name}\n`, #{ owner: if name == "a" { "nobody-there" } else { "root" } });
    let last = it.file("/etc/last", "x");
    print(`${name}: ${last}`);
}
"#,
    );
    let run = place.run("jailsh", &["run", "two.rhai"]).go();
    assert!(place.data().join("jails/b/data/etc/last").exists() && !place.data().join("jails/a/data/etc/last").exists());
    insta::assert_snapshot!(run.to_string());
}
