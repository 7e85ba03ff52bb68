//! Jails at boot: a systemd unit and a sysvinit script that start those with autostart, and stop all at shutdown; and a unit
//! by which systemd gives away a control group for them. Touches
//! `etc/systemd/system` and `etc/init.d` below the root it is given, and there only files that bear its mark.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use nix::fcntl::readlinkat;
use nix::sys::stat::SFlag;
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use crate::jail::{Directory, JailError};

/// A file that we wrote says so.
const MARK: &str = "# Written by jailmgr bootstrap";
/// A unit longer than this was not written by us.
const MAX_UNIT: usize = 64 * 1024;
const UNIT: &str = "jailsh.service";
/// By which systemd gives away a control group.
const GROUPS: &str = "jailsh-groups.service";
const SCRIPT: &str = "jailsh";
const UNITS: [&str; 3] = ["etc", "systemd", "system"];
const WANTS: &str = "multi-user.target.wants";
/// What a link in [`WANTS`] points to.
const WANTED: &str = "../jailsh.service";
const SCRIPTS: [&str; 2] = ["etc", "init.d"];

/// What was done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Made,
    Replaced,
    AsItWas,
    Removed,
    NotThere,
}

impl Step {
    pub fn words(self) -> &'static str {
        match self {
            Step::Made => "made",
            Step::Replaced => "replaced",
            Step::AsItWas => "is there already",
            Step::Removed => "removed",
            Step::NotThere => "is not there",
        }
    }
}

/// A file, and what was done with it.
pub type Done = (PathBuf, Step);

/// The command that the files call, checked: its words go into a unit and into a shell script as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// # Errors
    /// A word that systemd or a shell would not take for itself.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> Result<Command, JailError> {
        let mut line = Vec::new();
        for word in words {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"/._+:,=-".contains(&b);
            match word.to_str().filter(|text| !text.is_empty() && text.bytes().all(fits)) {
                Some(text) => line.push(text),
                None => {
                    return Err(JailError::Path {
                        path: word.into(),
                        why: "cannot be written into a unit".into(),
                        remedy: "choose a name of letters, digits and / . _ + : , = -".into(),
                    });
                }
            }
        }
        Ok(Command(line.join(" ")))
    }

    /// The text of the systemd unit.
    pub fn unit(&self) -> String {
        include_str!("jailsh.service").replace("@COMMAND@", &self.0)
    }

    /// The text of the sysvinit script.
    pub fn script(&self) -> String {
        include_str!("jailsh.init").replace("@COMMAND@", &self.0)
    }
}

/// Writes unit and script below `root`, and has systemd want the unit. Nothing is written if a file of that name is not
/// ours.
pub fn install(root: &Path, command: &Command) -> Result<Vec<Done>, JailError> {
    let units = below(root, &UNITS, true)?.expect("made");
    let scripts = below(root, &SCRIPTS, true)?.expect("made");
    let groups = include_str!("jailsh-groups.service").to_owned();
    let files =
        [(&units, UNIT, 0o644, command.unit()), (&units, GROUPS, 0o644, groups), (&scripts, SCRIPT, 0o755, command.script())];
    let before = files.iter().map(|(dir, name, ..)| ours(dir, name)).collect::<Result<Vec<_>, _>>()?;
    let wants = units.ensure(WANTS, 0o755)?;
    let is_wanted = wanted(&wants)?;
    let mut done = Vec::new();
    for ((dir, name, mode, text), before) in files.into_iter().zip(before) {
        let step = match before {
            Some(old) if old == text.as_bytes() => Step::AsItWas,
            Some(_) => Step::Replaced,
            None => Step::Made,
        };
        if step != Step::AsItWas {
            dir.replace(name, mode, text.as_bytes())?;
        }
        done.push((dir.path_of(name), step));
    }
    if !is_wanted {
        let doing = format!("link {}", wants.path_of(UNIT).display());
        symlinkat(WANTED, wants.fd(), UNIT).map_err(JailError::system(doing))?;
        wants.sync()?;
    }
    done.push((wants.path_of(UNIT), if is_wanted { Step::AsItWas } else { Step::Made }));
    Ok(done)
}

/// Removes what [`install`] wrote.
pub fn uninstall(root: &Path) -> Result<Vec<Done>, JailError> {
    let (units, scripts) = (below(root, &UNITS, false)?, below(root, &SCRIPTS, false)?);
    let wants = units.as_ref().map(|units| units.find(WANTS)).transpose()?.flatten();
    let mut known = Vec::new();
    if let Some(wants) = &wants {
        known.push((wants, UNIT, wanted(wants)?));
    }
    for (dir, name) in [(&units, UNIT), (&units, GROUPS), (&scripts, SCRIPT)] {
        if let Some(dir) = dir {
            known.push((dir, name, ours(dir, name)?.is_some()));
        }
    }
    let mut done = Vec::new();
    for (dir, name, is_there) in known {
        if is_there {
            let doing = format!("remove {}", dir.path_of(name).display());
            unlinkat(dir.fd(), name, UnlinkatFlags::NoRemoveDir).map_err(JailError::system(doing))?;
            dir.sync()?;
        }
        done.push((dir.path_of(name), if is_there { Step::Removed } else { Step::NotThere }));
    }
    Ok(done)
}

fn below(root: &Path, parts: &[&str], make: bool) -> Result<Option<Directory>, JailError> {
    let mut here = if make { Directory::open_or_make(root)? } else { Directory::open(root)? };
    for part in parts {
        here = match make {
            true => here.ensure(part, 0o755)?,
            false => match here.find(part)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
    }
    here.vetted().map(Some)
}

/// What is in a file that we wrote; `None` if there is none.
fn ours(dir: &Directory, name: &str) -> Result<Option<Vec<u8>>, JailError> {
    if dir.status(name)?.is_none() {
        return Ok(None);
    }
    let bytes = dir.read(name, MAX_UNIT)?;
    let has_mark = |text: &str| text.lines().take(2).any(|line| line.starts_with(MARK));
    if std::str::from_utf8(&bytes).is_ok_and(has_mark) {
        return Ok(Some(bytes));
    }
    Err(foreign(dir, name))
}

/// Is the link there that makes systemd start the unit?
fn wanted(wants: &Directory) -> Result<bool, JailError> {
    match wants.status(UNIT)? {
        None => Ok(false),
        Some(status) if SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK => {
            let target = readlinkat(wants.fd(), UNIT);
            match target.map_err(JailError::system(format!("read {}", wants.path_of(UNIT).display())))? {
                target if target.as_os_str() == WANTED || Path::new(&target).ends_with(Path::new("system").join(UNIT)) => {
                    Ok(true)
                }
                _ => Err(foreign(wants, UNIT)),
            }
        }
        Some(_) => Err(foreign(wants, UNIT)),
    }
}

fn foreign(dir: &Directory, name: &str) -> JailError {
    JailError::Path { path: dir.path_of(name), why: "was not written by jailmgr".into(), remedy: "move it away first".into() }
}
