//! The standard library as scripts use it: what it plans, and what it says of mistakes. Its examples run in `reference`.

use crate::harness::Place;

const SITE: &str = r#"
import "std/provision" as provision;
let site = provision::static_site("web", #{ "index.html": "<h1>Hello</h1>\n" }, #{ start: false });
provision::account(site, "deploy", #{ uid: 1500 });
provision::host(site, "127.0.0.1", "db.internal");
provision::cron_job(site, "sweep", "@daily", "find /tmp -mtime +7 -delete", #{});
provision::configure(site, #{ "/etc/site.conf": provision::render("port = {{port}}\n", #{ port: 8080 }) }, #{ start: false });
"#;

#[test]
fn what_recipes_ask_for_is_planned_done_once_and_repaired() {
    let place = Place::new().file("site.rhai", SITE);
    let plan = || place.run("jailsh", &["plan", "site.rhai"]).go();
    let first = plan();
    assert_eq!((first.status, first.stderr.as_str()), (Some(2), ""), "{first}");
    for part in ["/srv/www/index.html", "/etc/passwd", "/etc/hosts", "/etc/cron.d/sweep", "/etc/site.conf"] {
        assert!(first.stdout.contains(part), "{part} in {first}");
    }
    assert_eq!(place.run("jailsh", &["run", "site.rhai"]).go().status, Some(0));
    assert_eq!(plan().status, Some(0), "{}", plan());
    let page = place.data().join("jails/web/data/srv/www/index.html");
    std::fs::write(&page, "defaced\n").expect("the page is there");
    let drift = plan();
    assert_eq!(drift.status, Some(2), "{drift}");
    assert!(drift.stdout.contains("index.html") && !drift.stdout.contains("/etc/site.conf"), "{drift}");
    assert_eq!(place.run("jailsh", &["site.rhai"]).go().status, Some(0));
    assert_eq!(std::fs::read_to_string(&page).expect("the page is there"), "<h1>Hello</h1>\n");
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    let place = Place::new();
    let texts = [
        "fleet::order(#{ web: [\"db\"] })",
        "fleet::rolling_restart([], #{ batches: 2 })",
        "fleet::blue_green(jail(\"a\"), jail(\"b\"), #{})",
        "maintenance::prune_snapshots(\"web\", 0)",
        "maintenance::restore(\"web\", \".\", \"web\")",
        "provision::account(jail(\"web\"), \"a:b\", #{})",
        "provision::account(jail(\"web\"), \"a\", #{ uuid: 1 })",
        "provision::cron_job(jail(\"web\"), \"../x\", \"@daily\", \"true\", #{})",
        "provision::cron_job(jail(\"web\"), \"x\", \"@daily\", \"a\\nb\", #{})",
        "provision::render(\"{{name}}\", #{ nmae: 1 })",
    ];
    let told = |text: &&str| {
        let imports = ["fleet", "maintenance", "provision"].map(|name| format!("import \"std/{name}\" as {name}; ")).concat();
        let script = format!("{imports}try {{ {text}; print(\"nothing\"); }} catch (error) {{ print(error); }}");
        format!("> {text}\n{}", place.run("jailsh", &["-e", &script]).go().stdout)
    };
    insta::assert_snapshot!(texts.iter().map(told).collect::<String>());
    assert_eq!(place.leftovers(), [""; 0]);
}

#[test]
fn a_backup_that_cannot_be_written_leaves_no_snapshot_and_deletes_no_archive() {
    let place = Place::new();
    let script = r#"
        import "std/maintenance" as maintenance;
        let web = jail("web", #{});
        web.create();
        maintenance::backup(web, ".", #{ keep: 1, verify: false });
        try { maintenance::backup(web, "/no/such/directory", #{ keep: 1 }); print("written"); } catch (error) { print(error.kind); }
        print([web.snapshots().len, archives(".").len]);
    "#;
    let outcome = place.run("jailsh", &["-e", script]).go();
    assert!(outcome.stdout.ends_with("\n[0, 1]\n") && !outcome.stdout.contains("written"), "{outcome}");
}

#[test]
fn only_archives_of_jails_are_listed_and_deleted() {
    let place = Place::new().file("notes.tar", "no archive").file("other.txt", "text");
    let script = r#"
        create("web", #{});
        export_to("web", "web.tar.gz");
        print(archives(".").to_array().map(|row| [row.file, row.jail]));
        try { delete_archive("notes.tar") } catch (error) { print(error.kind); }
        delete_archive("web.tar.gz");
        print(archives(".").len);
    "#;
    let outcome = place.run("jailsh", &["-e", script]).go();
    assert_eq!(outcome.stdout, "[[\"./web.tar.gz\", \"web\"]]\narchive\n0\n", "{outcome}");
    assert!(place.work().join("notes.tar").exists());
}
