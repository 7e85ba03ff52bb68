//! Files of the host's that scripts name: where a relative path lies, and the note that one was read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Session;
use crate::perform::Secrets;
use crate::plan::Digest;
use crate::script::{Fault, Kind};

/// Who calls verbs, and from where.
#[derive(Default)]
pub(super) struct Callers {
    /// The file that the verb which runs now was called in, by its name in messages.
    pub(super) current: RefCell<String>,
    /// The directories that files lie in, by their names in messages.
    directories: RefCell<BTreeMap<String, PathBuf>>,
}

/// Where the secrets come from that actions name.
pub fn secrets() -> Secrets {
    Secrets::new(Rc::new(|name: &str| crate::script::secret::read(name).map_err(|fault| fault.to_string())))
}

impl Session {
    /// A script or module was read from a file in this directory.
    pub fn lies_in(&self, name: &str, directory: &Path) {
        self.callers.directories.borrow_mut().insert(name.to_owned(), directory.to_owned());
    }

    /// A path of the host's as the calling file means it: from the directory that it lies in. What lies nowhere (`-e`,
    /// standard input, the standard library) means the script's, or the working directory.
    pub fn host_path(&self, text: &str) -> Result<PathBuf, Fault> {
        let path = Path::new(text);
        if text.is_empty() || text.contains('\0') {
            return Err(Fault::new(Kind::Path, format!("{text:?} is no path; name a file of the host")));
        }
        let directories = self.callers.directories.borrow();
        let beside = directories.get(&*self.callers.current.borrow()).or_else(|| directories.get(&*self.name.borrow()));
        let path = beside.map_or_else(|| path.to_owned(), |directory| directory.join(path));
        std::path::absolute(&path).map_err(|error| Fault::file(&path, &error))
    }

    /// A verb read this file of the host's.
    pub fn read(&self, path: &Path, digest: Digest) {
        self.provenance.borrow_mut().files.insert(path.display().to_string(), digest);
    }
}
