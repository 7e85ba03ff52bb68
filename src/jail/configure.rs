//! A jail's `jail.toml` as text: read as it is, replaced only by one that is right.

use super::lifecycle::{admit, adopt};
use super::stale::{SPEC_CHANGED, wear};
use super::store::{self, Directory, Lock, SPEC_FILE, SPEC_LIMIT};
use super::{Change, Host, JailError, Spec};
use crate::kernel::JailName;

/// The text of `jail.toml`, right or wrong.
pub fn spec_text(host: &Host, name: &JailName) -> Result<String, JailError> {
    text_of(&store::jail(&host.config, name)?)
}

/// Replaces `jail.toml` by `text`, in one step and only if it is a spec that this kernel can hold. A jail that is up keeps
/// its policy until it is restarted.
pub fn configure(host: &Host, name: &JailName, text: &str) -> Result<Change, JailError> {
    let _lock = Lock::jail(host, name)?;
    let jail = store::jail(&host.config, name)?;
    let path = || jail.path_of(SPEC_FILE).display().to_string();
    let new = Spec::from_toml(name, text).map_err(|error| JailError::Spec { path: path(), error })?;
    let before = text_of(&jail)?;
    if before == text {
        return Ok(Change::Unchanged);
    }
    admit(host, &new)?;
    let diff = match Spec::from_toml(name, &before) {
        Ok(old) => {
            adopt(host, name, &old, &new)?;
            new.diff(&old)
        }
        Err(error) => {
            wear(host, name, SPEC_CHANGED)?;
            vec![format!("it could not be read before: {error}")]
        }
    };
    jail.replace(SPEC_FILE, 0o600, text.as_bytes())?;
    Ok(Change::Changed { diff })
}

fn text_of(jail: &Directory) -> Result<String, JailError> {
    if jail.status(SPEC_FILE)?.is_none() {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&jail.read(SPEC_FILE, SPEC_LIMIT)?).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::rc::Rc;

    use super::*;
    use crate::jail::{Config, create};
    use crate::kernel::sim::Sim;

    fn host(dir: &tempfile::TempDir) -> (Host, JailName) {
        let config = Config { data_dir: dir.path().join("data"), run_dir: dir.path().join("run") };
        let host = Host { kernel: Rc::new(Sim::new()), config };
        let name: JailName = "web".parse().unwrap();
        create(&host, &name, &Spec::from_toml(&name, "command = ['/bin/true']").unwrap()).unwrap();
        (host, name)
    }

    #[test]
    fn a_right_text_replaces_the_old_one_comments_and_all() {
        let dir = tempfile::tempdir().unwrap();
        let (host, name) = host(&dir);
        let text = "# mine\ncommand = ['/bin/true']\nprofile = 'low'\n";
        let change = configure(&host, &name, text).unwrap();
        assert_eq!(change, Change::Changed { diff: vec!["profile: \"high\" -> \"low\"".into()] });
        assert_eq!(spec_text(&host, &name).unwrap(), text);
        assert_eq!(configure(&host, &name, text).unwrap(), Change::Unchanged);
        let mode = std::fs::metadata(host.config.jail_dir(&name).join("jail.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_wrong_text_changes_nothing_and_one_that_is_wrong_already_can_be_mended() {
        let dir = tempfile::tempdir().unwrap();
        let (host, name) = host(&dir);
        let before = spec_text(&host, &name).unwrap();
        for wrong in ["profle = 'low'", "ports = [0]", "=", "limits = { memory = 1 }"] {
            assert!(matches!(configure(&host, &name, wrong), Err(JailError::Spec { .. })), "{wrong}");
        }
        assert_eq!(spec_text(&host, &name).unwrap(), before);
        std::fs::write(host.config.jail_dir(&name).join("jail.toml"), "=").unwrap();
        let change = configure(&host, &name, &before).unwrap();
        assert!(matches!(change, Change::Changed { diff } if diff[0].starts_with("it could not be read before")));
    }

    #[test]
    fn a_jail_that_is_not_there_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let (host, _) = host(&dir);
        let other = "wbe".parse().unwrap();
        assert!(matches!(configure(&host, &other, ""), Err(JailError::NoSuchJail { hint: Some(_), .. })));
        assert!(!host.config.jail_dir(&other).exists());
    }
}
