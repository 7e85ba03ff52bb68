//! Modules from files and from the standard library, found as a script that runs finds them.

use std::path::{Path, PathBuf};

use super::{ModuleText, Modules, Origin};
use crate::script::library::{DEFAULT, Library, Place};
use crate::script::stdlib;

/// Files that are listed, and directories that are entered for them.
const MOST: usize = 500;
const DEPTH: usize = 3;

/// What one script can import.
pub struct Files<'a> {
    /// The script's own file.
    script: Option<PathBuf>,
    roots: &'a [PathBuf],
    /// The text of a file that somebody has open and not saved yet.
    open: &'a dyn Fn(&Path) -> Option<String>,
}

impl<'a> Files<'a> {
    /// `roots`: the module path.
    pub fn new(script: Option<PathBuf>, roots: &'a [PathBuf], open: &'a dyn Fn(&Path) -> Option<String>) -> Files<'a> {
        Files { script, roots, open }
    }
}

impl Modules for Files<'_> {
    fn find(&self, name: &str) -> Option<ModuleText> {
        let place = self.script.as_deref().and_then(Place::of_script).map(|(_, place)| place);
        let found = Library::new(self.roots.iter().cloned()).find(place.as_ref(), name).ok()?;
        if name.starts_with("std/") {
            return Some(ModuleText { origin: Origin::Standard(name.to_owned()), text: found.read().ok()? });
        }
        let path = PathBuf::from(&found.path);
        let text = (self.open)(&path).map_or_else(|| found.read().ok(), Some)?;
        Some(ModuleText { origin: Origin::File(path), text })
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = stdlib::MODULES.iter().map(|(name, _)| format!("std/{name}")).collect();
        let beside = self.script.as_deref().and_then(Path::parent).map(Path::to_owned);
        let mut files = Vec::new();
        for root in beside.into_iter().chain(self.roots.iter().cloned()).chain([PathBuf::from(DEFAULT)]) {
            list(&root, "", DEPTH, self.script.as_deref(), &mut files);
        }
        files.sort();
        names.extend(files);
        names.dedup();
        names
    }
}

fn list(directory: &Path, prefix: &str, depth: usize, but: Option<&Path>, found: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let (Some(name), Ok(kind)) = (entry.file_name().to_str().map(str::to_owned), entry.file_type()) else { continue };
        if found.len() >= MOST || name.starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            list(&entry.path(), &format!("{prefix}{name}/"), depth, but, found);
        } else if let Some(name) = name.strip_suffix(".rhai").filter(|_| but != Some(entry.path().as_path())) {
            found.push(format!("{prefix}{name}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_beside_the_script_are_found_and_listed() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("lib")).unwrap();
        for (name, text) in [("main.rhai", ""), ("lib/sites.rhai", "fn site() { }"), ("notes.txt", "")] {
            std::fs::write(place.path().join(name), text).unwrap();
        }
        let nothing = |_: &Path| None;
        let files = Files::new(Some(place.path().join("main.rhai")), &[], &nothing);
        let names = files.names();
        assert!(names.contains(&"lib/sites".to_owned()) && !names.contains(&"main".to_owned()), "{names:?}");
        assert_eq!(files.find("lib/sites").unwrap().text, "fn site() { }");
        assert_eq!(files.find("../lib/sites"), None);
        let open = |path: &Path| path.ends_with("sites.rhai").then(|| "fn unsaved() { }".to_owned());
        let files = Files::new(Some(place.path().join("main.rhai")), &[], &open);
        assert_eq!(files.find("lib/sites").unwrap().text, "fn unsaved() { }");
    }
}
