//! This program in a jail that may have none of its libraries: a directory in the jail's /tmp with the program, the libraries
//! and the loader that this process runs by; removed when dropped.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs::read;
use std::path::{Path, PathBuf};

use crate::jail::proof::PROGRAM;
use crate::jail::script_file::PREFIX;
use crate::jail::store::{self, Directory, random_name, remove_tree};
use crate::jail::{Host, JailError};
use crate::kernel::JailName;
use crate::kernel::system;

pub struct Kit {
    tmp: Directory,
    name: String,
    /// File name of the loader, if this program takes one.
    loader: Option<String>,
}

impl Kit {
    /// Puts it there. Like the scripts of an apply, one that was left by a killed probe goes when the jail is down.
    ///
    /// # Errors
    /// Those of writing to the jail's /tmp.
    pub fn place(host: &Host, name: &JailName) -> Result<Kit, JailError> {
        let tmp = store::jail(&host.config, name)?.sub("data")?.sub("tmp")?;
        let directory = random_name(PREFIX)?;
        let held = tmp.make(&directory, 0o700)?;
        let mut kit = Kit { tmp, name: directory, loader: None };
        let own = read("/proc/self/exe").map_err(JailError::io("read this program"))?;
        held.write_new(PROGRAM, 0o700, &own)?;
        let loaded = Loaded::of_this_process();
        for path in &loaded.libraries {
            let name = file_name(path);
            held.write_new(&name, 0o700, &read(path).map_err(JailError::io(format!("read {}", path.display())))?)?;
        }
        kit.loader = loaded.loader.as_deref().map(file_name);
        Ok(kit)
    }

    /// How it is called inside.
    pub fn argv(&self) -> Vec<String> {
        let folder = format!("/tmp/{}", self.name);
        let program = format!("{folder}/{PROGRAM}");
        match &self.loader {
            Some(loader) => vec![format!("{folder}/{loader}"), "--library-path".into(), folder, program],
            None => vec![program],
        }
    }
}

impl Drop for Kit {
    fn drop(&mut self) {
        // What the jail keeps us from removing goes with the sweep of the next start.
        let _ = remove_tree(&self.tmp, &self.name);
    }
}

fn file_name(path: impl AsRef<Path>) -> String {
    path.as_ref().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The files that this process was loaded from, but the program itself.
#[derive(Debug, Default)]
struct Loaded {
    /// By the names that the program asks for them: those of the files they lead to are others.
    libraries: BTreeSet<PathBuf>,
    loader: Option<PathBuf>,
}

impl Loaded {
    fn of_this_process() -> Loaded {
        let mut objects: Vec<(String, u64)> = Vec::new();
        // SAFETY: the callback gets what it is told, and is not called after this returns.
        unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut objects).cast()) };
        Loaded::of(objects, system::loader())
    }

    /// The program has no name here, and the kernel's own page no directory, dl_iterate_phdr(3).
    fn of(objects: Vec<(String, u64)>, loader_at: u64) -> Loaded {
        let mut loaded = Loaded::default();
        for (path, at) in objects.into_iter().filter(|(name, _)| name.starts_with('/')) {
            if at == loader_at {
                loaded.loader = Some(path.clone().into());
            }
            loaded.libraries.insert(path.into());
        }
        loaded
    }
}

/// Called for each object; `objects` is a list of names and addresses.
unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _size: usize, objects: *mut libc::c_void) -> libc::c_int {
    // SAFETY: both are what dl_iterate_phdr was given or gives; the name is NUL-terminated.
    let (objects, info) = unsafe { (&mut *objects.cast::<Vec<(String, u64)>>(), &*info) };
    if !info.dlpi_name.is_null() {
        // SAFETY: as above.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) };
        objects.push((name.to_string_lossy().into_owned(), info.dlpi_addr));
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_and_the_libraries_are_told_from_the_program_and_the_kernels_own() {
        let objects = [("", 0x5570), ("linux-vdso.so.1", 1), ("/lib/libelf.so.1", 2), ("/lib64/ld-linux.so.2", 3)];
        let loaded = Loaded::of(objects.map(|(name, at)| (name.to_owned(), at)).to_vec(), 3);
        let libraries: Vec<String> = loaded.libraries.iter().map(file_name).collect();
        assert_eq!(libraries, ["libelf.so.1", "ld-linux.so.2"]);
        assert_eq!(loaded.loader, Some("/lib64/ld-linux.so.2".into()));
        let alone = Loaded::of(vec![(String::new(), 0)], 0);
        assert_eq!((alone.libraries.len(), alone.loader), (0, None));
    }
}
