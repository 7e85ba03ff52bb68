//! packages: what a jail's base is to have.

use rhai::{Dynamic, Engine, Map};

use super::change::{Change, submit};
use super::method_of_one;
use crate::kernel::JailName;
use crate::plan::PackageName;
use crate::plan::decide::{self, PackagesWanted};
use crate::script::convert::{self, Options, type_name};
use crate::script::{Fault, Kind, Session};

pub fn register(engine: &mut Engine) {
    method_of_one(engine, "packages", packages);
}

fn packages(session: &Session, jail: &JailName, which: Dynamic, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("packages", options, &["version", "update"])?;
    let names = match (which.as_immutable_string_ref(), which.as_array_ref()) {
        (Ok(name), _) => vec![name.to_string()],
        (_, Ok(names)) => convert::texts("packages", &names)?,
        _ => {
            let found = type_name(which.type_name());
            return Err(Fault::new(
                Kind::Value,
                format!("packages: the names are of type {found}; use a text, or a list of texts"),
            ));
        }
    };
    let names: Result<Vec<PackageName>, String> = names.iter().map(|name| name.parse()).collect();
    let names = names.map_err(|why| Fault::new(Kind::Value, format!("packages: {why}")))?;
    let version = options.text("version")?;
    if version.is_some() && names.len() != 1 {
        return Err(Fault::new(Kind::Value, "packages: a version is of one package; name that alone"));
    }
    if let Some(version) = &version {
        let sound = |c: char| c.is_ascii_alphanumeric() || ".+-:~".contains(c);
        if !version.starts_with(|c: char| c.is_ascii_digit()) || !version.chars().all(sound) {
            return Err(Fault::new(Kind::Value, format!("packages: {version:?} is no version; use one as dpkg tells it")));
        }
    }
    let wanted = PackagesWanted { names, version, update: options.flag("update", false)? };
    submit(session, jail, "present", |seen| decide::packages(seen, jail, &wanted))
}
