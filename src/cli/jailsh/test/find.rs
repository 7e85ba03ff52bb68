//! Finding the files of tests.

use std::path::{Path, PathBuf};

use crate::cli::failure::{Exit, Failure};
use crate::script::Fault;

/// More nesting than anybody has; a circle of mounts would be endless.
const MAX_DEPTH: usize = 32;

/// The files that were named, and those of tests below the directories that were, in order.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let here = [PathBuf::from(".")];
    let mut found = Vec::new();
    for path in if paths.is_empty() { &here[..] } else { paths } {
        if path.is_dir() { search(path, MAX_DEPTH, &mut found)? } else { found.push(path.clone()) }
    }
    Ok(found)
}

fn search(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let bad = |error: std::io::Error| Failure::new(Exit::NO_INPUT, Fault::file(directory, &error).to_string());
    let mut entries = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(bad)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        let path = path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
        if kind.is_dir() && depth > 0 && !name.starts_with('.') {
            search(&path, depth - 1, found)?;
        } else if !kind.is_dir() && is_of_tests(&name) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_of_tests(name: &str) -> bool {
    name.strip_suffix(".rhai").is_some_and(|stem| stem.ends_with("_test") || stem.starts_with("test_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_tests_are_found_by_their_names_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b_test.rhai", "a/test_x.rhai", "a/x.rhai", "a/x_test.rs", ".git/c_test.rhai", "test.rhai"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let named = dir.path().join("test.rhai");
        let found = files(&[dir.path().to_owned(), named.clone()]).unwrap();
        assert_eq!(found, [dir.path().join("a/test_x.rhai"), dir.path().join("b_test.rhai"), named]);
        assert_eq!(files(&[dir.path().join("none")]).unwrap().len(), 1);
    }
}
