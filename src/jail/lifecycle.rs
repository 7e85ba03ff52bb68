//! create, bring up, tear down, destroy: each either done or undone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::stale::SPEC_CHANGED;
use super::store::{self, Directory, Lock};
use super::{Base, Config, Host, JailError, Spec, base, data, disk, root, script_file, stale};
use crate::kernel::{JailDef, JailInfo, JailName, Jid, KernelError, Limits};

/// How long killing all members may take: they can only hang in the kernel.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// The kernel's table takes so many bytes of the root's path; it is a label there.
const LABEL_LIMIT: usize = 255;
/// And so many of the profile's name.
const PROFILE_LIMIT: usize = 31;

/// What `create` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Created,
    /// One line per changed key: `key: old -> new`.
    Changed {
        diff: Vec<String>,
    },
    Unchanged,
}

/// A jail that is in the kernel and has its mounts.
#[derive(Debug, Clone)]
pub struct Running {
    pub name: JailName,
    pub jid: Jid,
    /// False when it was up already.
    pub brought_up: bool,
}

/// A jail as found on this host.
#[derive(Debug, Clone)]
pub struct Observed {
    pub name: JailName,
    /// `Err` when `jail.toml` cannot be read: the reason.
    pub spec: Result<Spec, String>,
    /// `None`: not in the kernel.
    pub kernel: Option<JailInfo>,
    /// Its root is mounted in a pinned namespace.
    pub pinned: bool,
}

impl Observed {
    /// In the kernel, with its root: commands can run in it.
    pub fn is_up(&self) -> bool {
        self.pinned && self.kernel.as_ref().is_some_and(|jail| !jail.closing)
    }
}

/// Writes the jail's `jail.toml` and data layer. Creating again changes only what differs; a running jail keeps its
/// policy until it is restarted. Nothing is left after a failure.
pub fn create(host: &Host, name: &JailName, spec: &Spec) -> Result<Change, JailError> {
    admit(host, spec)?;
    let _lock = Lock::jail(host, name)?;
    let jails = store::jails_or_make(&host.config)?;
    store::sweep(&host.config, name)?;
    let jail = jails.find(name.as_str())?.map(Directory::vetted).transpose()?;
    // Looked at before anything is written: a broken jail is told, not half repaired.
    let old = jail.as_ref().map(|jail| store::read_spec(jail, name)).transpose()?.flatten();
    let spec = &settled(host, name, spec, old.as_ref())?;
    let tree = tree_of(&host.config, &spec.base)?;
    // Until the jail pins its base, nothing else keeps that.
    let mut pinned = None;
    let Some(jail) = jail else {
        store::appear(&jails, name.as_str(), 0o700, |jail| {
            jail.make("root", 0o755)?;
            let written = store::write_first_spec(jail, spec)?;
            data::make(jail, tree.as_ref())?;
            pinned = base::hold(&host.config, &spec.base)?;
            nix::unistd::fsync(written).map_err(JailError::system("write jail.toml to disk"))
        })?;
        drop(pinned);
        return Ok(Change::Created);
    };
    complete(&jail, tree.as_ref())?;
    let _pinned = base::hold(&host.config, &spec.base)?;
    let Some(old) = old else {
        store::write_spec(&jail, spec)?;
        return Ok(Change::Created);
    };
    let diff = spec.diff(&old);
    if diff.is_empty() {
        return hold_again(host, name, spec);
    }
    adopt(host, name, &old, spec)?;
    store::write_spec(&jail, spec)?;
    Ok(Change::Changed { diff })
}

/// What can never be started is not written down.
///
/// # Errors
/// Those of [`Kernel::admits`](crate::kernel::Kernel::admits) and [`Kernel::admits_limits`](crate::kernel::Kernel::admits_limits).
pub(super) fn admit(host: &Host, spec: &Spec) -> Result<(), JailError> {
    host.kernel.admits(&spec.policy())?;
    Ok(host.kernel.admits_limits(&spec.limits, &host.config.data_dir)?)
}

/// Holds a jail that is up to the limits of its spec, should it be held to others.
fn hold_again(host: &Host, name: &JailName, spec: &Spec) -> Result<Change, JailError> {
    let Some((jid, live)) = drifted(host, name, &spec.limits)? else { return Ok(Change::Unchanged) };
    disk::prepare(host, name, &spec.limits)?;
    host.kernel.limit(jid, &spec.limits)?;
    Ok(Change::Changed { diff: spec.diff(&Spec { limits: live, ..spec.clone() }) })
}

/// The limits that a jail is held to, if it is up and they are not these: `jailctl update` changes those of the running jail
/// alone, and other programs reach its control groups too.
pub fn drifted(host: &Host, name: &JailName, limits: &Limits) -> Result<Option<(Jid, Limits)>, JailError> {
    let Some(jid) = up(host, name)? else { return Ok(None) };
    let live = host.kernel.limits(jid)?;
    Ok((live != limits.as_kept()).then_some((jid, live)))
}

/// What a jail that is up takes over of a new spec, before that is written: should the writing not be reached, the spec
/// still differs, and the next run does it again. The caller holds the jail's lock.
pub(super) fn adopt(host: &Host, name: &JailName, old: &Spec, new: &Spec) -> Result<(), JailError> {
    if let (true, Some(jid)) = (new.limits != old.limits, up(host, name)?) {
        disk::prepare(host, name, &new.limits)?;
        host.kernel.limit(jid, &new.limits)?;
    }
    if new.needs_restart(old) { stale::wear(host, name, SPEC_CHANGED) } else { Ok(()) }
}

/// The spec with its base settled to one that is there. A running jail keeps its version.
fn settled(host: &Host, name: &JailName, spec: &Spec, old: Option<&Spec>) -> Result<Spec, JailError> {
    let (base, _) = base::resolve(&host.config, &spec.base, old.map(|old| (name, &old.base)), &mut |_| ())?;
    if old.is_some_and(|old| old.base != base) && running(host, name)?.is_some() {
        return Err(JailError::Running(name.clone()));
    }
    Ok(Spec { base, ..spec.clone() })
}

/// The files of an imported base; `None` for the host's own.
fn tree_of(config: &Config, base: &Base) -> Result<Option<Directory>, JailError> {
    match base {
        Base::Pinned(pin) => base::tree(config, pin).map(Some),
        Base::Host => Ok(None),
        // Only an editor writes that into jail.toml. Never the host's programs in place of what was asked for.
        unsettled => Err(JailError::Conflict {
            what: format!("base {unsettled} names no version that is here"),
            remedy: "write NAME@VERSION as jailmgr base list shows it".into(),
        }),
    }
}

/// Makes what an administrator may have removed from a jail's directory; refuses what is not as we made it.
fn complete(jail: &Directory, tree: Option<&Directory>) -> Result<(), JailError> {
    jail.ensure("root", 0o755)?.vetted()?;
    match jail.find("data")? {
        Some(data) => data.vetted().map(drop),
        None => data::seed(jail, tree),
    }
}

/// Mounts the root into a pinned namespace and registers the jail in the kernel; rolls back whatever it half did.
/// Finds and reuses a jail that is up. Cleans what a crash left. Takes the jail's lock.
pub fn bring_up(host: &Host, name: &JailName) -> Result<Running, JailError> {
    let _lock = Lock::jail(host, name)?;
    let jail = store::jail(&host.config, name)?;
    if let Some(jid) = up(host, name)? {
        return Ok(Running { name: name.clone(), jid, brought_up: false });
    }
    let spec = store::read_spec(&jail, name)?.ok_or_else(|| store::no_such_jail(&host.config, name))?;
    // Half a jail is none. Pin before kernel: a jail found in both is then always a whole one.
    take_down(host, name)?;
    complete(&jail, tree_of(&host.config, &spec.base)?.as_ref())?;
    script_file::sweep(&jail)?;
    disk::prepare(host, name, &spec.limits)?;
    let pin = || root::pin(&host.config, name, &spec.base, host.kernel.way_in(), spec.policy().rights);
    let is_first = host.kernel.holds_root();
    if is_first {
        pin()?;
    }
    let made = register(host, name, &spec, || if is_first { Ok(()) } else { pin() });
    if is_first && made.is_err() {
        // The first error is the one to tell; what stays is taken down by the next verb.
        let _ = root::unpin(&host.config, name);
    }
    made.map(|jid| Running { name: name.clone(), jid, brought_up: true })
}

/// Puts a jail into the kernel, and does what else makes a jail of it; undone if that fails.
fn register(host: &Host, name: &JailName, spec: &Spec, rest: impl FnOnce() -> Result<(), JailError>) -> Result<Jid, JailError> {
    let jid = host.kernel.create(&definition(&host.config, name, spec))?;
    // A body that runs no commands says so here, before anything is mounted.
    let entered = host.kernel.gate(jid).map(drop).and_then(|()| host.kernel.limit(jid, &spec.limits)).map_err(JailError::from);
    match entered.and_then(|()| rest()) {
        Ok(()) => Ok(jid),
        Err(error) => {
            // The first error is the one to tell; what stays is taken down by the next verb.
            let _ = host.kernel.destroy(jid);
            Err(error)
        }
    }
}

/// What the kernel is told of a jail when it is brought up.
pub fn definition(config: &Config, name: &JailName, spec: &Spec) -> JailDef {
    let cut = |text: String, limit: usize| match text.len() {
        length if length <= limit => text,
        _ => text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= limit).map(|(_, c)| c).collect(),
    };
    JailDef {
        name: name.clone(),
        root: cut(config.root_dir(name).to_string_lossy().into_owned(), LABEL_LIMIT),
        profile: cut(spec.profile.label(), PROFILE_LIMIT),
        policy: spec.policy(),
    }
}

/// The jail's number if it is whole: in the kernel, not closing, its root pinned.
pub(super) fn up(host: &Host, name: &JailName) -> Result<Option<Jid>, JailError> {
    let in_kernel = host.kernel.find(name)?.filter(|jail| !jail.closing);
    match in_kernel {
        Some(jail) if root::pinned(&host.config, name)?.is_some() => Ok(Some(jail.jid)),
        _ => Ok(None),
    }
}

/// Kills every member, removes the jail from the kernel, unpins its namespace. Idempotent: also cleans what a crash
/// left, and says whether there was anything. Takes the jail's lock.
pub fn tear_down(host: &Host, name: &JailName) -> Result<bool, JailError> {
    let _lock = Lock::jail(host, name)?;
    let found = take_down(host, name)?;
    if !found {
        store::jail(&host.config, name)?;
    }
    Ok(found)
}

/// Tears down a jail that was brought up for one command, unless a supervisor took it over meanwhile.
pub(super) fn tear_down_unless_held(host: &Host, name: &JailName) -> Result<(), JailError> {
    let _lock = Lock::jail(host, name)?;
    if host.kernel.find(name)?.is_some_and(|jail| jail.held) {
        return Ok(());
    }
    take_down(host, name).map(drop)
}

fn take_down(host: &Host, name: &JailName) -> Result<bool, JailError> {
    let in_kernel = host.kernel.find(name)?;
    if let Some(jail) = &in_kernel {
        host.kernel.kill_all(jail.jid, KILL_PATIENCE)?;
    }
    let unregister = || match &in_kernel {
        None => Ok(()),
        Some(jail) => match host.kernel.destroy(jail.jid) {
            Ok(()) | Err(KernelError::NoSuchJail(_)) => Ok(()),
            Err(error) => Err(error),
        },
    };
    let pinned = if host.kernel.holds_root() {
        unregister()?;
        root::unpin(&host.config, name)?
    } else {
        let pinned = root::unpin(&host.config, name)?;
        unregister()?;
        pinned
    };
    Ok(pinned || in_kernel.is_some())
}

/// Removes a jail that is down, with its data. Takes the jail's lock.
pub fn destroy(host: &Host, name: &JailName) -> Result<(), JailError> {
    let _lock = Lock::jail(host, name)?;
    store::sweep(&host.config, name)?;
    let jail = store::jail(&host.config, name)?;
    expect_down(host, name)?;
    disk::release(&jail)?;
    let jails = store::jails(&host.config)?.ok_or_else(|| store::no_such_jail(&host.config, name))?;
    store::remove_jail(&jails, name)
}

/// The jail's number if anything of it runs: a member, a supervisor, or its mounts wait for one.
pub(super) fn running(host: &Host, name: &JailName) -> Result<Option<Jid>, JailError> {
    match host.kernel.find(name)? {
        Some(jail) if jail.processes > 0 || jail.held || up(host, name)?.is_some() => Ok(Some(jail.jid)),
        _ => Ok(None),
    }
}

/// Refuses a jail that runs, and cleans what a crash left of one that does not. The caller holds the jail's lock.
pub(super) fn expect_down(host: &Host, name: &JailName) -> Result<(), JailError> {
    match running(host, name)? {
        Some(_) => Err(JailError::Running(name.clone())),
        None => take_down(host, name).map(drop),
    }
}

/// One jail of the data directory. [`JailError::NoSuchJail`] with the nearest name.
pub fn observe(host: &Host, name: &JailName) -> Result<Observed, JailError> {
    let jail = store::jail(&host.config, name)?;
    Ok(Observed {
        name: name.clone(),
        spec: spec_of(&jail, name),
        kernel: host.kernel.find(name)?,
        pinned: root::pinned(&host.config, name)?.is_some(),
    })
}

/// All jails of the data directory, by name. One that cannot be read is listed with the reason.
pub fn observe_all(host: &Host) -> Result<Vec<Observed>, JailError> {
    let mut in_kernel: BTreeMap<JailName, JailInfo> =
        host.kernel.list()?.into_iter().map(|jail| (jail.name.clone(), jail)).collect();
    let mut observed = Vec::new();
    for name in store::names(&host.config)? {
        let spec = match store::jail(&host.config, &name) {
            // Destroyed since the directory was listed.
            Err(JailError::NoSuchJail { .. }) => continue,
            Err(error) => Err(error.to_string()),
            Ok(jail) => spec_of(&jail, &name),
        };
        let kernel = in_kernel.remove(&name);
        // A pin that cannot be looked at is no usable one.
        let pinned = root::pinned(&host.config, &name).is_ok_and(|pin| pin.is_some());
        observed.push(Observed { name, spec, kernel, pinned });
    }
    Ok(observed)
}

fn spec_of(jail: &Directory, name: &JailName) -> Result<Spec, String> {
    match store::read_spec(jail, name) {
        Ok(Some(spec)) => Ok(spec),
        Ok(None) => Err(format!("{} is missing; create the jail again", jail.path_of("jail.toml").display())),
        Err(error) => Err(error.to_string()),
    }
}
