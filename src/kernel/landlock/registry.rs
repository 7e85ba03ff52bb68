//! Which jails there are: one file per jail under the body's run directory, written atomically, valid for this boot only.
//! The kernel keeps no table for this body; the control groups say who is a member, these files say of what.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::kernel::{ConnectRule, JailInfo, JailName, Jid, KernelError, Policy, Port, RightSet};

/// Form of the files; another one is another jailsh's.
const VERSION: u32 = 2;
/// Seconds whose CPU time is remembered.
const SAMPLES: usize = 10;

/// A jail as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    pub jid: Jid,
    pub name: JailName,
    pub root: String,
    pub profile: String,
    /// A bit per right, by its number.
    rights: u64,
    /// A bit per part of a right, kmod/policy/parts.def.
    #[serde(default)]
    parts: u64,
    pub ports: Vec<Port>,
    pub connect: Vec<ConnectRule>,
    pub held: bool,
    pub closing: bool,
}

impl Record {
    pub fn rights(&self) -> RightSet {
        RightSet::from_mask(self.rights).with_parts(self.parts)
    }

    pub fn info(&self, processes: u64) -> JailInfo {
        JailInfo {
            jid: self.jid,
            name: self.name.clone(),
            root: self.root.clone(),
            profile: self.profile.clone(),
            policy: Policy { connect: self.connect.clone(), ..Policy::new(self.rights(), self.ports.clone()) },
            processes,
            held: self.held,
            closing: self.closing,
        }
    }
}

/// CPU time of a jail, second by second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// All that was used when the last sample was taken, in microseconds.
    total: u64,
    /// What was used in each of the last seconds, the newest last, in microseconds.
    seconds: Vec<u64>,
}

impl Samples {
    pub fn take(&mut self, total: u64) {
        self.seconds.push(total.saturating_sub(self.total));
        self.total = total;
        let old = self.seconds.len().saturating_sub(SAMPLES);
        self.seconds.drain(..old);
    }

    /// The last second's, and the mean of all that are remembered; 0 before the first.
    pub fn last_and_mean(&self) -> (u64, f64) {
        let sum: u64 = self.seconds.iter().sum();
        (self.seconds.last().copied().unwrap_or(0), sum as f64 / self.seconds.len().max(1) as f64)
    }
}

pub struct Registry {
    directory: PathBuf,
}

/// Held while jails come, change or go.
pub struct Guard {
    _file: Flock<File>,
}

impl Registry {
    /// Opens the registry below `directory`, emptied if it is of an earlier boot.
    pub fn open(directory: &Path) -> Result<Registry, KernelError> {
        let registry = Registry { directory: directory.to_owned() };
        if registry.is_of_this_boot()? {
            return Ok(registry);
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(directory).map_err(KernelError::io(format!("make {}", directory.display())))?;
        let guard = registry.lock()?;
        if !registry.is_of_this_boot()? {
            registry.begin(&guard)?;
        }
        Ok(registry)
    }

    /// The registry if there is one that was begun since the machine was booted.
    pub fn of_this_boot(directory: &Path) -> Option<Registry> {
        let registry = Registry { directory: directory.to_owned() };
        registry.is_of_this_boot().is_ok_and(|current| current).then_some(registry)
    }

    fn is_of_this_boot(&self) -> Result<bool, KernelError> {
        Ok(self.read::<String>(&self.path("boot"))?.is_some_and(|boot| boot == boot_id()))
    }

    /// What an earlier boot left has no meaning any more: its jails and groups are gone.
    fn begin(&self, _guard: &Guard) -> Result<(), KernelError> {
        for part in ["jails", "samples"] {
            let path = self.path(part);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(KernelError::io(format!("remove {}", path.display()))(error));
                }
                _ => {}
            }
            let mut builder = DirBuilder::new();
            builder.mode(0o700).create(&path).map_err(KernelError::io(format!("make {}", path.display())))?;
        }
        self.write(&self.path("last_jid"), &0_u32)?;
        self.write(&self.path("boot"), &boot_id())
    }

    pub fn lock(&self) -> Result<Guard, KernelError> {
        let path = self.path("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        let file = options.open(&path).map_err(KernelError::io(format!("open {}", path.display())))?;
        let locked = Flock::lock(file, FlockArg::LockExclusive);
        let file = locked.map_err(|(_, errno)| KernelError::System { doing: format!("lock {}", path.display()), errno })?;
        Ok(Guard { _file: file })
    }

    /// All jails, ascending by jid.
    pub fn jails(&self) -> Result<Vec<Record>, KernelError> {
        let path = self.path("jails");
        let doing = || KernelError::io(format!("list {}", path.display()));
        let mut jids: Vec<u32> = Vec::new();
        for entry in fs::read_dir(&path).map_err(doing())? {
            // What is no number is a file that a crash left half written.
            jids.extend(entry.map_err(doing())?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        jids.sort_unstable();
        let mut jails = Vec::with_capacity(jids.len());
        for jid in jids {
            // One that went since the listing is gone.
            jails.extend(self.read::<Record>(&self.path(&format!("jails/{jid}")))?);
        }
        match jails.iter().find(|jail| jail.version != VERSION) {
            Some(jail) => Err(KernelError::Abi { found: jail.version, ours: VERSION }),
            None => Ok(jails),
        }
    }

    pub fn jail(&self, jid: Jid) -> Result<Record, KernelError> {
        match self.read::<Record>(&self.path(&format!("jails/{jid}")))? {
            Some(jail) if jail.version == VERSION => Ok(jail),
            Some(jail) => Err(KernelError::Abi { found: jail.version, ours: VERSION }),
            None => Err(KernelError::NoSuchJail(jid)),
        }
    }

    /// The next number, never given before. It is used up whether or not a jail comes of it.
    pub fn next_jid(&self, _guard: &Guard) -> Result<Jid, KernelError> {
        let path = self.path("last_jid");
        let next = self.read::<u32>(&path)?.and_then(|last| last.checked_add(1)).and_then(Jid::new);
        let next = next.ok_or_else(|| KernelError::Other {
            doing: format!("count jails in {}", path.display()),
            why: "its number is lost or too large; stop all jails and remove the directory it lies in".into(),
        })?;
        self.write(&path, &next.get())?;
        Ok(next)
    }

    pub fn add(&self, _guard: &Guard, jid: Jid, def: &crate::kernel::JailDef) -> Result<(), KernelError> {
        let record = Record {
            version: VERSION,
            jid,
            name: def.name.clone(),
            root: def.root.clone(),
            profile: def.profile.clone(),
            rights: def.policy.rights.mask(),
            parts: def.policy.rights.parts(),
            ports: def.policy.ports.clone(),
            connect: def.policy.connect.clone(),
            held: false,
            closing: false,
        };
        self.write(&self.path(&format!("jails/{jid}")), &record)
    }

    /// Changes what is written of a jail.
    pub fn change(&self, _guard: &Guard, jid: Jid, change: impl FnOnce(&mut Record)) -> Result<(), KernelError> {
        let mut record = self.jail(jid)?;
        change(&mut record);
        self.write(&self.path(&format!("jails/{jid}")), &record)
    }

    pub fn remove(&self, _guard: &Guard, jid: Jid) -> Result<(), KernelError> {
        for part in ["jails", "samples"] {
            let path = self.path(&format!("{part}/{jid}"));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(KernelError::io(format!("remove {}", path.display()))(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub fn samples(&self, jid: Jid) -> Result<Samples, KernelError> {
        Ok(self.read(&self.path(&format!("samples/{jid}")))?.unwrap_or_default())
    }

    /// Written by the jail's one supervisor only, so it needs no lock.
    pub fn set_samples(&self, jid: Jid, samples: &Samples) -> Result<(), KernelError> {
        self.write(&self.path(&format!("samples/{jid}")), samples)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, KernelError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KernelError::io(format!("read {}", path.display()))(error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| KernelError::Other {
            doing: format!("read {}", path.display()),
            why: format!("{error}; stop all jails and remove the directory it lies in"),
        })
    }

    /// A reader finds the old content or the new one. It need not survive the machine's end, so nothing is synced.
    fn write<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), KernelError> {
        let aside = path.with_extension(format!("{}.new", std::process::id()));
        let written = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
            file.write_all(&serde_json::to_vec(value)?)?;
            fs::rename(&aside, path)
        };
        written().map_err(|error| {
            // Half a file that nobody reads; the first error is the one to tell.
            let _ = fs::remove_file(&aside);
            KernelError::io(format!("write {}", path.display()))(error)
        })
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| "unknown".into(), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{JailDef, Level};

    fn def(name: &str) -> JailDef {
        let connect = vec!["any:53/udp".parse().unwrap()];
        let policy = Policy { connect, ..Policy::new(Level::Medium.rights(), vec![Port::try_from(8080).unwrap()]) };
        JailDef { name: name.parse().unwrap(), root: "/r".into(), profile: "medium".into(), policy }
    }

    fn added(registry: &Registry, name: &str) -> Jid {
        let guard = registry.lock().unwrap();
        let jid = registry.next_jid(&guard).unwrap();
        registry.add(&guard, jid, &def(name)).unwrap();
        jid
    }

    #[test]
    fn jails_are_found_again_and_numbers_are_never_given_twice() {
        let scratch = tempfile::tempdir().unwrap();
        let registry = Registry::open(&scratch.path().join("landlock")).unwrap();
        let (a, b) = (added(&registry, "a"), added(&registry, "b"));
        assert_eq!((a.get(), b.get()), (1, 2));
        let again = Registry::open(&scratch.path().join("landlock")).unwrap();
        assert_eq!(again.jails().unwrap().iter().map(|jail| jail.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        again.remove(&again.lock().unwrap(), b).unwrap();
        assert!(matches!(again.jail(b), Err(KernelError::NoSuchJail(_))));
        assert_eq!(added(&again, "b").get(), 3);
        assert_eq!(again.jail(a).unwrap().info(7).policy, def("a").policy);
    }

    #[test]
    fn what_an_earlier_boot_left_is_forgotten() {
        let scratch = tempfile::tempdir().unwrap();
        let registry = Registry::open(scratch.path()).unwrap();
        added(&registry, "a");
        fs::write(scratch.path().join("boot"), "\"another\"").unwrap();
        assert_eq!(Registry::open(scratch.path()).unwrap().jails().unwrap(), []);
    }

    #[test]
    fn a_torn_or_foreign_file_is_an_error_that_names_it() {
        let scratch = tempfile::tempdir().unwrap();
        let registry = Registry::open(scratch.path()).unwrap();
        let jid = added(&registry, "a");
        let path = scratch.path().join(format!("jails/{jid}"));
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.replace("\"version\":2", "\"version\":9")).unwrap();
        assert!(matches!(registry.jail(jid), Err(KernelError::Abi { found: 9, ours: VERSION })));
        fs::write(&path, &whole[..20]).unwrap();
        assert!(registry.jail(jid).unwrap_err().to_string().contains("jails/1"));
    }

    #[test]
    fn samples_are_the_differences_of_the_last_ten_seconds() {
        let mut samples = Samples::default();
        assert_eq!(samples.last_and_mean(), (0, 0.0));
        for total in (0..=20).map(|second| second * 100) {
            samples.take(total);
        }
        samples.take(2500);
        assert_eq!(samples.last_and_mean(), (500, 140.0));
    }
}
