//! The throw-away jail in which apt-get works: over a copy of a base that it may change as a whole. What maintainers'
//! scripts do, they do in there.

use std::collections::BTreeMap;

use nix::unistd::{UnlinkatFlags, unlinkat};

use super::InstallRequest;
use crate::jail::base::{self, Base, Derived, Pin};
use crate::jail::root::OWN_PROGRAMS;
use crate::jail::spec::Profile;
use crate::jail::store::{self, Directory, Lock, remove_tree};
use crate::jail::throwaway::Throwaway;
use crate::jail::{ExecRequest, Host, JailError, Spec, bring_up, data, exec, lifecycle, tree};
use crate::kernel::{JailName, Level, Right};

/// Names of such jails, before the pid of who made them.
const PREFIX: &str = "jailsh-packages-";
/// invoke-rc.d(8): no service is started where this ends with status 101.
const POLICY: &str = "policy-rc.d";
const NO_SERVICES: &[u8] = b"#!/bin/sh\nexit 101\n";
/// apt-get's options: no question, no service's leftovers, no package that was not asked for, and of two versions of a
/// configuration file the one that is there.
const OPTIONS: [&str; 11] = [
    "-y",
    "-q",
    "--no-install-recommends",
    "-o",
    "Dpkg::Use-Pty=0",
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
    "-o",
    // The whole tree is brought to disk at the end.
    "Dpkg::Options::=--force-unsafe-io",
];
/// Files of a base that are put aside while the host's way to resolve names is lent.
const ASIDE: &str = ".jailsh-aside-";
const MAX_NAMES: usize = 65536;

/// Makes the base that `derived` describes, and gives it its name.
pub fn build(host: &Host, from: &Pin, request: &InstallRequest<'_>, derived: Derived) -> Result<Pin, JailError> {
    let config = &host.config;
    let source = base::tree(config, from)?;
    let has_apt = source.find("usr/bin").ok().flatten().is_some_and(|bin| matches!(bin.status("apt-get"), Ok(Some(_))));
    if !has_apt {
        return Err(JailError::Conflict {
            what: format!("base {from} has no apt-get to install packages with"),
            remedy: "make a base that has it with debootstrap, or one with the packages (--include)".into(),
        });
    }
    let shop = Throwaway::new(host, PREFIX, |name| open(host, name, from, &source))?;
    let jail = store::jail(config, &shop.name)?;
    let data = jail.sub("data")?;
    let lent = lend(&data)?;
    bring_up(host, &shop.name)?;
    if request.update {
        apt(host, &shop.name, from, request, &["update"])?;
    }
    let names = request.packages.iter().map(String::as_str);
    let downgrade = request.packages.iter().any(|name| name.contains('=')).then_some("--allow-downgrades");
    let install: Vec<&str> = ["install"].into_iter().chain(OPTIONS).chain(downgrade).chain(["--"]).chain(names).collect();
    apt(host, &shop.name, from, request, &install)?;
    apt(host, &shop.name, from, request, &["clean"])?;
    lifecycle::tear_down(host, &shop.name)?;
    // From here on nothing runs in it.
    take_back(&data, &lent, request.update)?;
    expect(&data, request)?;
    let _lock = Lock::jail(host, &shop.name)?;
    base::adopt(config, (&jail, "data"), derived)
}

/// What maintainers' scripts may do: as services of a medium jail, and useradd(8) gives up where it may not ask for the
/// audit socket (what it would write there needs a capability besides, which it does not have).
fn profile() -> Profile {
    let audit: Right = "netlink:audit".parse().expect("a part of a right");
    let mut profile = Profile::built_in(Level::Medium);
    profile.grant.insert(audit, Some("useradd opens the audit socket".into()));
    profile
}

/// The jail's directory, its data a whole copy of the base.
fn open(host: &Host, name: &JailName, from: &Pin, source: &Directory) -> Result<(), JailError> {
    let pinned = Base::Pinned(from.clone());
    let spec = Spec {
        base: pinned.clone(),
        profile: profile(),
        ..Spec::parse(name, &serde_json::json!({})).expect("an empty spec is one")
    };
    let _lock = Lock::jail(host, name)?;
    let jails = store::jails_or_make(&host.config)?;
    let mut held = None;
    store::appear(&jails, name.as_str(), 0o700, |jail| {
        jail.make("root", 0o755)?;
        drop(store::write_first_spec(jail, &spec)?);
        drop(jail.write_new(OWN_PROGRAMS, 0o600, b"")?);
        let copy = jail.make("data", 0o755)?;
        tree::copy(source, &copy, &|_| false, &mut |_| ())?;
        for (name, mode) in data::DIRECTORIES {
            drop(copy.ensure(name, mode)?);
        }
        held = base::hold(&host.config, &pinned)?;
        Ok(())
    })
    .map(drop)
}

/// What apt needs and the base is not to keep.
struct Lent {
    names: Vec<&'static str>,
    policy: bool,
}

fn lend(copy: &Directory) -> Result<Lent, JailError> {
    let names = data::lend_names(&copy.sub("etc")?, ASIDE)?;
    let mut policy = false;
    // A base that has its own knows better.
    if let Some(folder) = copy.find("usr/sbin")?
        && folder.status(POLICY)?.is_none()
    {
        drop(folder.write_new(POLICY, 0o755, NO_SERVICES)?);
        policy = true;
    }
    Ok(Lent { names, policy })
}

fn take_back(copy: &Directory, lent: &Lent, updated: bool) -> Result<(), JailError> {
    data::return_names(&copy.sub("etc")?, ASIDE, &lent.names)?;
    if lent.policy
        && let Some(folder) = copy.find("usr/sbin")?
    {
        remove_tree(&folder, POLICY)?;
    }
    let mut emptied = vec!["tmp", "var/tmp", "var/log/apt"];
    // Lists of today would be those of last year when they are needed again.
    emptied.extend(updated.then_some("var/lib/apt/lists"));
    for path in emptied {
        let Some(folder) = copy.find(path)? else { continue };
        for name in folder.names(MAX_NAMES)? {
            match name.to_str() {
                Some(name) => remove_tree(&folder, name)?,
                None => drop(unlinkat(folder.fd(), name.as_os_str(), UnlinkatFlags::NoRemoveDir)),
            }
        }
    }
    Ok(())
}

/// What was asked for is there by its own name: of a virtual package, or a pattern, dpkg has no record.
fn expect(copy: &Directory, request: &InstallRequest<'_>) -> Result<(), JailError> {
    let status = copy.sub("var/lib/dpkg")?.read("status", base::STATUS_LIMIT)?;
    match (request.lacks)(&String::from_utf8_lossy(&status)).as_slice() {
        [] => Ok(()),
        missing => Err(JailError::Conflict {
            what: format!("apt-get installed something for {}, but no package of that name and version", missing.join(", ")),
            remedy: "name the package itself".into(),
        }),
    }
}

/// What apt-get and dpkg said went wrong: dpkg first, of which apt-get only tells that it failed.
fn complaint(stderr: &str) -> String {
    const MOST: usize = 4;
    let of_dpkg = stderr.lines().filter(|line| line.starts_with("dpkg: ") || line.contains("script subprocess"));
    let of_apt = stderr.lines().filter_map(|line| line.strip_prefix("E: "));
    let all: Vec<&str> = of_dpkg.chain(of_apt).map(|line| line.trim().trim_end_matches(':')).take(MOST).collect();
    match all.is_empty() {
        true => stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing").to_owned(),
        false => all.join(", "),
    }
}

fn apt(host: &Host, name: &JailName, from: &Pin, request: &InstallRequest<'_>, arguments: &[&str]) -> Result<(), JailError> {
    let env = [("DEBIAN_FRONTEND", "noninteractive"), ("DEBCONF_NONINTERACTIVE_SEEN", "true"), ("LC_ALL", "C")];
    let exec_request = ExecRequest {
        argv: std::iter::once("apt-get").chain(arguments.iter().copied()).map(str::to_owned).collect(),
        env: env.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>(),
        capture: true,
        timeout: request.timeout,
        ..ExecRequest::default()
    };
    let output = exec(host, name, &exec_request)?;
    if output.status == 0 {
        return Ok(());
    }
    let why = complaint(&output.stderr);
    let unknown = ["Unable to locate", "has no installation candidate", "Couldn't find"].iter().any(|sign| why.contains(sign));
    Err(JailError::Conflict {
        what: format!(
            "apt-get {} over a copy of base {from} ended with status {}: {}",
            arguments[0],
            output.status,
            why.escape_debug()
        ),
        remedy: match (unknown, request.update) {
            (true, false) => "mind its spelling, or give `update: true` to read the archives' lists anew".into(),
            (true, true) => "mind its spelling, and the archives that etc/apt of the base names".into(),
            (false, _) => "nothing was changed".into(),
        },
    })
}
