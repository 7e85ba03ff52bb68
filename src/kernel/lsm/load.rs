//! Loading, replacing and removing the module. The only place that opens the object file.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;

use libbpf_rs::btf::Btf;
use libbpf_rs::{Link, MapCore, Object, ObjectBuilder, OpenObject, PrintLevel};
use nix::errno::Errno;

use super::abi::ABI;
use super::control::Control;
use super::hooks::{self, Need};
use super::pins::{self, Generation};
use super::{ports, probe};
use crate::kernel::bpf::{self, Aligned};
use crate::kernel::{Jid, KernelError, cgroup};

static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/secmodel_jail.o")));

/// Loads the module unless another jailsh did meanwhile.
pub fn load_if_missing() -> Result<(), KernelError> {
    load(|before| before.last().is_some_and(Generation::is_current))
}

/// Loads the module or replaces a loaded one. Live jails are guarded all the time: the new programs are attached before the
/// old ones are let go, over the same maps.
pub fn replace() -> Result<(), KernelError> {
    load(|_| false)
}

fn load(suffices: impl FnOnce(&[Generation]) -> bool) -> Result<(), KernelError> {
    probe::probe()?;
    let _lock = pins::lock()?;
    let before = take_stock()?;
    if suffices(&before) {
        return Ok(());
    }
    let mut generation = Generation::new()?;
    fill(&generation, before.last())?;
    let control = Control::of(&generation);
    let device = generation.device()?;
    match before.last() {
        Some(old) => control.arm(old.device()?, device)?,
        None => control.arm(device, 0)?,
    }
    generation.attach()?;
    generation.make_current()?;
    control.arm(device, 0)?;
    for old in before {
        old.remove()?;
    }
    ports::reconcile(&control)?;
    let living: Vec<String> = control.jails()?.iter().map(|jail| super::abi::text(&jail.name)).collect();
    cgroup::prune(&living);
    Ok(())
}

/// Removes the module unless a jail exists.
pub fn unload() -> Result<(), KernelError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(KernelError::NotPermitted);
    }
    let _lock = pins::lock()?;
    let generations = take_stock()?;
    let Some(newest) = generations.last() else { return Err(KernelError::NotLoaded) };
    let control = Control::of(newest);
    if !control.seal()? {
        return Err(busy(&control)?);
    }
    ports::reconcile(&control)?;
    pins::forget_current()?;
    for generation in generations {
        generation.remove()?;
    }
    pins::remove_home()
}

fn busy(control: &Control) -> Result<KernelError, KernelError> {
    let jails = control.jails()?;
    let first = jails.first().and_then(|jail| Jid::new(jail.jid)).ok_or(KernelError::NotLoaded)?;
    Ok(KernelError::Busy { jid: first, members: jails.iter().map(|jail| jail.processes.max(0) as u64).sum() })
}

/// The attached generations, all of which share one set of maps, the one to go on from last. What a loader that died left
/// behind is removed or adopted.
fn take_stock() -> Result<Vec<Generation>, KernelError> {
    let mut sound = Vec::new();
    for generation in Generation::attached()? {
        match Control::of(&generation).info() {
            Ok(info) if info.abi != ABI && info.jails > 0 => return Err(KernelError::Abi { found: info.abi, ours: ABI }),
            Ok(info) if info.abi == ABI && info.sealed == 0 => sound.push(generation),
            // being unloaded, or of another version and without a jail: nothing depends on it
            Ok(_) | Err(KernelError::NotLoaded) => generation.remove()?,
            Err(error) => return Err(error),
        }
    }
    sound.sort_by_key(Generation::is_current);
    Ok(sound)
}

/// What libbpf had to say, kept for the error message.
static MESSAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn keep_message(_level: PrintLevel, message: String) {
    const KEPT: usize = 200;
    let mut messages = MESSAGES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    messages.extend(message.lines().map(str::to_owned));
    let excess = messages.len().saturating_sub(KEPT);
    messages.drain(..excess);
}

/// The end of libbpf's messages: the verifier's last words come there.
fn last_words() -> String {
    const SHOWN: usize = 12;
    let messages = MESSAGES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    messages[messages.len().saturating_sub(SHOWN)..].join("\n")
}

fn failed(doing: &str) -> impl FnOnce(libbpf_rs::Error) -> KernelError {
    let doing = format!("{doing} the module");
    move |error| KernelError::Other { doing, why: format!("{error}\n{}", last_words()) }
}

/// Loads, attaches and pins everything into `generation`, over the maps of `before`.
fn fill(generation: &Generation, before: Option<&Generation>) -> Result<(), KernelError> {
    libbpf_rs::set_print(Some((PrintLevel::Warn, keep_message)));
    let mut open = ObjectBuilder::default().open_memory(&OBJECT.0).map_err(failed("open"))?;
    let chosen = choose(&mut open)?;
    if let Some(before) = before {
        reuse_maps(&mut open, before)?;
    }
    let object = open.load().map_err(failed("load"))?;
    pin_all(&object, &chosen, generation)
}

/// Marks the programs that fit this kernel; answers those that are hooks.
fn choose(open: &mut OpenObject) -> Result<HashSet<&'static str>, KernelError> {
    let kernel = Btf::from_vmlinux().map_err(failed("read the kernel's types for"))?;
    let table = hooks::all();
    let chosen: HashSet<&'static str> = table.iter().filter(|hook| hook.fits(&kernel)).map(|hook| hook.program).collect();
    for hook in &table {
        let held = match hook.need {
            Need::Required => chosen.contains(hook.program),
            Need::Optional => true,
            Need::OneOf => table.iter().any(|other| other.function == hook.function && chosen.contains(other.program)),
        };
        if !held {
            return Err(KernelError::Refused {
                why: format!("its hook {} is missing or has other arguments than this jailsh knows", hook.name()),
                remedy: "use a jailsh that knows this kernel".into(),
            });
        }
    }
    for mut program in open.progs_mut() {
        let known = table.iter().find(|hook| program.name() == hook.program);
        program.set_autoload(known.is_none_or(|hook| chosen.contains(hook.program)));
    }
    Ok(table.iter().filter(|hook| !hook.function.is_empty() && chosen.contains(hook.program)).map(|hook| hook.program).collect())
}

fn reuse_maps(open: &mut OpenObject, before: &Generation) -> Result<(), KernelError> {
    for mut map in open.maps_mut() {
        let name = map.name().to_owned();
        // the object's own constants belong to each generation, and no pin has a dot in its name
        if name.to_string_lossy().contains('.') {
            continue;
        }
        let path = before.pin(&name.to_string_lossy());
        match bpf::open_pin(&path) {
            Ok(old) => map.reuse_fd(old.as_fd()).map_err(failed("take over a map of"))?,
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(KernelError::System { doing: format!("open the pin {}", path.display()), errno }),
        }
    }
    Ok(())
}

fn pin_all(object: &Object, hooks: &HashSet<&'static str>, generation: &Generation) -> Result<(), KernelError> {
    let pin = |object: BorrowedFd<'_>, name: &str| {
        bpf::pin(object, &generation.pin(name)).map_err(KernelError::system(format!("pin the module's {name}")))
    };
    for map in object.maps() {
        let name = map.name().to_string_lossy();
        if !name.contains('.') {
            pin(map.as_fd(), &name)?;
        }
    }
    for program in object.progs_mut().filter(|program| program.autoload()) {
        let name = program.name().to_string_lossy();
        if hooks.contains(name.as_ref()) || program.prog_type() == libbpf_rs::ProgramType::Tracing {
            let link: Link = program.attach().map_err(failed(&format!("attach {name} of")))?;
            pin(link.as_fd(), &name)?;
        } else {
            pin(program.as_fd(), &name)?;
        }
    }
    Ok(())
}
