//! The reference of the script API: its examples run, and the values have the properties that it tells of.

use std::collections::BTreeSet;

use jailsh::script::reference::{self, Needs, Type, View};

use crate::harness::Place;

#[test]
fn every_example_that_needs_no_process_runs_over_the_simulation() {
    let mut ran = 0;
    for (name, example) in reference::examples().filter(|(_, example)| !matches!(example.needs, Needs::Jail | Needs::Test)) {
        let place = Place::new();
        let outcome = place.run("jailsh", &["-e", example.script]).go();
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "the example of {name}:\n{outcome}");
        // Those that need no host leave nothing; a verb would have made the directories.
        assert!(example.needs == Needs::Host || !place.data().exists(), "the example of {name} needs a host");
        ran += 1;
    }
    assert!(ran > 10, "the examples were not found");
}

#[test]
fn every_example_of_what_tests_have_is_a_test_that_passes() {
    let of_tests = || reference::examples().filter(|(_, example)| example.needs == Needs::Test);
    let one = |(at, (name, example)): (usize, (&str, reference::Example))| {
        format!("fn test_{}_{at}() {{\n{}\n}}\n", name.replace(|c: char| !c.is_alphanumeric(), "_"), example.script)
    };
    let text: String = of_tests().enumerate().map(one).collect();
    let place = Place::new().file("reference_test.rhai", text);
    let outcome = place.run("jailsh", &["test"]).go();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    assert!(outcome.stdout.ends_with(&format!("test: {} passed, 0 failed\n", of_tests().count())), "{outcome}");
    assert_eq!(place.leftovers(), [""; 0]);
}

/// The properties of a value that an expression gives, and those that are documented.
fn compare(expression: &str, kind: Type) {
    let place = Place::new();
    let script = format!("create(\"web\", #{{}}); let value = {expression}; for key in value.to_map().keys() {{ print(key); }}");
    let outcome = place.run("jailsh", &["-e", &script]).go();
    assert_eq!(outcome.status, Some(0), "{outcome}");
    let found: BTreeSet<&str> = outcome.stdout.lines().collect();
    let said: BTreeSet<&str> = reference::properties(kind).map(|property| property.name).collect();
    assert_eq!(found, said, "properties of {kind} from {expression}");
}

#[test]
fn values_have_exactly_the_documented_properties() {
    compare("create(\"web\", #{ ports: [80] })", Type::Value("Change"));
    compare("list()[0]", Type::Record(View::Jails));
    compare("status(\"web\")", Type::Record(View::Status));
    compare("disk_use(\"web\")", Type::Record(View::Disk));
    compare("export_to(\"web\", \"web.tar\"); value = archives(\".\")[0]", Type::Record(View::Archives));
    compare("snapshot(\"web\")", Type::Value("Copied"));
    compare("snapshot(\"web\"); value = snapshots(\"web\")[0]", Type::Record(View::Snapshots));
    compare("profile(\"low\").explain()[0]", Type::Record(View::Rights));
    compare("kernel()", Type::Value("Kernel"));
    compare("(); try { jail(\"\") } catch (error) { value = error; }", Type::Value("Error"));
}
