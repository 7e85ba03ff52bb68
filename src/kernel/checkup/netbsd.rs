//! NetBSD: root, a version that the module is for, and the module.

use super::{Checkup, Finding, release, root, version};
use crate::kernel::netbsd::{Netbsd, Sysctl};
use crate::kernel::{Enforcement, Kernel, KernelError};

pub fn check_up() -> Checkup {
    let release = release();
    let kernel = Finding::new("kernel", version(&release) >= (7, 99), release, "boot NetBSD 10 or newer");
    let opened = Netbsd::open(Sysctl);
    let module = match &opened {
        Ok(body) => Finding::new("module", true, format!("loaded, ABI {}", body.describe().abi), ""),
        Err(KernelError::NotLoaded) => Finding::new("module", false, "secmodel_jail is not loaded", "run modload secmodel_jail"),
        Err(error) => Finding::refused("module", error),
    };
    let description = opened.ok().map(|body| body.describe());
    let rights = description.iter().flat_map(|description| &description.rights);
    let weaker = rights.filter(|status| !matches!(status.enforcement, Enforcement::Enforced { .. }));
    Checkup {
        body: description.as_ref().map(|description| description.body),
        weaker: weaker.map(|status| status.right.name()).collect(),
        findings: vec![root(), kernel, module],
    }
}
