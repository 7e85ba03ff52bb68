//! The attack programs of tests/attacks, compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The compiled program.
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks")
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

impl Program {
    /// Compiles the program unless that was done: an emulated machine takes long for it, so the native tests do it first.
    pub fn build() -> Program {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        Program { path: BUILT.get_or_init(Program::compiled).clone() }
    }

    fn compiled() -> PathBuf {
        let files: Vec<PathBuf> =
            fs::read_dir(sources()).expect("tests/attacks is there").map(|entry| entry.expect("readable").path()).collect();
        let newest = files.iter().filter_map(|file| modified(file)).max();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("attacks");
        if modified(&path) < newest {
            compile(&files, &path);
        }
        path
    }
}

fn compile(files: &[PathBuf], path: &Path) {
    let parts = files.iter().filter(|file| file.extension().is_some_and(|end| end == "c"));
    // Under another name first: a program that another process runs meanwhile stays whole.
    let fresh = path.with_extension(std::process::id().to_string());
    let output = Command::new("gcc")
        .args(["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-static", "-o"])
        .arg(&fresh)
        .args(parts)
        .output()
        .expect("gcc is installed");
    assert!(output.status.success(), "gcc: {}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&fresh, path).expect("the target directory is writable");
}
