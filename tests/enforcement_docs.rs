//! docs/enforcement.md says what the program says.

use std::path::Path;

use jailsh::kernel::enforcement_table;

/// Set to write the table anew instead of comparing it.
const UPDATE: &str = "UPDATE_DOCS";
/// The table is what follows this line.
const MARK: &str = "<!-- generated: UPDATE_DOCS=1 cargo test --test enforcement_docs -->\n";

// Other architectures lack some of the calls.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_table_of_what_enforces_which_right_is_what_the_bodies_tell() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/enforcement.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (introduction, table) = document.split_once(MARK).expect("the line above the table");
    let generated = format!("\n{}", enforcement_table::markdown());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, format!("{introduction}{MARK}{generated}")).unwrap();
        return;
    }
    assert!(table == generated, "docs/enforcement.md is out of date; run `{UPDATE}=1 cargo test --test enforcement_docs`");
}
