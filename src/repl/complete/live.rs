//! What the session at hand knows: its variables, and what there is on the host.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use rhai::Dynamic;

use crate::jail::{self, Inside};
use crate::kernel::JailName;
use crate::repl::shell::Shell;
use crate::script::assist::{Files, Held, Live, Wanted, Word};
use crate::script::console::LAST;
use crate::script::reference::Type;
use crate::script::seen;

/// How long the names of the jails are taken for what there is.
const FRESH: Duration = Duration::from_secs(2);
/// Names of one directory that are offered.
const MOST: usize = 500;

/// The names of the host's jails, and since when they are known.
#[derive(Debug, Default)]
pub struct Remembered(RefCell<Option<(Instant, Vec<JailName>)>>);

impl Remembered {
    /// They are read anew if those that are known are old; a host that cannot be read has none.
    pub(super) fn jails(&self, read: impl FnOnce() -> Vec<JailName>) -> Vec<JailName> {
        let mut known = self.0.borrow_mut();
        match &*known {
            Some((since, names)) if since.elapsed() < FRESH => names.clone(),
            _ => known.insert((Instant::now(), read())).1.clone(),
        }
    }
}

/// A session, for who completes a line of it.
pub struct Known<'a> {
    shell: &'a Shell,
    /// Only what is in memory, for an answer to every key.
    quick: bool,
}

impl<'a> Known<'a> {
    pub fn new(shell: &'a Shell) -> Known<'a> {
        Known { shell, quick: false }
    }

    /// Reads no directories but, now and then, that of the jails.
    pub fn quick(shell: &'a Shell) -> Known<'a> {
        Known { shell, quick: true }
    }

    pub fn modules(&self) -> Files<'_> {
        Files::new(None, &self.shell.module_path, &|_: &Path| None)
    }

    fn value<R>(&self, chain: &[&str], found: impl FnOnce(&Dynamic) -> R) -> Option<R> {
        let (first, rest) = chain.split_first()?;
        walk(self.shell.console.value(first)?, rest, found)
    }

    fn jails(&self) -> Vec<Word> {
        let read = || match self.shell.session.host() {
            Ok(host) => jail::jail_names(&host.config).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let names = self.shell.remembered.jails(read);
        names.into_iter().map(|name| Word::plain(name.as_str(), "jail")).collect()
    }

    /// Of the jail that is meant, else of the one in use.
    fn inside(&self, jail: Option<&str>, typed: &str) -> Option<Vec<Word>> {
        let name: JailName = match jail {
            Some(jail) => jail.parse().ok()?,
            None => self.shell.used()?,
        };
        let (above, last) = typed.rsplit_once('/')?;
        let inside = Inside::open(self.shell.session.host().ok()?, &name).ok()?;
        let found = inside.suggestions(above.trim_start_matches('/'), last, MOST).ok()?;
        Some(found.into_iter().map(|(name, is_directory)| path(above, &name, is_directory)).collect())
    }

    fn labels(&self, jail: Option<&str>) -> Option<Vec<Word>> {
        let name: JailName = jail.and_then(|jail| jail.parse().ok()).or_else(|| self.shell.used())?;
        let snapshots = jail::snapshots(self.shell.session.host().ok()?, &name).ok()?;
        Some(snapshots.iter().map(|snapshot| Word::plain(snapshot.name.to_string(), "snapshot")).collect())
    }

    fn bases(&self) -> Option<Vec<Word>> {
        let bases = jail::base::list(&self.shell.session.host().ok()?.config).ok()?;
        let names = bases.iter().map(|base| base.pin.to_string());
        Some(std::iter::once("host".to_owned()).chain(names).map(|name| Word::plain(name, "base")).collect())
    }
}

impl Live for Known<'_> {
    fn names(&self) -> Vec<(String, Held)> {
        let console = &self.shell.console;
        let variables = console.values().map(|(name, value)| (name.to_owned(), Held::Variable(seen::kind(value))));
        let functions = console.functions().into_iter().map(|(name, parameters)| (name, Held::Function(parameters)));
        let modules = console.imports().iter().map(|(alias, path)| (alias.clone(), Held::Module(path.clone())));
        variables.filter(|(name, _)| name != LAST).chain(functions).chain(modules).collect()
    }

    fn held(&self, name: &str) -> Option<Held> {
        if let Some(value) = self.shell.console.value(name) {
            return Some(Held::Variable(seen::kind(value)));
        }
        self.names().into_iter().rfind(|(known, _)| known == name).map(|(_, held)| held)
    }

    fn kind(&self, chain: &[&str]) -> Option<Type> {
        self.value(chain, seen::kind)
    }

    fn keys(&self, chain: &[&str]) -> Vec<(String, Type)> {
        let keys = |value: &Dynamic| {
            let map = value.as_map_ref().ok()?;
            Some(map.iter().take(MOST).map(|(key, value)| (key.to_string(), seen::kind(value))).collect())
        };
        self.value(chain, keys).flatten().unwrap_or_default()
    }

    fn is_narrowed(&self) -> bool {
        self.shell.used().is_some()
    }

    fn jail(&self, chain: &[&str]) -> Option<String> {
        self.value(chain, seen::jail_name).flatten()
    }

    fn words(&self, wanted: Wanted, jail: Option<&str>, typed: &str) -> Vec<Word> {
        match wanted {
            Wanted::Jail => self.jails(),
            _ if self.quick => Vec::new(),
            Wanted::Inside => self.inside(jail, typed).unwrap_or_default(),
            Wanted::Host => on_host(typed),
            Wanted::Label => self.labels(jail).unwrap_or_default(),
            Wanted::Base => self.bases().unwrap_or_default(),
            Wanted::Profile | Wanted::Right | Wanted::State | Wanted::Signal => Vec::new(),
        }
    }
}

/// Goes from a map to what is under a key, and on.
fn walk<R>(value: &Dynamic, chain: &[&str], found: impl FnOnce(&Dynamic) -> R) -> Option<R> {
    match chain.split_first() {
        None => Some(found(value)),
        Some((key, rest)) => walk(value.as_map_ref().ok()?.get(*key)?, rest, found),
    }
}

fn path(above: &str, name: &str, is_directory: bool) -> Word {
    let (end, detail) = if is_directory { ("/", "directory") } else { ("", "file") };
    Word { text: format!("{above}/{name}{end}"), label: format!("{name}{end}"), detail: detail.to_owned() }
}

/// Names of the host's files that go on with what is typed.
fn on_host(typed: &str) -> Vec<Word> {
    let (above, last) = typed.rsplit_once('/').map_or((None, typed), |(above, last)| (Some(above), last));
    let directory = match above {
        Some("") => "/",
        Some(above) => above,
        None => ".",
    };
    let names = std::fs::read_dir(directory).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_wanted = name.starts_with(last) && (!name.starts_with('.') || last.starts_with('.'));
        is_wanted.then(|| (name, entry.path().is_dir()))
    });
    let mut names: Vec<(String, bool)> = names.take(MOST).collect();
    names.sort();
    let word = |(name, is_directory): (String, bool)| match above {
        Some(above) => path(above, &name, is_directory),
        None => {
            let word = path("", &name, is_directory);
            Word { text: word.label.clone(), ..word }
        }
    };
    names.into_iter().map(word).collect()
}
