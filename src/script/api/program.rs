//! script: a program text, run inside a jail.

use std::path::Path;

use rhai::{Dynamic, Engine, Map};

use super::exec::{environment, guard, submit};
use super::output::Output;
use super::template::text_of;
use super::{files, method_of_one};
use crate::kernel::JailName;
use crate::plan::{Command, Content, Program, decide};
use crate::script::convert::{self, Options};
use crate::script::{Fault, Kind, Session};

const KNOWN: [&str; 12] =
    ["args", "env", "user", "workdir", "input", "timeout", "check", "ephemeral", "interpreter", "creates", "unless", "onlyif"];

pub fn register(engine: &mut Engine) {
    method_of_one(engine, "script", script);
}

/// What runs a text: what its first line says, as the kernel reads it (execve(2)), or the shell.
fn interpreter(text: &str) -> Vec<String> {
    let line = text.strip_prefix("#!").and_then(|rest| rest.lines().next()).map(str::trim).filter(|line| line.starts_with('/'));
    let Some(line) = line else { return vec!["/bin/sh".into()] };
    let words = line.split_once([' ', '\t']).map_or(vec![line], |(program, argument)| vec![program, argument.trim()]);
    words.into_iter().map(str::to_owned).collect()
}

fn script(session: &Session, jail: &JailName, source: Dynamic, options: &Map) -> Result<Output, Fault> {
    let options = Options::new("script", options, &KNOWN)?;
    let argv = options.list("args")?.map(|args| convert::texts("script", &args)).transpose()?.unwrap_or_default();
    let named = options.list("interpreter")?.map(|argv| convert::texts("script", &argv)).transpose()?;
    if named.as_ref().is_some_and(|argv| argv.first().is_none_or(String::is_empty)) {
        return Err(options.wrong("interpreter", "a list of texts, the program first"));
    }
    let user = options.text("user")?;
    let guard = guard("script", &options, user.as_ref())?;
    let timeout = options.duration("timeout")?;
    let (env, workdir) = (environment(&options)?, options.text("workdir")?);
    let (input, ephemeral) =
        (options.any("input").map(|input| files::content("script", input)).transpose()?, options.flag("ephemeral", false)?);
    let check = options.flag("check", true)?;
    let (text, shown) = text_of(session, "script", &source)?;
    if text.trim().is_empty() {
        return Err(Fault::new(Kind::Spec, format!("script: {shown} is empty")));
    }
    let name = Path::new(&shown).file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    let interpreter = named.unwrap_or_else(|| interpreter(&text));
    let command = Command {
        argv,
        program: Some(Program { name, text: Content::text(text), interpreter }),
        env,
        user,
        workdir,
        input,
        timeout_ms: timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        ephemeral,
        check,
    };
    submit(session, jail, |seen| decide::run(seen, jail, &command, &guard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_interpreter_or_the_shell_runs_it() {
        for (text, argv) in [
            ("echo", vec!["/bin/sh"]),
            ("#!/usr/bin/env python3 -u\nx", vec!["/usr/bin/env", "python3 -u"]),
            ("#! /usr/bin/awk -f\n", vec!["/usr/bin/awk", "-f"]),
            ("#!/bin/bash", vec!["/bin/bash"]),
            ("#!python\n", vec!["/bin/sh"]),
            ("# no\n#!/bin/x", vec!["/bin/sh"]),
        ] {
            assert_eq!(interpreter(text), argv, "{text}");
        }
    }
}
