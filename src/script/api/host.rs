//! What a script may ask of the host around the jails.

use std::rc::Rc;

use rhai::{Dynamic, Engine, NativeCallContext};
use serde_json::Value;

use super::{Thrown, thrown};
use crate::plan::Digest;
use crate::script::facts::{self, FACTS};
use crate::script::http::{self, Response};
use crate::script::testing::Trial;
use crate::script::{Fault, Kind, Session, convert};
use crate::simulate::Page;

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Response>(engine, "Response");
    let asked = session.clone();
    engine.register_fn("http_get", move |context: NativeCallContext, url: &str| {
        if let Some(trial) = asked.trial() {
            return thrown(&context, "http_get", None, doubled(trial, url));
        }
        let looked = match asked.is_planning() {
            // Who answers is known once the plan was performed.
            true => asked.look(None).and_then(|_| http::get(url, asked.deadline.within(None))),
            false => http::get(url, asked.deadline.within(None)),
        };
        if let Some(tape) = asked.tape() {
            tape.page(url, &told(url, &looked));
        }
        thrown(&context, "http_get", None, looked)
    });
    let planning = session.clone();
    engine.register_fn("planning", move || planning.is_planning());
    environment(engine, session);
    facts(engine, session);
}

/// `env("NAME")`, and with what holds if it is not set.
fn environment(engine: &mut Engine, session: &Rc<Session>) {
    let (strict, lenient) = (session.clone(), session.clone());
    engine.register_fn("env", move |context: NativeCallContext, name: &str| -> Thrown<String> {
        let missing =
            || Fault::new(Kind::Value, format!("variable {name} is not set; set it, or write env({name:?}, \"default\")"));
        thrown(&context, "env", None, variable(&strict, name).and_then(|value| value.ok_or_else(missing)))
    });
    engine.register_fn("env", move |context: NativeCallContext, name: &str, default: Dynamic| -> Thrown<Dynamic> {
        let value = variable(&lenient, name).map(|value| value.map_or(default, Dynamic::from));
        thrown(&context, "env", None, value)
    });
}

fn variable(session: &Session, name: &str) -> Result<Option<String>, Fault> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Fault::new(Kind::Name, format!("{name:?} is no name of a variable")));
    }
    if let Some(trial) = session.trial().filter(|trial| trial.replay().is_none()) {
        return Ok(trial.world.script().environment.get(name).cloned());
    }
    let value = std::env::var_os(name)
        .map(|value| value.into_string().map_err(|_| Fault::new(Kind::Value, format!("variable {name} is not UTF-8 text"))));
    let value = value.transpose()?;
    session.provenance.borrow_mut().environment.insert(name.to_owned(), value.as_ref().map(Digest::of));
    Ok(value)
}

/// The host's facts, each asked for when it is read.
#[derive(Clone)]
pub struct Facts(Rc<Session>);

impl Facts {
    fn get(&self, name: &str) -> Result<Value, Fault> {
        let found = match self.0.trial().filter(|_| FACTS.iter().any(|(known, _)| *known == name)) {
            Some(trial) => Some(said(trial, name)?),
            None => facts::look(name, &|| self.0.host().cloned()).transpose()?,
        };
        let found = found.ok_or_else(|| {
            let known = || FACTS.iter().map(|(known, _)| *known);
            let hint = crate::jail::spec::nearest(name, known()).map_or_else(
                || format!("it has {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean {near}?"),
            );
            Fault::new(Kind::Value, format!("facts() has no property {name:?}; {hint}"))
        })?;
        if let Some(tape) = self.0.tape() {
            tape.fact(name, &found);
        }
        self.0.provenance.borrow_mut().facts.insert(name.to_owned(), Digest::of_value(&found));
        Ok(found)
    }

    pub(super) fn all(&self) -> Result<Value, Fault> {
        let all = FACTS.iter().map(|(name, _)| Ok(((*name).to_owned(), self.get(name)?)));
        Ok(Value::Object(all.collect::<Result<_, Fault>>()?))
    }

    /// A line each.
    fn lines(&self) -> Result<String, Fault> {
        let line = |(name, _): &(&str, _)| Ok(format!("{:<14}{}", name, self.get(name)?.to_string().trim_matches('"')));
        Ok(FACTS.iter().map(line).collect::<Result<Vec<_>, Fault>>()?.join("\n"))
    }
}

fn facts(engine: &mut Engine, session: &Rc<Session>) {
    let session = session.clone();
    engine
        .register_type_with_name::<Facts>("Facts")
        .register_fn("facts", move || Facts(session.clone()))
        .register_fn("to_string", |facts: &mut Facts| -> Thrown<String> { Ok(facts.lines()?) })
        .register_fn("to_debug", |facts: &mut Facts| -> Thrown<String> { Ok(facts.all()?.to_string()) })
        .register_fn("to_json", |facts: &mut Facts| -> Thrown<String> { Ok(facts.all()?.to_string()) })
        .register_fn("to_map", |facts: &mut Facts| -> Thrown<Dynamic> { Ok(convert::dynamic(&facts.all()?)) })
        .register_indexer_get(|facts: &mut Facts, name: &str| -> Thrown<Dynamic> { Ok(convert::dynamic(&facts.get(name)?)) });
}

/// What a test says that the host is like; what is the same on every host is so in tests too.
fn said(trial: &Trial, name: &str) -> Result<Value, Fault> {
    if let Some(replay) = trial.replay() {
        return Ok(replay.fact(name)?);
    }
    if let Some(value) = trial.world.script().facts.get(name) {
        return Ok(value.clone());
    }
    match name {
        "version" => Ok(env!("CARGO_PKG_VERSION").into()),
        "body" => Ok("sim".into()),
        "data_dir" => Ok(trial.world.host().config.data_dir.display().to_string().into()),
        _ => Err(Fault::no_double(format!("no double gives the fact {name:?}"), format!("add given_fact({name:?}, ...);"))),
    }
}

/// An answer as a recording holds it.
fn told(url: &str, answer: &Result<Response, Fault>) -> Page {
    match answer {
        Ok(response) => Page { status: response.status, body: response.body.clone(), fails: None },
        Err(fault) => {
            let why = fault.to_string();
            let why = why.strip_prefix(url).and_then(|why| why.strip_prefix(": ")).unwrap_or(&why).to_owned();
            Page { status: 0, body: String::new(), fails: Some(why) }
        }
    }
}

/// What a test says that a server answers.
fn doubled(trial: &Trial, url: &str) -> Result<Response, Fault> {
    http::check(url)?;
    let page = trial.replay().map_or_else(|| trial.world.page(url), |replay| replay.page(url))?;
    match page.fails {
        Some(why) => Err(Fault::new(Kind::Http, format!("{url}: {why}"))),
        None => Ok(Response { status: page.status, body: page.body }),
    }
}
