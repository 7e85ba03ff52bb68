//! The host as plans look at it.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::secrets::Secrets;
use super::step::request;
use crate::jail::{self, ExecRequest, Host, Inside, JailError, base};
use crate::kernel::JailName;
use crate::plan::{
    Command, Digest, Entry, JailPath, JailSeen, Kind, MAX_READ, Observe, ObserveError, Packages, Part, Seed, Service,
};
use crate::telemetry::Observation;

/// A guard that takes longer has failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a file of the host's that is one of several parts.
const MAX_FILE: u64 = 1 << 30;

/// A host, and where its secrets come from.
#[derive(Clone)]
pub struct View {
    pub host: Host,
    pub secrets: Secrets,
    /// Longer than this no command may take, whatever its own timeout.
    pub patience: Option<Duration>,
}

impl View {
    pub fn new(host: Host, secrets: Secrets) -> View {
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
        let mut spec = seen.jail.spec.map(Box::new);
        if let (Ok(spec), true) = (&mut spec, service != Service::Down)
            && let Some((_, live)) = jail::drifted(&self.host, name, &spec.limits)?
        {
            // What the jail is held to counts, whatever its file says.
            spec.limits = live;
        }
        Ok(Some(JailSeen { spec, service, stale }))
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        Ok(jail::observe_all(&self.host)?.into_iter().map(|seen| seen.name).collect())
    }

    fn entry(&self, name: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(Entry::Absent) };
        Ok(inside.look(path.relative())?)
    }

    fn bytes(&self, name: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(None) };
        Ok(inside.read(path.relative(), MAX_READ)?)
    }

    fn target(&self, name: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(None) };
        Ok(inside.target(path.relative())?)
    }

    fn names(&self, name: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        let Some(inside) = absent(Inside::open(&self.host, name))? else { return Ok(Vec::new()) };
        let odd = |_| ObserveError::Path {
            path: path.to_string(),
            why: format!("holds a name that is no text in jail {name}"),
            remedy: "remove it with exec".into(),
        };
        inside.names(path.relative())?.into_iter().map(|name| name.into_string().map_err(odd)).collect()
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

    fn packages(&self, _: &JailName, base: &jail::Base) -> Result<Option<Packages>, ObserveError> {
        Ok(base::package_status(&self.host.config, base)?.map(|status| Packages::parse(&status)))
    }

    fn seed(&self, base: &jail::Base, path: &JailPath) -> Result<Seed, ObserveError> {
        // In an archive, or the host's, of which a jail has texts of ours.
        let Some(inside) = Inside::of_base(&self.host.config, base)? else { return Ok(Seed::of(Entry::Unknown)) };
        let path = path.relative();
        let entry = inside.look(path)?;
        let bytes = if let Entry::File { .. } = entry { inside.read(path, MAX_READ)? } else { None };
        let names = if let Entry::Directory { .. } = entry { inside.names(path)? } else { Vec::new() };
        // A name that is no text is found when the jail is there.
        Ok(Seed { entry, bytes, names: names.into_iter().filter_map(|name| name.into_string().ok()).collect() })
    }

    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        match part {
            Part::Text(text) => Ok(text.clone().into_bytes()),
            Part::Bytes(bytes) => Ok(bytes.0.clone()),
            Part::Secret(name) => self.secrets.get(name).map_err(ObserveError::Secret),
            Part::File { path, sha256, size } => {
                let mut bytes = Vec::new();
                if *size > MAX_FILE {
                    return Err(ObserveError::Path {
                        path: path.display().to_string(),
                        why: format!("is longer than {} MiB and only part of a file", MAX_FILE >> 20),
                        remedy: "copy it alone".into(),
                    });
                }
                pour(path, sha256, *size, &mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// Notes a file of the host's, to be put into a jail.
pub fn noted(path: &Path) -> Result<Part, ObserveError> {
    let mut summed = Summed { to: std::io::sink(), sum: Sha256::new() };
    let size = copy(path, u64::MAX, &mut summed)?;
    Ok(Part::File { path: path.to_owned(), sha256: summed.finish(), size })
}

/// Writes a file of the host's that was noted, and says if it is no longer the same; what was written is then nothing.
pub(super) fn pour(path: &Path, sha256: &Digest, size: u64, to: &mut dyn Write) -> Result<(), ObserveError> {
    let mut summed = Summed { to, sum: Sha256::new() };
    copy(path, size, &mut summed)?;
    if summed.finish() == *sha256 {
        return Ok(());
    }
    Err(ObserveError::Path {
        path: path.display().to_string(),
        why: "is not what it was when the plan was made".into(),
        remedy: "make the plan again".into(),
    })
}

fn copy(path: &Path, limit: u64, to: &mut dyn Write) -> Result<u64, ObserveError> {
    let mut file = jail::open_file(path)?.take(limit.saturating_add(1));
    std::io::copy(&mut file, to).map_err(|error| JailError::io(format!("read {}", path.display()))(error).into())
}

/// Adds up what is written.
struct Summed<W> {
    to: W,
    sum: Sha256,
}

impl<W> Summed<W> {
    fn finish(self) -> Digest {
        Digest::finished(self.sum)
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
