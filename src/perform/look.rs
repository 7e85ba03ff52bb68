//! The host as plans look at it.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;

use super::step::request;
use crate::jail::{self, ExecRequest, Found, Host, Inside, JailError, base};
use crate::kernel::JailName;
use crate::plan::{Command, Digest, Entry, JailPath, JailSeen, Kind, MAX_READ, Observe, ObserveError, Part, Service};
use crate::telemetry::Observation;

/// A guard that takes longer has failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a file of the host's that goes into a jail.
const MAX_FILE: u64 = 1 << 30;

/// Finds a secret by its name.
pub type Fetch = Rc<dyn Fn(&str) -> Result<Vec<u8>, String>>;

/// A host, and where its secrets come from.
#[derive(Clone)]
pub struct View {
    pub host: Host,
    pub secrets: Fetch,
    /// Longer than this no command may take, whatever its own timeout.
    pub patience: Option<Duration>,
}

impl View {
    pub fn new(host: Host, secrets: Fetch) -> View {
        View { host, secrets, patience: None }
    }

    /// The shorter of a command's own timeout and what is left.
    pub(super) fn timeout(&self, own: Option<Duration>) -> Option<Duration> {
        self.patience.into_iter().chain(own).min()
    }
}

/// No such jail is an answer, not an error.
fn absent<T>(found: Result<T, JailError>) -> Result<Option<T>, JailError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(JailError::NoSuchJail { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Observe for View {
    fn jail(&self, name: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        let Some(seen) = absent(Observation::one(&self.host, name))? else { return Ok(None) };
        let service = match seen.state() {
            "down" | "unreadable" => Service::Down,
            Observation::FROZEN => Service::Frozen,
            "running" => Service::Ready,
            "up" => Service::Up,
            other => Service::Unready(other.to_owned()),
        };
        let stale = if service == Service::Down { Vec::new() } else { jail::stale(&self.host, name)? };
        Ok(Some(JailSeen { spec: seen.jail.spec.map(Box::new), service, stale }))
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        Ok(jail::observe_all(&self.host)?.into_iter().map(|seen| seen.name).collect())
    }

    fn entry(&self, name: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(Entry::Absent) };
        Ok(match inside.look(path.relative())? {
            Found::Nothing => Entry::Absent,
            Found::File { sha256, size, mode, uid, gid } => {
                let sha256 = Digest::try_from(sha256).map_err(ObserveError::Secret)?;
                Entry::File { sha256, size, mode, uid, gid }
            }
            Found::Directory { mode, uid, gid } => Entry::Directory { mode, uid, gid },
            Found::Link { target } => Entry::Link { target },
            Found::Other => Entry::Other,
        })
    }

    fn bytes(&self, name: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(None) };
        Ok(inside.read(path.relative(), MAX_READ)?)
    }

    fn id(&self, name: &JailName, kind: Kind, who: &str) -> Result<Option<u32>, ObserveError> {
        if let Ok(number) = who.parse() {
            return Ok(Some(number));
        }
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(None) };
        Ok(match kind {
            Kind::User => inside.user(who)?,
            Kind::Group => inside.group(who)?,
        })
    }

    fn probe(&self, name: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        let request = ExecRequest { timeout: self.timeout(Some(PROBE_TIMEOUT)), ..request(self, command)? };
        match jail::exec(&self.host, name, &request) {
            Ok(output) => Ok(Some(output.status)),
            Err(JailError::NotRunning(_) | JailError::NoSuchJail { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn same_base(&self, wanted: &jail::Base, pinned: &jail::Base) -> Result<bool, ObserveError> {
        Ok(base::keeps(&self.host.config, wanted, pinned))
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        match part {
            Part::Text(text) => Ok(text.clone().into_bytes()),
            Part::Bytes(bytes) => Ok(bytes.0.clone()),
            Part::Secret(name) => (self.secrets)(name).map_err(ObserveError::Secret),
            Part::File { path, sha256 } => {
                let bytes = host_file(path)?;
                if Digest::of(&bytes) == *sha256 {
                    return Ok(bytes);
                }
                Err(ObserveError::Path {
                    path: path.display().to_string(),
                    why: "is not what it was when the plan was made".into(),
                    remedy: "make the plan again".into(),
                })
            }
        }
    }
}

/// All of a file that the administrator named.
pub(super) fn host_file(path: &Path) -> Result<Vec<u8>, ObserveError> {
    let wrong = |why: String, remedy: &str| ObserveError::Path { path: path.display().to_string(), why, remedy: remedy.into() };
    let unread = |error: std::io::Error| {
        let why = error.raw_os_error().map_or_else(|| error.to_string(), |raw| Errno::from_raw(raw).desc().to_lowercase());
        wrong(why, "name a file that can be read")
    };
    let file = std::fs::File::open(path).map_err(unread)?;
    let status = file.metadata().map_err(unread)?;
    if !status.is_file() {
        return Err(wrong("is no plain file".into(), "name one"));
    }
    if status.len() > MAX_FILE {
        return Err(wrong(format!("is longer than {} MiB", MAX_FILE >> 20), "use unpack with an archive, or a base"));
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &file, &mut bytes).map_err(unread)?;
    Ok(bytes)
}
