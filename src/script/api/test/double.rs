//! given, given_env, given_fact, given_packages, given_secret, on_exec, on_http, on_service, advance: what a test says beforehand.

use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::{Shared, at, jail_of, jails_of};
use crate::jail::Spec;
use crate::plan::{JailPath, PackageName, Packages, PathError};
use crate::script::convert::{self, Options, type_name};
use crate::script::{Fault, Kind, duration};
use crate::simulate::{Given, Page, Pattern, Reply};
use crate::supervise::Conduct;

type Thrown = Result<(), Box<EvalAltResult>>;

pub fn register(engine: &mut Engine, trial: &Shared) {
    let shared = trial.clone();
    engine.register_fn("given", move |context: NativeCallContext, jail: Dynamic| -> Thrown {
        given(&shared, &jail, Map::new()).map_err(|fault| at(&context, "given", fault))
    });
    let shared = trial.clone();
    engine.register_fn("given", move |context: NativeCallContext, jail: Dynamic, with: Map| -> Thrown {
        given(&shared, &jail, with).map_err(|fault| at(&context, "given", fault))
    });
    let shared = trial.clone();
    engine.register_fn("given_env", move |name: &str, value: &str| {
        shared.world.script().environment.insert(name.to_owned(), value.to_owned());
    });
    let shared = trial.clone();
    engine.register_fn("given_secret", move |name: &str, value: &str| {
        shared.world.script().secrets.insert(name.to_owned(), value.to_owned());
    });
    let shared = trial.clone();
    engine.register_fn("given_fact", move |context: NativeCallContext, name: &str, value: Dynamic| -> Thrown {
        let value = convert::tree(&value).map_err(|fault| at(&context, "given_fact", fault))?;
        shared.world.script().facts.insert(name.to_owned(), value);
        Ok(())
    });
    let shared = trial.clone();
    engine.register_fn("given_packages", move |context: NativeCallContext, base: &str, packages: Dynamic| -> Thrown {
        let packages = given_packages(&packages).map_err(|fault| at(&context, "given_packages", fault))?;
        shared.world.script().packages.insert(base.to_owned(), packages);
        Ok(())
    });
    let shared = trial.clone();
    engine.register_fn("on_exec", move |context: NativeCallContext, jail: Dynamic, command: Dynamic, reply: Map| -> Thrown {
        on_exec(&shared, &jail, &command, &reply).map_err(|fault| at(&context, "on_exec", fault))
    });
    let shared = trial.clone();
    engine.register_fn("on_http", move |context: NativeCallContext, url: &str, reply: Map| -> Thrown {
        on_http(&shared, url, &reply).map_err(|fault| at(&context, "on_http", fault))
    });
    let shared = trial.clone();
    engine.register_fn("on_service", move |context: NativeCallContext, jail: Dynamic, conduct: Map| -> Thrown {
        on_service(&shared, &jail, &conduct).map_err(|fault| at(&context, "on_service", fault))
    });
    let shared = trial.clone();
    engine.register_fn("advance", move |context: NativeCallContext, time: Dynamic| -> Thrown {
        let time = span(&time).map_err(|fault| at(&context, "advance", fault))?;
        shared.world.pass(time);
        Ok(())
    });
}

fn span(value: &Dynamic) -> Result<Duration, Fault> {
    let seconds = value.as_float().ok().or_else(|| value.as_int().ok().map(|seconds| seconds as f64));
    let found = match (seconds, value.as_immutable_string_ref()) {
        (Some(seconds), _) => duration::from_seconds(seconds),
        (None, Ok(text)) => duration::parse(&text).ok(),
        _ => None,
    };
    found.ok_or_else(|| Fault::new(Kind::Value, format!("{value:?} is no time; use seconds above 0, or a text like \"5m\"")))
}

/// Texts or blobs by path.
fn files(options: &Options, key: &str) -> Result<Vec<(JailPath, Vec<u8>)>, Fault> {
    let Some(map) = options.map(key)? else { return Ok(Vec::new()) };
    let file = |(path, value): (&rhai::Identifier, &Dynamic)| {
        let path: JailPath = path.parse().map_err(|error: PathError| Fault::new(Kind::Path, error.to_string()))?;
        if let Ok(text) = value.as_immutable_string_ref() {
            return Ok((path, text.as_bytes().to_vec()));
        }
        match value.as_blob_ref() {
            Ok(bytes) => Ok((path, bytes.clone())),
            Err(kind) => Err(Fault::new(Kind::Value, format!("{path} is of type {}; use a text or a blob", type_name(kind)))),
        }
    };
    map.iter().map(file).collect()
}

fn times(options: &Options) -> Result<Option<u64>, Fault> {
    let Some(times) = options.integer("times")? else { return Ok(None) };
    u64::try_from(times).map(Some).map_err(|_| options.wrong("times", "a number from 0"))
}

fn given(trial: &Shared, jail: &Dynamic, mut with: Map) -> Result<(), Fault> {
    let name = jail_of("given", jail)?;
    let own: Map = ["files", "running"].into_iter().filter_map(|key| with.remove_entry(key)).collect();
    let options = Options::new("given", &own, &["files", "running"])?;
    let spec = match jail.read_lock::<super::Handle>().and_then(|jail| jail.spec.clone()) {
        Some(spec) if with.is_empty() => (*spec).clone(),
        _ => Spec::parse(&name, &convert::tree_of_map(&with)?)?,
    };
    let running = options.flag("running", false)?;
    if running && spec.commands().any(<[String]>::is_empty) {
        return Err(Fault::new(Kind::Spec, "given: a jail that runs needs a command; add command: [...]"));
    }
    Ok(trial.world.given(&name, Given { spec, files: files(&options, "files")?, running })?)
}

/// The version of a package of which none is told.
const SOME_VERSION: &str = "1";

/// Names, or versions by name.
fn given_packages(which: &Dynamic) -> Result<Packages, Fault> {
    let with_versions: Vec<(String, String)> = match (which.as_array_ref(), which.as_map_ref()) {
        (Ok(names), _) => {
            convert::texts("given_packages", &names)?.into_iter().map(|name| (name, SOME_VERSION.to_owned())).collect()
        }
        (_, Ok(map)) => map.iter().map(|(name, version)| (name.to_string(), version.to_string())).collect(),
        _ => return Err(Fault::new(Kind::Value, "given_packages: use a list of names, or a map from names to versions")),
    };
    let mut packages = Packages::default();
    for (name, version) in with_versions {
        let name: PackageName = name.parse().map_err(|why| Fault::new(Kind::Value, format!("given_packages: {why}")))?;
        packages.add(&name, &version);
    }
    Ok(packages)
}

const EXEC: [&str; 6] = ["status", "stdout", "stderr", "files", "takes", "times"];

fn on_exec(trial: &Shared, jail: &Dynamic, command: &Dynamic, reply: &Map) -> Result<(), Fault> {
    let options = Options::new("on_exec", reply, &EXEC)?;
    let jail = jails_of("on_exec", jail)?;
    let pattern = match (command.as_array_ref(), command.as_immutable_string_ref()) {
        (Ok(words), _) => Pattern::Words(convert::texts("on_exec", &words)?),
        (_, Ok(line)) => Pattern::Line(line.to_string()),
        (_, Err(kind)) => {
            let kind = type_name(kind);
            return Err(Fault::new(
                Kind::Value,
                format!("on_exec: the command is of type {kind}; use a list of texts, or a text"),
            ));
        }
    };
    let status = options.integer("status")?.unwrap_or(0);
    let answer = Reply {
        status: i32::try_from(status).map_err(|_| options.wrong("status", "an exit status"))?,
        stdout: options.text("stdout")?.unwrap_or_default(),
        stderr: options.text("stderr")?.unwrap_or_default(),
        files: files(&options, "files")?,
        takes: options.duration("takes")?.unwrap_or_default(),
    };
    trial.world.script().on_command(&jail, pattern, times(&options)?, answer);
    Ok(())
}

fn on_http(trial: &Shared, url: &str, reply: &Map) -> Result<(), Fault> {
    let options = Options::new("on_http", reply, &["status", "body", "fails", "times"])?;
    let status = options.integer("status")?.unwrap_or(200);
    let page = Page {
        status: u16::try_from(status).map_err(|_| options.wrong("status", "a status such as 200"))?,
        body: options.text("body")?.unwrap_or_default(),
        fails: options.text("fails")?,
    };
    trial.world.script().on_page(url, times(&options)?, page);
    Ok(())
}

const SERVICE: [&str; 8] = ["service", "ready_after", "fails", "crashes_after", "status", "unhealthy_after", "times", "says"];

fn on_service(trial: &Shared, jail: &Dynamic, conduct: &Map) -> Result<(), Fault> {
    let options = Options::new("on_service", conduct, &SERVICE)?;
    let jail = jails_of("on_service", jail)?;
    let status = options.integer("status")?.unwrap_or(1);
    let says = options.list("says")?.unwrap_or_default();
    let conduct = Conduct {
        ready_after: options.duration("ready_after")?.unwrap_or_default(),
        fails: options.text("fails")?,
        crashes_after: options.duration("crashes_after")?,
        status: i32::try_from(status).map_err(|_| options.wrong("status", "an exit status"))?,
        unhealthy_after: options.duration("unhealthy_after")?,
        times: times(&options)?,
        says: convert::texts("on_service", &says)?,
    };
    trial.world.conduct(&jail, options.text("service")?, conduct);
    Ok(())
}
