//! The files for boot, as `jailmgr bootstrap` writes and removes them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::fleet::boot::{self, Step};
use crate::jail::JailError;

const TOOL: &str = "jailmgr";

/// Writes them, after systemd had a look at the unit where there is one.
pub fn write(root: &Path, common: &Common) -> Result<(), Failure> {
    let program = program()?;
    let mut words: Vec<&OsStr> = vec![program.as_os_str()];
    let kernel = common.kernel.map(|body| format!("--kernel={}", body.name()));
    let path = |option: &str, path: &Option<PathBuf>| {
        let path = path.as_ref().map(std::path::absolute).transpose().map_err(JailError::io("look at the working directory"))?;
        Ok::<_, JailError>(path.map(|path| format!("--{option}={}", path.display())))
    };
    let options =
        [kernel, path("data-dir", &common.data_dir)?, path("run-dir", &common.run_dir)?, path("config", &common.config)?];
    words.extend(options.iter().flatten().map(OsStr::new));
    let command = boot::Command::new(words)?;
    verify(&command)?;
    let done = boot::install(root, &command)?;
    let is_new = done.iter().any(|(_, step)| *step != Step::AsItWas);
    told(done)?;
    if is_new {
        tell_init(root, &["defaults"])?;
    }
    Ok(())
}

pub fn remove(root: &Path) -> Outcome {
    let done = boot::uninstall(root)?;
    let was_there = done.iter().any(|(_, step)| *step == Step::Removed);
    told(done)?;
    if was_there {
        tell_init(root, &["remove"])?;
    }
    Ok(Exit::DONE)
}

fn told(done: Vec<boot::Done>) -> Result<(), Failure> {
    done.iter().try_for_each(|(path, step)| output::say(format_args!("{}: {}", path.display(), step.words())))
}

/// This program as it was called, by a path that only root can change: it will run at every boot.
fn program() -> Result<PathBuf, Failure> {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let found = match called.components().count() {
        1 => in_path(),
        _ => std::path::absolute(&called).ok().filter(|path| path.is_file()),
    };
    let path = found.ok_or_else(|| {
        Failure::new(
            Exit::FAILED,
            "this program is not found under its name; put jailmgr into a directory of PATH, and call it there",
        )
    })?;
    let looking = |error| Failure::from(JailError::io(format!("look at {}", path.display()))(error));
    let real = fs::canonicalize(&path).map_err(looking)?;
    for part in real.ancestors() {
        let status = fs::metadata(part).map_err(looking)?;
        // In a sticky directory like /tmp others cannot replace what is root's.
        let is_open = status.mode() & 0o022 != 0 && !(status.is_dir() && status.mode() & 0o1000 != 0);
        if status.uid() != 0 || is_open {
            return Err(JailError::Path {
                path: part.to_owned(),
                why: "can be changed by others than root, so jailmgr would not be safe to run at boot from there".into(),
                remedy: "install it where only root can write, as in /usr/local/sbin".into(),
            }
            .into());
        }
    }
    Ok(path)
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(TOOL)).find(|file| file.is_file())
}

/// Runs a program of the host, if it is there.
fn host(program: &str, arguments: &[&OsStr]) -> Result<Option<Output>, Failure> {
    let found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .map(|dir| Path::new(dir).join(program))
        .into_iter()
        .find(|path| path.is_file());
    let Some(path) = found else { return Ok(None) };
    let mut command = Command::new(&path);
    command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
    let output = command.stdin(std::process::Stdio::null()).output();
    output.map(Some).map_err(|error| JailError::io(format!("run {}", path.display()))(error).into())
}

/// Has systemd look at the unit before it is put in place, where systemd is installed.
fn verify(command: &boot::Command) -> Result<(), Failure> {
    let looking = |error| Failure::from(JailError::io("write the unit for systemd-analyze")(error));
    let dir = nix::unistd::mkdtemp(&std::env::temp_dir().join("jailsh-unit-XXXXXX"))
        .map_err(|errno| looking(std::io::Error::from(errno)))?;
    let unit = dir.join("jailsh.service");
    let verdict = fs::write(&unit, command.unit()).map_err(looking).and_then(|()| {
        host("systemd-analyze", &["verify".as_ref(), "--man=no".as_ref(), "--recursive-errors=no".as_ref(), unit.as_os_str()])
    });
    // A temporary directory of ours: what cannot be removed harms nobody.
    let _ = fs::remove_dir_all(&dir);
    match verdict? {
        Some(output) if !output.status.success() => {
            let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            Err(Failure::new(Exit::FAILED, format!("systemd does not take the unit, nothing was written: {why}")))
        }
        Some(_) => output::say("systemd-analyze: the unit is well-formed"),
        None => output::say("systemd-analyze is not installed, so the unit was not verified"),
    }
}

/// Makes the running init system notice; one of another root is not running.
fn tell_init(root: &Path, update_rc: &[&str]) -> Result<(), Failure> {
    if root != Path::new("/") {
        return Ok(());
    }
    let (program, arguments) = match Path::new("/run/systemd/system").is_dir() {
        true => ("systemctl", vec!["daemon-reload"]),
        false => ("update-rc.d", [&["jailsh"], update_rc].concat()),
    };
    let arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
    match host(program, &arguments)? {
        Some(output) if output.status.success() => output::say(format_args!("{program}: done")),
        Some(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            Err(Failure::new(Exit::FAILED, format!("{program} failed: {why}")))
        }
        None => output::say(format_args!("{program} is not installed; have your init system run /etc/init.d/jailsh")),
    }
}
