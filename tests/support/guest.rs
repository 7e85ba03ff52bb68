//! Is this a machine where the module may be loaded and attacked?
//!
//! The attacks reach for the clock, the host's name and the reboot switch: they run in a guest, which `scripts/test`
//! says with JAILSH_REQUIRE_MODULE=1, and nowhere else.

use jailsh::kernel::lsm::Lsm;

/// The loaded module, or `None` after saying why the test is skipped.
pub fn module() -> Option<Lsm> {
    if std::env::var_os("JAILSH_REQUIRE_MODULE").is_none_or(|value| value != "1") {
        let why = Lsm::probe().map_or_else(|error| error.to_string(), |()| "this is no guest".into());
        eprintln!("skipped: {why}; run scripts/test guest");
        return None;
    }
    Some(Lsm::open_or_load().expect("the guest's kernel takes the module"))
}
