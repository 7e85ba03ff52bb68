//! A kernel body for tests of roots and entering on machines that cannot load the module: it keeps jails in files, finds
//! members by their mount namespace, and enforces nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jailsh::jail::Config;
use jailsh::kernel::{
    Denial, Description, Enforcement, Gate, JailDef, JailInfo, JailName, JailStats, Jid, Kernel, KernelError, Level, Limits,
    Member, Policy, Right, RightStatus, Usage, conflict,
};

/// Its state is on disk, so that several processes, killed ones among them, see one kernel.
pub struct Plain {
    config: Config,
    state: PathBuf,
    /// What the next gate answers at first: how often a member is told to try again.
    pub busy: std::cell::Cell<u32>,
}

impl Plain {
    pub fn new(config: &Config, state: PathBuf) -> Plain {
        fs::create_dir_all(&state).unwrap();
        Plain { config: config.clone(), state, busy: 0.into() }
    }

    fn read(&self, name: &str) -> Option<JailInfo> {
        let text = fs::read_to_string(self.state.join(name)).ok()?;
        let mut words = text.split(' ');
        let jid = Jid::new(words.next()?.parse().ok()?)?;
        let closing = words.next()? == "closing";
        let ports = words.filter_map(|word| word.parse().ok()).collect();
        let name: JailName = name.parse().ok()?;
        let processes = self.pids(&name).len() as u64;
        let policy = Policy::new(Level::Medium.rights(), ports);
        Some(JailInfo { jid, name, root: String::new(), profile: "medium".into(), policy, processes, held: false, closing })
    }

    fn write(&self, jail: &JailInfo) {
        let ports: String = jail.policy.ports.iter().map(|port| format!(" {port}")).collect();
        let state = if jail.closing { "closing" } else { "open" };
        fs::write(self.state.join(jail.name.as_str()), format!("{} {state}{ports}", jail.jid)).unwrap();
    }

    fn jail(&self, jid: Jid) -> Result<JailInfo, KernelError> {
        self.list()?.into_iter().find(|jail| jail.jid == jid).ok_or(KernelError::NoSuchJail(jid))
    }

    /// Only written down: nothing of a test runs long enough to be stopped.
    fn frozen(&self, jid: Jid) -> PathBuf {
        self.state.join(format!(".frozen-{jid}"))
    }

    pub fn is_frozen(&self, jid: Jid) -> bool {
        self.frozen(jid).exists()
    }

    /// Processes in the pinned namespace.
    fn pids(&self, name: &JailName) -> Vec<i32> {
        let Ok(pin) = fs::metadata(self.config.run_of(name).join("mnt")) else { return Vec::new() };
        let namespace = format!("mnt:[{}]", pin.ino());
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let inside = |pid: &i32| {
            let link = fs::read_link(format!("/proc/{pid}/ns/mnt"));
            // A zombie has no namespaces any more.
            link.is_ok_and(|link| link.as_os_str() == namespace.as_str())
        };
        let mut pids: Vec<i32> = processes.filter(inside).collect();
        pids.sort_unstable();
        pids
    }
}

impl Kernel for Plain {
    fn body(&self) -> &'static str {
        "plain"
    }

    fn describe(&self) -> Description {
        let open = |right| RightStatus { right, enforcement: Enforcement::NotEnforceable { why: "a test body".into() } };
        Description { body: "plain", abi: 0, kernel: String::new(), rights: Right::all().map(open).collect(), notes: vec![] }
    }

    fn admits(&self, policy: &Policy) -> Result<(), KernelError> {
        let audited = policy.audited.iter().next();
        audited.map_or(Ok(()), |right| Err(KernelError::NoAudit { right, body: "plain", why: "a test body".into() }))
    }

    fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        self.admits(&def.policy)?;
        let jails = self.list()?;
        if jails.iter().any(|jail| jail.name == def.name) {
            return Err(KernelError::NameTaken(def.name.clone()));
        }
        let others = jails.iter().map(|jail| (&jail.name, jail.policy.ports.as_slice()));
        if let Some(found) = conflict(&def.policy.ports, others) {
            return Err(found.into());
        }
        let last = self.state.join(".last");
        let jid = fs::read_to_string(&last).ok().and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
        fs::write(last, jid.to_string()).unwrap();
        let jid = Jid::new(jid).unwrap();
        self.write(&JailInfo {
            jid,
            name: def.name.clone(),
            root: def.root.clone(),
            profile: def.profile.clone(),
            policy: def.policy.clone(),
            processes: 0,
            held: false,
            closing: false,
        });
        Ok(jid)
    }

    fn update(&self, _jid: Jid, _policy: &Policy) -> Result<(), KernelError> {
        Ok(())
    }

    fn admits_limits(&self, limits: &Limits, _data: &Path) -> Result<(), KernelError> {
        if limits.is_empty() {
            return Ok(());
        }
        Err(KernelError::NotEnforceable { what: "a limit".into(), body: "plain", why: "a test body".into() })
    }

    fn limit(&self, _jid: Jid, limits: &Limits) -> Result<(), KernelError> {
        self.admits_limits(limits, Path::new("/"))
    }

    fn limits(&self, _jid: Jid) -> Result<Limits, KernelError> {
        Ok(Limits::default())
    }

    fn usage(&self, _jid: Jid) -> Result<Usage, KernelError> {
        Ok(Usage::default())
    }

    fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        let jail = self.jail(jid)?;
        fs::remove_file(self.state.join(jail.name.as_str())).unwrap();
        Ok(())
    }

    fn gate(&self, jid: Jid) -> Result<Box<dyn Gate>, KernelError> {
        self.jail(jid)?;
        Ok(Box::new(Open { busy: std::cell::Cell::new(self.busy.take()) }))
    }

    fn members(&self, jid: Jid) -> Result<Vec<Member>, KernelError> {
        let jail = self.jail(jid)?;
        Ok(self.pids(&jail.name).into_iter().map(|pid| Member { pid, command: String::new() }).collect())
    }

    fn signal_all(&self, jid: Jid, signal: i32) -> Result<usize, KernelError> {
        let members = self.members(jid)?;
        for member in &members {
            let signal = nix::sys::signal::Signal::try_from(signal).unwrap();
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(member.pid), signal);
        }
        Ok(members.len())
    }

    fn kill_all(&self, jid: Jid, timeout: Duration) -> Result<(), KernelError> {
        self.write(&JailInfo { closing: true, ..self.jail(jid)? });
        let deadline = Instant::now() + timeout;
        while self.signal_all(jid, libc::SIGKILL)? > 0 {
            if Instant::now() > deadline {
                return Err(KernelError::Busy { jid, members: 1 });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn freeze(&self, jid: Jid) -> Result<(), KernelError> {
        fs::write(self.frozen(jid), "").unwrap();
        Ok(())
    }

    fn thaw(&self, jid: Jid) -> Result<(), KernelError> {
        let _ = fs::remove_file(self.frozen(jid));
        Ok(())
    }

    fn list(&self) -> Result<Vec<JailInfo>, KernelError> {
        let names = fs::read_dir(&self.state).unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut jails: Vec<JailInfo> = names.filter_map(|name| self.read(&name)).collect();
        jails.sort_by_key(|jail| jail.jid);
        Ok(jails)
    }

    fn stats(&self, _jid: Option<Jid>) -> Result<Vec<JailStats>, KernelError> {
        let stats = |jail: JailInfo| JailStats {
            jid: jail.jid,
            name: jail.name,
            root: jail.root,
            cpu_ticks_1s: 0,
            cpu_ticks_10s: 0.0,
            processes: jail.processes,
            references: jail.processes,
            vmem_bytes: 0,
            cpu_usec: 0,
            denials: None,
            audits: None,
            learning: false,
        };
        Ok(self.list()?.into_iter().map(stats).collect())
    }

    fn sample(&self, _jid: Jid) -> Result<(), KernelError> {
        Ok(())
    }

    fn hold(&self, _jid: Jid, _held: bool) -> Result<(), KernelError> {
        Ok(())
    }

    fn denials(&self) -> Result<(Vec<Denial>, u64), KernelError> {
        Ok((Vec::new(), 0))
    }
}

/// Lets everybody in, after having been busy for a while.
struct Open {
    busy: std::cell::Cell<u32>,
}

impl Gate for Open {
    fn descriptors(&self) -> Vec<i32> {
        Vec::new()
    }

    fn join_cgroup(&self, _born: bool) -> Result<(), nix::errno::Errno> {
        Ok(())
    }

    fn enter(&self) -> Result<(), nix::errno::Errno> {
        match self.busy.get() {
            0 => Ok(()),
            left => {
                self.busy.set(left - 1);
                Err(nix::errno::Errno::EBUSY)
            }
        }
    }
}
