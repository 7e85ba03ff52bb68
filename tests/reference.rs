//! landlock: the examples of the script API's reference that need a jail which runs something.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use jailsh::script::reference::{self, Needs, Type, View};

/// The jail of the examples under another name, which nobody else will have.
const JAIL: &str = "reference-example";

/// Directories for one test; the jail is gone afterwards however the test ends.
struct Place {
    body: String,
    data: tempfile::TempDir,
}

impl Place {
    /// `None` after saying why the test is skipped.
    fn new() -> Option<Place> {
        let body = std::env::var("JAILSH_BODY").ok().filter(|body| !body.is_empty());
        if body.is_none() {
            eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
        }
        Some(Place { body: body?, data: tempfile::tempdir().expect("a scratch directory") })
    }

    fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jailsh"));
        command.arg0(tool).args(["--kernel", &self.body, "--data-dir"]).arg(self.data.path());
        command
    }

    /// Runs a script of the reference, with a name and a port of the test's own.
    fn run(&self, script: &str) -> Output {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let script = script.replace("\"web\"", &format!("{JAIL:?}")).replace("8080", &free.to_string());
        self.command("jailsh").args(["-e", &script]).output().expect("the program starts")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // An example that ran to its end has left nothing to stop or destroy.
        let left = self.command("jailmgr").args(["list", "-o", "name"]).output().map(|listed| text(&listed.stdout));
        for jail in left.iter().flat_map(|names| names.lines()) {
            for verb in ["stop", "destroy"] {
                let _ = self.command("jailmgr").args([verb, jail]).output();
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_example_that_needs_a_jail_runs_and_cleans_up() {
    let mut ran = 0;
    for (name, example) in reference::examples().filter(|(_, example)| example.needs == Needs::Jail) {
        let Some(place) = Place::new() else { return };
        let output = place.run(example.script);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "the example of {name}: {}\n{said}", output.status);
        let left = place.command("jailmgr").args(["list", "-o", "name"]).output().expect("the program starts");
        assert_eq!(text(&left.stdout), "", "the example of {name} leaves a jail");
        ran += 1;
    }
    assert!(ran >= 10, "the examples were not found");
}

#[test]
fn values_of_a_jail_that_runs_have_exactly_the_documented_properties() {
    let Some(place) = Place::new() else { return };
    let script = r#"
        let web = jail("web", #{
            command: ["/usr/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"],
            profile: "medium",
            ports: [8080],
            ready: #{ port: 8080 },
        });
        web.create();
        web.start();
        print(web.stats().to_map().keys());
        print(web.exec(["true"]).to_map().keys());
        print(http_get("http://127.0.0.1:8080/").to_map().keys());
    "#;
    let output = place.run(script);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Vec<BTreeSet<String>> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a list of texts")).collect();
    let said = [Type::Record(View::Stats), Type::Value("Output"), Type::Value("Response")]
        .map(|kind| reference::properties(kind).map(|property| property.name.to_owned()).collect::<BTreeSet<_>>());
    assert_eq!(found, said);
}
