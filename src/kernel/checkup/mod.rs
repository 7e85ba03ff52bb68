//! Can this machine hold jails, by which body, and what is missing? Asks the running kernel, and changes nothing.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "netbsd")]
use netbsd as here;

pub use here::check_up;

/// What was found.
#[derive(Debug, Clone)]
pub struct Checkup {
    /// The one that `--kernel auto` takes.
    pub body: Option<&'static str>,
    pub findings: Vec<Finding>,
    /// Rights that this body holds in part here.
    pub weaker: Vec<&'static str>,
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub struct Finding {
    pub name: &'static str,
    /// `None`: only worth knowing.
    pub good: Option<bool>,
    pub found: String,
    pub remedy: Option<String>,
}

impl Finding {
    fn new(name: &'static str, good: bool, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { name, good: Some(good), found: found.into(), remedy: (!good).then(|| remedy.into()) }
    }

    fn refused(name: &'static str, error: &super::KernelError) -> Finding {
        let text = error.to_string();
        let (found, remedy) = text.split_once("; ").unwrap_or((&text, "see above"));
        Finding::new(name, false, found, remedy)
    }
}

fn root() -> Finding {
    let uid = nix::unistd::geteuid();
    Finding::new("root", uid.is_root(), format!("uid {uid}"), "run it as root")
}

fn release() -> String {
    nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default()
}

/// The first two numbers of a release.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
