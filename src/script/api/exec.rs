//! exec and apply: commands inside a jail.

use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{Array, Engine, Map};

use super::output::{self, Output};
use super::template::text_of;
use super::{files, verb_with, verb_with_options};
use crate::kernel::JailName;
use crate::perform::Done;
use crate::plan::decide::{self, Guard};
use crate::plan::{Action, Command, Content, DecideError, Observe, Step};
use crate::script::convert::{self, Options};
use crate::script::session::Fate;
use crate::script::{Fault, Kind, Session, interrupt};

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    output::register(engine);
    verb_with(engine, session, "exec", |session, name, argv: Array| exec(session, name, argv, &Map::new()));
    verb_with_options(engine, session, "exec", exec);
    verb_with(engine, session, "apply", |session, name, text: String| apply(session, name, text, &Map::new()));
    verb_with_options(engine, session, "apply", apply);
    verb_with(engine, session, "apply_file", |session, name, path: String| apply_file(session, name, path, &Map::new()));
    verb_with_options(engine, session, "apply_file", apply_file);
}

/// What `creates`, `unless` and `onlyif` of a verb's options say.
pub fn guard(verb: &'static str, options: &Options, user: Option<&String>) -> Result<Guard, Fault> {
    let command = |key| -> Result<Option<Command>, Fault> {
        let Some(argv) = options.list(key)? else { return Ok(None) };
        let argv = convert::texts(verb, &argv)?;
        if argv.first().is_none_or(String::is_empty) {
            return Err(options.wrong(key, "a list of texts, the program first"));
        }
        Ok(Some(Command { argv, user: user.cloned(), ..Command::default() }))
    };
    let creates = options.text("creates")?.map(|path| files::path(&path)).transpose()?;
    Ok(Guard { creates, unless: command("unless")?, only_if: command("onlyif")? })
}

/// Variables as parts of what a plan carries.
pub fn environment(options: &Options) -> Result<BTreeMap<String, Content>, Fault> {
    let part = |value: &rhai::Dynamic| files::content(options.verb(), value).ok();
    options.environment("env", part)
}

fn exec(session: &Session, name: &JailName, argv: Array, options: &Map) -> Result<Output, Fault> {
    const KNOWN: [&str; 10] = ["user", "env", "workdir", "input", "timeout", "check", "ephemeral", "creates", "unless", "onlyif"];
    let options = Options::new("exec", options, &KNOWN)?;
    let argv = convert::texts("exec", &argv)?;
    if argv.first().is_none_or(String::is_empty) {
        return Err(Fault::new(Kind::Spec, "exec: no command; use exec([\"program\", \"argument\"])"));
    }
    let user = options.text("user")?;
    let guard = guard("exec", &options, user.as_ref())?;
    let timeout = options.duration("timeout")?;
    let command = Command {
        argv,
        program: None,
        env: environment(&options)?,
        user,
        workdir: options.text("workdir")?,
        input: options.any("input").map(|input| files::content("exec", input)).transpose()?,
        timeout_ms: timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        ephemeral: options.flag("ephemeral", false)?,
        // With a guard it is to bring about a state: one that failed did not.
        check: options.flag("check", !guard.is_none())?,
    };
    submit(session, name, |seen| decide::run(seen, name, &command, &guard))
}

fn apply(session: &Session, name: &JailName, text: String, options: &Map) -> Result<Output, Fault> {
    let options = Options::new("apply", options, &["ephemeral", "capture", "check", "creates", "unless", "onlyif"])?;
    let (ephemeral, capture) = (options.flag("ephemeral", false)?, options.flag("capture", true)?);
    let check = options.flag("check", true)?;
    let guard = guard("apply", &options, None)?;
    if text.trim().is_empty() {
        return Err(Fault::new(Kind::Spec, "apply: the shell text is empty"));
    }
    let step = Step::Apply { text, ephemeral, capture, check };
    submit(session, name, |seen| decide::apply(seen, name, &step, &guard))
}

fn apply_file(session: &Session, name: &JailName, path: String, options: &Map) -> Result<Output, Fault> {
    let (text, _) = text_of(session, "apply_file", &path.into())?;
    apply(session, name, text, options)
}

/// A command's output: what it wrote, nothing where its guard says it need not run, or what nobody can know yet.
pub fn submit(
    session: &Session,
    jail: &JailName,
    decide: impl FnOnce(&dyn Observe) -> Result<Vec<Action>, DecideError>,
) -> Result<Output, Fault> {
    let fates = match session.submit(jail, decide) {
        Ok(fates) => fates,
        Err(fault) if session.is_isolating() => return Ok(Output::unknown(fault.to_string())),
        Err(fault) => return Err(fault),
    };
    Ok(match fates.into_iter().next_back() {
        None => Output::skipped(),
        Some((_, Fate::Done(Done::Ran(ran)))) => {
            interrupt::follow(ran.status);
            Output::known(ran)
        }
        Some((_, Fate::Failed(why) | Fate::Skipped(why))) => Output::unknown(why),
        Some((action, _)) => Output::unknown(format!("{} is planned, not run", action.step)),
    })
}
