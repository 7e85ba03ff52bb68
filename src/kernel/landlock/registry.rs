//! Which jails there are: one file per jail under the body's run directory, written atomically, valid for this boot only.
//! The kernel keeps no table for this body; the control groups say who is a member, these files say of what.

mod links;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::samples::Samples;
use crate::kernel::{ConnectRule, JailInfo, JailName, Jid, KernelError, Policy, Reservation, RightSet, plain};
use links::{NAMES, PORTS, entries};

/// Form of the files; another one is another jailsh's.
const VERSION: u32 = 2;
/// Its parts, all made anew at a boot.
const PARTS: [&str; 4] = ["jails", "samples", NAMES, PORTS];
/// There while the kernel may enforce something else than what is written here.
const UNSETTLED: &str = "unsettled";

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
    pub ports: Vec<Reservation>,
    pub connect: Vec<ConnectRule>,
    pub held: bool,
    pub closing: bool,
}

impl Record {
    pub fn rights(&self) -> RightSet {
        RightSet::from_mask(self.rights).with_parts(self.parts)
    }

    pub fn policy(&self) -> Policy {
        Policy { connect: self.connect.clone(), ..Policy::new(self.rights(), self.ports.clone()) }
    }

    pub fn info(&self, processes: u64) -> JailInfo {
        JailInfo {
            jid: self.jid,
            name: self.name.clone(),
            root: self.root.clone(),
            profile: self.profile.clone(),
            policy: self.policy(),
            processes,
            held: self.held,
            closing: self.closing,
        }
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
        if registry.is_of_this_boot()? && registry.has_links() {
            return Ok(registry);
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(directory).map_err(KernelError::io(format!("make {}", directory.display())))?;
        let guard = registry.lock()?;
        if !registry.is_of_this_boot()? {
            registry.begin(&guard)?;
        } else if !registry.has_links() {
            registry.link_all(&guard)?;
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

    /// A jailsh before this one made none.
    fn has_links(&self) -> bool {
        self.path(NAMES).exists()
    }

    /// What an earlier boot left has no meaning any more: its jails and groups are gone.
    fn begin(&self, guard: &Guard) -> Result<(), KernelError> {
        for part in PARTS {
            self.make_anew(part)?;
        }
        self.settle(guard)?;
        self.write(&self.path("last_jid"), &0_u32)?;
        self.write(&self.path("boot"), &boot_id())
    }

    /// Makes the links to jails that are there already. Names come last: then all is done.
    fn link_all(&self, guard: &Guard) -> Result<(), KernelError> {
        let aside = format!("{NAMES}.new");
        for part in [PORTS, &aside] {
            self.make_anew(part)?;
        }
        for jail in self.jails()? {
            self.link(guard, &jail, &aside)?;
        }
        fs::rename(self.path(&aside), self.path(NAMES)).map_err(KernelError::io(format!("make {}", self.path(NAMES).display())))
    }

    fn make_anew(&self, part: &str) -> Result<(), KernelError> {
        let path = self.path(part);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(KernelError::io(format!("remove {}", path.display()))(error));
            }
            _ => {}
        }
        let mut builder = DirBuilder::new();
        builder.mode(0o700).create(&path).map_err(KernelError::io(format!("make {}", path.display())))
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
        let mut jails = Vec::new();
        for jid in self.numbers("jails")? {
            // One that went since the listing is gone.
            jails.extend(self.read::<Record>(&self.path(&format!("jails/{jid}")))?);
        }
        match jails.iter().find(|jail| jail.version != VERSION) {
            Some(jail) => Err(KernelError::Abi { found: jail.version, ours: VERSION }),
            None => Ok(jails),
        }
    }

    pub fn is_empty(&self) -> Result<bool, KernelError> {
        Ok(self.numbers("jails")?.is_empty())
    }

    /// The entries of a part that are numbers. What is none is a file that a crash left half written.
    fn numbers(&self, part: &str) -> Result<BTreeSet<u32>, KernelError> {
        let path = self.path(part);
        let doing = || KernelError::io(format!("list {}", path.display()));
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(&path).map_err(doing())? {
            numbers.extend(entry.map_err(doing())?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(numbers)
    }

    /// Said before the kernel is told of a change that is written here, or is to be: who finds it makes all right.
    pub fn unsettle(&self, _guard: &Guard) -> Result<(), KernelError> {
        let path = self.path(UNSETTLED);
        File::create(&path).map(drop).map_err(KernelError::io(format!("make {}", path.display())))
    }

    pub fn settle(&self, guard: &Guard) -> Result<(), KernelError> {
        self.unlink(guard, &self.path(UNSETTLED))
    }

    pub fn is_settled(&self, _guard: &Guard) -> bool {
        matches!(self.path(UNSETTLED).try_exists(), Ok(false))
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

    pub fn add(&self, guard: &Guard, jid: Jid, def: &crate::kernel::JailDef) -> Result<(), KernelError> {
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
        self.link(guard, &record, NAMES)?;
        self.write(&self.path(&format!("jails/{jid}")), &record)
    }

    /// Changes what is written of a jail.
    pub fn change(&self, _guard: &Guard, jid: Jid, change: impl FnOnce(&mut Record)) -> Result<(), KernelError> {
        let mut record = self.jail(jid)?;
        change(&mut record);
        self.write(&self.path(&format!("jails/{jid}")), &record)
    }

    /// Forgets a jail; done with one that is not there.
    pub fn remove(&self, guard: &Guard, jid: Jid) -> Result<(), KernelError> {
        let jail = match self.jail(jid) {
            Err(KernelError::NoSuchJail(_)) => None,
            found => Some(found?),
        };
        for part in ["jails", "samples"] {
            self.unlink(guard, &self.path(&format!("{part}/{jid}")))?;
        }
        for (part, entry) in jail.iter().flat_map(entries) {
            self.unlink(guard, &self.path(part).join(entry))?;
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
        let text = match plain::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
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

/// It does not change while a process lives.
fn boot_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    let read = || plain::text("/proc/sys/kernel/random/boot_id");
    ID.get_or_init(|| read().map_or_else(|_| "unknown".into(), |id| id.trim().to_owned()))
}

#[cfg(test)]
mod tests;
