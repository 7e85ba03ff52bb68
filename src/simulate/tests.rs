//! The simulation and the real files of a jail end the same, whatever is done to them.

use std::rc::Rc;

use proptest::prelude::*;

use super::World;
use crate::jail::{Config, Host, Spec};
use crate::kernel::JailName;
use crate::kernel::sim::Sim;
use crate::perform::{Secrets, View, perform};
use crate::plan::decide::{self, FileWanted};
use crate::plan::{Action, Attributes, Content, DecideError, JailPath, Line, Observe};

/// What a script asks for.
#[derive(Debug, Clone)]
enum Wish {
    File { path: JailPath, text: String, mode: Option<u32>, owner: Option<String>, parents: bool },
    Directory { path: JailPath, mode: Option<u32> },
    Line { path: JailPath, text: String, absent: bool },
    Link { path: JailPath, target: String },
    Remove { path: JailPath },
    Anew,
}

fn attributes(mode: Option<u32>, owner: Option<String>) -> Attributes {
    Attributes { mode, owner, group: None }
}

impl Wish {
    fn decide(&self, seen: &dyn Observe, jail: &JailName) -> Result<Vec<Action>, DecideError> {
        match self.clone() {
            Wish::File { path, text, mode, owner, parents } => {
                let attributes = attributes(mode, owner);
                let wanted = FileWanted { path, content: Content::text(text), attributes, restart: false, parents };
                decide::file(seen, jail, &wanted)
            }
            Wish::Directory { path, mode } => decide::directory(seen, jail, &path, &attributes(mode, None)),
            Wish::Line { path, text, absent } => decide::line(seen, jail, &path, &Line { text, replaces: None, absent }, false),
            Wish::Link { path, target } => decide::link(seen, jail, &path, &target, false),
            Wish::Remove { path } => decide::absent(seen, jail, &path, false),
            Wish::Anew => decide::destroy(seen, jail),
        }
    }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Short paths below one directory, so that they meet.
fn path() -> impl Strategy<Value = JailPath> {
    proptest::collection::vec(proptest::sample::select(&NAMES[..]), 1..4)
        .prop_map(|names| format!("/srv/{}", names.join("/")).parse().expect("a path"))
}

fn target() -> impl Strategy<Value = String> {
    let near = path().prop_map(|path| path.to_string());
    prop_oneof![
        near,
        Just("b".to_owned()),
        Just("../a".to_owned()),
        Just("../../../srv/c".to_owned()),
        Just("/etc/none".to_owned())
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let mode = proptest::option::of(prop_oneof![Just(0o600), Just(0o4755)]);
    let owner =
        proptest::option::of(prop_oneof![Just("www-data".to_owned()), Just("7".to_owned()), Just("nobody-there".to_owned())]);
    let text = "[xy]{0,2}";
    prop_oneof![
        4 => (path(), text, mode.clone(), owner, any::<bool>())
            .prop_map(|(path, text, mode, owner, parents)| Wish::File { path, text, mode, owner, parents }),
        2 => (path(), mode).prop_map(|(path, mode)| Wish::Directory { path, mode }),
        2 => (path(), text, any::<bool>()).prop_map(|(path, text, absent)| Wish::Line { path, text, absent }),
        3 => (path(), target()).prop_map(|(path, target)| Wish::Link { path, target }),
        2 => path().prop_map(|path| Wish::Remove { path }),
        1 => Just(Wish::Anew),
    ]
}

/// How it went: what was decided and done, or why not, without where the files lie.
fn outcome<E: ToString>(jail: &JailName, config: &Config, result: Result<Vec<String>, E>) -> Result<Vec<String>, String> {
    let data = config.jail_dir(jail).join("data").display().to_string();
    result.map_err(|error| {
        let text = error.to_string().replace(&data, "[data]");
        // The system's words for what failed are the real side's alone.
        text.rsplit(" [data]").next().unwrap_or_default().to_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_simulated_ends_as_real_files_do(wishes in proptest::collection::vec(wish(), 1..14)) {
        // In memory where that can be: every write goes to disk.
        let scratch = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a scratch directory");
        let config = Config { data_dir: scratch.path().join("data"), run_dir: scratch.path().join("run") };
        let view = View::new(Host { kernel: Rc::new(Sim::new()), config: config.clone() }, Secrets::new(Rc::new(|_| Err("none".into()))));
        let world = World::new();
        let jail: JailName = "web".parse().expect("a name");
        let spec = Spec::parse(&jail, &serde_json::json!({})).expect("a spec");
        for wish in wishes {
            for action in decide::create(&view, &jail, &spec).expect("it can be made") {
                perform(&view, &action).expect("it can be made");
            }
            for action in decide::create(&world, &jail, &spec).expect("it can be made") {
                world.perform(&action).expect("it can be made");
            }
            let real = wish.decide(&view, &jail).map_err(|error| error.to_string()).and_then(|actions| {
                actions.iter().map(|action| Ok(format!("{} {:?}", action.step, perform(&view, action).map_err(|error| error.to_string())?))).collect()
            });
            let simulated = wish.decide(&world, &jail).map_err(|error| error.to_string()).and_then(|actions| {
                actions.iter().map(|action| Ok(format!("{} {:?}", action.step, world.perform(action).map_err(|error| error.to_string())?))).collect()
            });
            prop_assert_eq!(outcome(&jail, &world.host().config, simulated), outcome(&jail, &config, real), "{:?}", wish);
        }
        // Every path that could have been touched, and some that every jail has.
        let mut paths: Vec<String> = vec!["/etc/passwd".into(), "/etc/group".into(), "/var/run".into(), "/tmp".into()];
        let mut level: Vec<String> = vec!["/srv".into()];
        for _ in 0..3 {
            level = level.iter().flat_map(|above| NAMES.map(|name| format!("{above}/{name}"))).collect();
            paths.extend(level.clone());
        }
        let text = |error: crate::plan::ObserveError| error.to_string().rsplit(": ").next().unwrap_or_default().to_owned();
        for path in paths {
            let path: JailPath = path.parse().expect("a path");
            let is = (world.entry(&jail, &path).map_err(text), world.bytes(&jail, &path).map_err(text));
            let real = (view.entry(&jail, &path).map_err(text), view.bytes(&jail, &path).map_err(text));
            prop_assert_eq!(is, real, "{}", path);
        }
    }
}
