//! The calls to the module: one method per control program, errno to error.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use super::abi::{
    self, ABI, ArmCall, BoundCall, Bounds, Connect, CreateCall, HoldCall, InfoCall, IpcCall, Jail, JailCall, LearnCall, Ports,
    SampleCall, UpdateCall,
};
use super::pins;
use crate::kernel::bpf::{self, Abi, Table};
use crate::kernel::{ConnectRule, JailDef, Jid, KernelError, Policy, Reservation, conflict};

/// How often a call is repeated that met another change, of the same jail or of ports.
const RETRIES: u32 = 100;

/// The pins of one generation, opened when needed.
pub struct Control {
    pin: Box<dyn Fn(&str) -> PathBuf>,
}

impl Control {
    /// The generation in use.
    pub fn current() -> Self {
        Control { pin: Box::new(pins::current) }
    }

    /// A certain generation.
    pub fn of(generation: &pins::Generation) -> Self {
        let directory = generation.pin("");
        Control { pin: Box::new(move |name| directory.join(name)) }
    }

    /// Opens a pin.
    pub fn open(&self, name: &str) -> Result<OwnedFd, KernelError> {
        bpf::open_pin(&(self.pin)(name)).map_err(|errno| match errno {
            Errno::ENOENT => KernelError::NotLoaded,
            Errno::EPERM | Errno::EACCES => KernelError::NotPermitted,
            errno => KernelError::System { doing: format!("open the module's {name}"), errno },
        })
    }

    pub fn table<K: Abi, V: Abi>(&self, name: &str) -> Result<Table<K, V>, KernelError> {
        Table::open(&(self.pin)(name)).map_err(|errno| match errno {
            Errno::ENOENT => KernelError::NotLoaded,
            errno => KernelError::System { doing: format!("open the module's {name}"), errno },
        })
    }

    /// Runs a control program; its answer other than 0 as errno.
    fn run<T: Abi>(&self, name: &str, call: &mut T) -> Result<Result<(), Errno>, KernelError> {
        let program = self.open(name)?;
        match bpf::run(program.as_fd(), call).map_err(KernelError::system(format!("run the module's {name}")))? {
            0 => Ok(Ok(())),
            answer => match Errno::from_raw(answer as i32) {
                Errno::EPERM => Err(KernelError::NotPermitted),
                Errno::EPROTONOSUPPORT => Err(KernelError::Abi { found: self.info()?.abi, ours: ABI }),
                errno => Ok(Err(errno)),
            },
        }
    }

    pub fn info(&self) -> Result<InfoCall, KernelError> {
        let mut call = InfoCall::zeroed();
        let program = self.open("ctl_info")?;
        let doing = || KernelError::system("ask the module for its version");
        match bpf::run(program.as_fd(), &mut call).map_err(doing())? {
            0 => Ok(call),
            answer => Err(doing()(Errno::from_raw(answer as i32))),
        }
    }

    /// [`Control::info`], refusing a module of another version or one that is being unloaded.
    pub fn check(&self) -> Result<InfoCall, KernelError> {
        let info = self.info()?;
        if info.abi != ABI {
            return Err(KernelError::Abi { found: info.abi, ours: ABI });
        }
        if info.sealed != 0 {
            return Err(KernelError::NotLoaded);
        }
        Ok(info)
    }

    pub fn create(&self, def: &JailDef) -> Result<Jid, KernelError> {
        let too_long =
            |what: &str| KernelError::Other { doing: "create the jail".into(), why: format!("its {what} is too long") };
        let mut call = CreateCall::zeroed();
        call.abi = ABI;
        call.rights = def.policy.rights.mask();
        call.parts = def.policy.rights.parts();
        call.audited = def.policy.audited.mask();
        call.name = abi::field(def.name.as_str()).ok_or_else(|| too_long("name"))?;
        call.root = abi::field(&def.root).ok_or_else(|| too_long("root"))?;
        call.profile = abi::field(&def.profile).ok_or_else(|| too_long("profile name"))?;
        call.ports = ports_of(&def.policy)?;
        call.connect = connect_of(&def.policy)?;
        match self.repeat("ctl_create", &mut call)? {
            Ok(()) => Ok(Jid::new(call.jid).expect("the module counts from 1")),
            Err(Errno::EEXIST) => Err(KernelError::NameTaken(def.name.clone())),
            Err(Errno::EADDRINUSE) => Err(self.taken(None, &def.policy, call.taken_port)?),
            Err(Errno::ENOBUFS) => Err(no_room(&def.policy)),
            Err(Errno::ESHUTDOWN) => Err(KernelError::NotLoaded),
            Err(Errno::ENOSPC) => Err(KernelError::Other {
                doing: format!("create jail {}", def.name),
                why: "the module's table of jails is full; destroy one first".into(),
            }),
            Err(errno) => Err(KernelError::System { doing: format!("create jail {}", def.name), errno }),
        }
    }

    pub fn update(&self, jid: Jid, policy: &Policy) -> Result<(), KernelError> {
        let mut call = UpdateCall::zeroed();
        call.abi = ABI;
        call.jid = jid.get();
        call.rights = policy.rights.mask();
        call.parts = policy.rights.parts();
        call.audited = policy.audited.mask();
        call.ports = ports_of(policy)?;
        call.connect = connect_of(policy)?;
        match self.repeat("ctl_update", &mut call)? {
            Err(Errno::EADDRINUSE) => Err(self.taken(Some(jid), policy, call.taken_port)?),
            Err(Errno::ENOBUFS) => Err(no_room(policy)),
            answer => answer.map_err(about(jid, "update")),
        }
    }

    pub fn destroy(&self, jid: Jid) -> Result<(), KernelError> {
        let mut call = JailCall { abi: ABI, jid: jid.get(), processes: 0 };
        match self.repeat("ctl_destroy", &mut call)? {
            Err(Errno::EBUSY) => Err(KernelError::Busy { jid, members: call.processes }),
            answer => answer.map_err(about(jid, "destroy")),
        }
    }

    fn repeat<T: Abi>(&self, name: &str, call: &mut T) -> Result<Result<(), Errno>, KernelError> {
        for _ in 0..RETRIES {
            match self.run(name, call)? {
                Err(Errno::EAGAIN) => std::thread::sleep(Duration::from_millis(1)),
                answer => return Ok(answer),
            }
        }
        Ok(Err(Errno::EAGAIN))
    }

    /// No process enters or forks any more. Answers how many there are.
    pub fn close(&self, jid: Jid) -> Result<u64, KernelError> {
        let mut call = JailCall { abi: ABI, jid: jid.get(), processes: 0 };
        self.run("ctl_close", &mut call)?.map_err(about(jid, "close"))?;
        Ok(call.processes)
    }

    pub fn hold(&self, jid: Jid, held: bool) -> Result<(), KernelError> {
        let mut call = HoldCall { abi: ABI, jid: jid.get(), held: held.into(), unused: 0 };
        self.run("ctl_hold", &mut call)?.map_err(about(jid, "hold"))
    }

    pub fn learn(&self, jid: Jid, lease: Duration) -> Result<(), KernelError> {
        let milliseconds = u32::try_from(lease.as_millis()).unwrap_or(u32::MAX).min(abi::LEARN_MS);
        let mut call = LearnCall { abi: ABI, jid: jid.get(), milliseconds, unused: 0 };
        self.run("ctl_learn", &mut call)?.map_err(about(jid, "learn of"))
    }

    /// The number of an object for the commands of its kind; `None` if there is none of that key and jail.
    pub fn ipc(&self, jid: u32, key: u64) -> Result<Option<i32>, KernelError> {
        let mut call = IpcCall { abi: ABI, jid, key, ..IpcCall::zeroed() };
        match self.run("ctl_ipc", &mut call)? {
            Ok(()) => Ok(Some(call.id)),
            Err(Errno::ESRCH) => Ok(None),
            Err(errno) => Err(KernelError::System { doing: "ask for a jail's System V object".into(), errno }),
        }
    }

    pub fn sample(&self, jid: Jid, total_usec: u64) -> Result<(), KernelError> {
        let mut call = SampleCall { abi: ABI, jid: jid.get(), total_usec };
        self.run("ctl_sample", &mut call)?.map_err(about(jid, "sample"))
    }

    /// Tells the guard which devices hold the pins, and lifts a seal.
    pub fn arm(&self, home_device: u32, next_home_device: u32) -> Result<(), KernelError> {
        let mut call = ArmCall { abi: ABI, home_device, next_home_device, unused: 0 };
        self.run("ctl_arm", &mut call)?.map_err(KernelError::system("arm the module's guard"))
    }

    /// Refuses new jails from now on; `false` while one exists.
    pub fn seal(&self) -> Result<bool, KernelError> {
        let mut call = JailCall { abi: ABI, jid: 0, processes: 0 };
        match self.run("ctl_seal", &mut call)? {
            Ok(()) => Ok(true),
            Err(Errno::EBUSY) => Ok(false),
            Err(errno) => Err(KernelError::System { doing: "seal the module".into(), errno }),
        }
    }

    /// Holds the jail to so many tasks and open files; 0: as many as it likes. Otherwise the number of files that are not
    /// promised to other jails yet.
    pub fn bound(&self, jid: Jid, most_tasks: u32, most_files: u32) -> Result<Result<(), u32>, KernelError> {
        let mut call = BoundCall { abi: ABI, jid: jid.get(), most_tasks, most_files, left: 0, unused: 0 };
        match self.repeat("ctl_bound", &mut call)? {
            Err(Errno::ENOSPC) => Ok(Err(call.left)),
            answer => answer.map(Ok).map_err(about(jid, "limit")),
        }
    }

    /// What the jail is bounded to, and what came of it.
    pub fn bounds(&self, jid: Jid) -> Result<Bounds, KernelError> {
        let reading = || KernelError::system("read a jail's bounds");
        let slot = self.table::<u32, u32>("slot_of_jid")?.get(jid.get()).map_err(reading())?;
        let slot = slot.ok_or(KernelError::NoSuchJail(jid))?;
        let bounds = self.table::<u32, Bounds>("jail_bounds")?.get(slot).map_err(reading())?;
        bounds.ok_or(KernelError::NoSuchJail(jid))
    }

    /// The record of one jail.
    pub fn jail(&self, jid: Jid) -> Result<Jail, KernelError> {
        let slot = self.table::<u32, u32>("slot_of_jid")?.get(jid.get()).map_err(KernelError::system("look a jail up"))?;
        let slot = slot.ok_or(KernelError::NoSuchJail(jid))?;
        let jail = self.table::<u32, Jail>("jails")?.get(slot).map_err(KernelError::system("read a jail's record"))?;
        jail.filter(|jail| jail.jid == jid.get()).ok_or(KernelError::NoSuchJail(jid))
    }

    /// Where the jail of this record may connect to.
    pub fn connect(&self, jail: &Jail) -> Result<Vec<ConnectRule>, KernelError> {
        let reading = || KernelError::system("read a jail's destinations");
        let Some(slot) = self.table::<u32, u32>("slot_of_jid")?.get(jail.jid).map_err(reading())? else { return Ok(Vec::new()) };
        let sets = self.table::<u32, Connect>("connect_rules")?;
        let set = sets.get(2 * slot + (jail.connect_in_use & 1)).map_err(reading())?;
        let rules = set.map_or_else(Vec::new, |set| set.rules[..(set.count as usize).min(set.rules.len())].to_vec());
        Ok(rules.iter().filter_map(ConnectRule::from_raw).collect())
    }

    /// The ports that the jail of this record reserves.
    pub fn ports(&self, jail: &Jail) -> Result<Vec<Reservation>, KernelError> {
        let reading = || KernelError::system("read a jail's ports");
        let Some(slot) = self.table::<u32, u32>("slot_of_jid")?.get(jail.jid).map_err(reading())? else { return Ok(Vec::new()) };
        let set = self.table::<u32, Ports>("port_rules")?.get(2 * slot + (jail.ports_in_use & 1)).map_err(reading())?;
        let rules = set.map_or_else(Vec::new, |set| set.rules[..(set.count as usize).min(set.rules.len())].to_vec());
        Ok(rules.iter().filter_map(Reservation::from_raw).collect())
    }

    /// Whose it is what the module would not reserve.
    fn taken(&self, jid: Option<Jid>, policy: &Policy, port: u32) -> Result<KernelError, KernelError> {
        let mut others = Vec::new();
        for jail in self.jails()?.into_iter().filter(|jail| Some(jail.jid) != jid.map(Jid::get)) {
            others.push((abi::text(&jail.name), self.ports(&jail)?));
        }
        let found = conflict(&policy.ports, others.iter().map(|(name, ports)| (name, ports.as_slice())));
        Ok(found.map_or_else(
            || KernelError::Other {
                doing: format!("reserve port {port}"),
                why: "another jail had it just now; try again".into(),
            },
            KernelError::from,
        ))
    }

    /// The records of all jails, ascending by jid.
    pub fn jails(&self) -> Result<Vec<Jail>, KernelError> {
        let reading = || KernelError::system("read the module's table of jails");
        let slots = self.table::<u32, u32>("slot_of_jid")?;
        let records = self.table::<u32, Jail>("jails")?;
        let mut jids = slots.keys().map_err(reading())?;
        jids.sort_unstable();
        jids.dedup();
        let mut jails = Vec::with_capacity(jids.len());
        for jid in jids {
            let Some(slot) = slots.get(jid).map_err(reading())? else { continue };
            let record = records.get(slot).map_err(reading())?;
            jails.extend(record.filter(|jail| jail.jid == jid));
        }
        Ok(jails)
    }
}

fn ports_of(policy: &Policy) -> Result<Ports, KernelError> {
    let mut ports = Ports::zeroed();
    let places = ports.rules.get_mut(..policy.ports.len()).ok_or_else(|| KernelError::Other {
        doing: "reserve ports".into(),
        why: format!("{} are asked for; a jail can have {}", policy.ports.len(), Reservation::MAX),
    })?;
    places.iter_mut().zip(&policy.ports).for_each(|(place, wanted)| *place = wanted.raw());
    ports.count = policy.ports.len() as u32;
    Ok(ports)
}

fn no_room(policy: &Policy) -> KernelError {
    let count: usize = policy.ports.iter().map(|ports| ports.count()).sum();
    KernelError::Other {
        doing: format!("reserve {count} ports"),
        why: "the module's table of ports is full; reserve fewer, or destroy a jail first".into(),
    }
}

fn connect_of(policy: &Policy) -> Result<Connect, KernelError> {
    let mut connect = Connect::zeroed();
    let places = connect.rules.get_mut(..policy.connect.len()).ok_or_else(|| KernelError::Other {
        doing: "limit where the jail connects to".into(),
        why: format!("{} destinations are named; a jail can have {}", policy.connect.len(), ConnectRule::MAX),
    })?;
    places.iter_mut().zip(&policy.connect).for_each(|(place, rule)| *place = rule.raw());
    connect.count = policy.connect.len() as u32;
    Ok(connect)
}

fn about(jid: Jid, doing: &str) -> impl FnOnce(Errno) -> KernelError {
    let doing = format!("{doing} jail {jid}");
    move |errno| match errno {
        Errno::ESRCH => KernelError::NoSuchJail(jid),
        errno => KernelError::System { doing, errno },
    }
}
