//! docs/enforcement.md and docs/exposure.md say what the program says.

use std::path::Path;

use jailsh::jail::spec::exposure;
use jailsh::kernel::enforcement_table;
use jailsh::script::{Limits, Script, profiles, stdlib};

/// Set to write the tables anew instead of comparing them.
const UPDATE: &str = "UPDATE_DOCS";
/// A table is what follows this line.
const MARK: &str = "<!-- generated: UPDATE_DOCS=1 cargo test --test enforcement_docs -->\n";

fn holds(document: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (introduction, found) = text.split_once(MARK).expect("the line above the table");
    let generated = format!("\n{table}");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, format!("{introduction}{MARK}{generated}")).unwrap();
        return;
    }
    assert!(found == generated, "{document} is out of date; run `{UPDATE}=1 cargo test --test enforcement_docs`");
}

// Other architectures lack some of the calls.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_table_of_what_enforces_which_right_is_what_the_bodies_tell() {
    holds("docs/enforcement.md", &enforcement_table::markdown());
}

#[test]
fn the_table_of_weights_is_what_scores_are_made_of() {
    let text = stdlib::text("profiles").unwrap().to_owned();
    let name = "std/profiles".to_owned();
    let script = Script { name, file: None, text, arguments: Vec::new(), echo: false, module_path: Vec::new() };
    holds("docs/exposure.md", &exposure::markdown(&profiles(Limits::default(), script).unwrap()));
}
