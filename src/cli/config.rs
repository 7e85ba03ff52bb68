//! `/etc/jailsh/config.toml`: the defaults of the common options.

use std::path::{Path, PathBuf};

use super::failure::{Exit, Failure};
use crate::jail::spec::nearest;
use crate::kernel::{BodyChoice, Right, RightSet};
use crate::script::Fault;

pub const PATH: &str = "/etc/jailsh/config.toml";

/// What `jailmgr bootstrap` writes.
pub const DEFAULT: &str = "\
# Defaults of jailsh, jailctl and jailmgr. Options on the command line win.

# auto: the kernel module if this kernel takes it, else Landlock. lsm, landlock: this one or an error.
# sim: a simulation, for trying scripts.
# kernel = \"auto\"

# Rights and fences that may go unenforced where the kernel cannot enforce them; otherwise such a jail is refused.
# accept_unenforced = []

# Base layers and jails.
# data_dir = \"/var/jailmgr\"
";

const KEYS: [&str; 3] = ["kernel", "data_dir", "accept_unenforced"];

/// A configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    pub kernel: Option<BodyChoice>,
    pub data_dir: Option<PathBuf>,
    /// Created without, where the kernel at hand cannot enforce them.
    pub accept_unenforced: RightSet,
}

impl File {
    /// Reads `path`. A file that is absent is as good as an empty one, unless it was `asked` for.
    pub fn read(path: &Path, asked: bool) -> Result<File, Failure> {
        match std::fs::read_to_string(path) {
            Ok(text) => File::parse(&text).map_err(|why| Failure::new(Exit::CONFIG, format!("{}: {why}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked => Ok(File::default()),
            Err(error) => Err(Failure::new(Exit::NO_INPUT, Fault::file(path, &error).to_string())),
        }
    }

    fn parse(text: &str) -> Result<File, String> {
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("line {}: {}", before.matches('\n').count() + 1, error.message())
        })?;
        let mut file = File::default();
        for (key, value) in &table {
            let text = || value.as_str().ok_or_else(|| format!("{key}: expected a text in quotes, found {value}"));
            match key.as_str() {
                "kernel" => file.kernel = Some(text()?.parse().map_err(|why| format!("kernel: {why}"))?),
                "data_dir" => file.data_dir = Some(absolute(text()?)?),
                "accept_unenforced" => file.accept_unenforced = rights(value).map_err(|why| format!("{key}: {why}"))?,
                _ => {
                    let hint =
                        nearest(key, KEYS).map_or(format!("use {}", KEYS.join(", ")), |near| format!("did you mean {near:?}?"));
                    return Err(format!("unknown key {key:?}; {hint}"));
                }
            }
        }
        Ok(file)
    }
}

fn rights(value: &toml::Value) -> Result<RightSet, String> {
    let list = value.as_array().ok_or_else(|| format!("expected a list of rights, found {value}"))?;
    list.iter().try_fold(RightSet::EMPTY, |set, value| {
        let name = value.as_str().ok_or_else(|| format!("expected the name of a right in quotes, found {value}"))?;
        let unknown = || {
            let hint = nearest(name, Right::all().map(Right::name));
            format!("unknown right {name:?}{}", hint.map_or(String::new(), |near| format!("; did you mean {near:?}?")))
        };
        // What a body can or cannot hold is a right as a whole.
        let whole = name.parse::<Right>().ok().filter(|right| !right.is_part());
        whole.map(|right| set.with(right)).ok_or_else(unknown)
    })
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err(format!("data_dir: {text:?} is relative; write it from /")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_changes_nothing() {
        assert_eq!(File::parse(DEFAULT).unwrap(), File::default());
        let uncommented = DEFAULT.replace("# kernel", "kernel").replace("# data_dir", "data_dir").replace("# accept_", "accept_");
        let file = File::parse(&uncommented).unwrap();
        assert_eq!((file.kernel, file.data_dir), (Some(BodyChoice::Auto), Some("/var/jailmgr".into())));
    }

    #[test]
    fn every_mistake_names_its_key_and_the_remedy() {
        let wrong = [
            "kernl = \"sim\"",
            "colour = 1",
            "kernel = \"netbsd\"",
            "kernel = 1",
            "data_dir = \"jails\"",
            "kernel =",
            "accept_unenforced = \"mount\"",
            "accept_unenforced = [\"port_forein\"]",
            "accept_unenforced = [1]",
        ];
        let messages: Vec<String> = wrong.into_iter().map(|text| File::parse(text).unwrap_err()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
