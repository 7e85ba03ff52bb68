//! A recording as a host: it answers what was answered then, and sees whether the same is done.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::record::written;
use super::{
    FORMAT, TapeError, VERSION, of_base, of_bytes, of_command, of_fact, of_id, of_jail, of_jails, of_names, of_packages, of_page,
    of_path, of_target,
};
use crate::jail::{Base, Output};
use crate::kernel::JailName;
use crate::perform::{Done, PerformError};
use crate::plan::{
    Action, Command, Digest, Entry, JailPath, JailSeen, Kind, Observe, ObserveError, Packages, Part, Seed, Step, Written,
    difference, stand_in,
};
use crate::simulate::Page;

struct Recorded {
    action: Action,
    line: Value,
}

/// A recording that is gone through again.
pub struct Replay {
    pub script: String,
    pub arguments: Vec<String>,
    answers: RefCell<BTreeMap<String, VecDeque<Value>>>,
    deeds: Vec<Recorded>,
    done: RefCell<Vec<Action>>,
}

/// What became of an action then.
pub enum Became {
    Done(Done),
    Failed(String),
    Skipped(String),
}

fn syntax(why: impl ToString) -> TapeError {
    TapeError::Syntax(why.to_string())
}

impl Replay {
    /// # Errors
    /// It is no recording, or one of another version.
    pub fn parse(text: &str) -> Result<Replay, TapeError> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let head: Value = serde_json::from_str(lines.next().unwrap_or_default()).map_err(syntax)?;
        if head["format"] != FORMAT {
            return Err(syntax("its first line does not say so"));
        }
        let version = head["version"].as_u64().unwrap_or(0);
        if version != u64::from(VERSION) {
            return Err(TapeError::Version { found: version });
        }
        let words = |value: &Value| {
            let texts = value.as_array().into_iter().flatten();
            texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let mut replay = Replay {
            script: head["script"].as_str().unwrap_or_default().to_owned(),
            arguments: words(&head["args"]),
            answers: RefCell::default(),
            deeds: Vec::new(),
            done: RefCell::default(),
        };
        for line in lines {
            let mut line: Value = serde_json::from_str(line).map_err(syntax)?;
            if let Some(done) = line.get("did") {
                let action = serde_json::from_value(done.clone()).map_err(syntax)?;
                replay.deeds.push(Recorded { action, line });
                continue;
            }
            let asked = line.as_object_mut().ok_or_else(|| syntax("a line is no map"))?;
            let answer = asked.remove("answer").ok_or_else(|| syntax("a line has no answer"))?;
            replay.answers.get_mut().entry(line.to_string()).or_default().push_back(answer);
        }
        Ok(replay)
    }

    /// What was answered then, in turn; the last answer stays.
    fn answer(&self, asked: &Value) -> Result<Value, ObserveError> {
        let mut answers = self.answers.borrow_mut();
        let known = answers.get_mut(&asked.to_string()).and_then(|known| match known.len() {
            0 | 1 => known.front().cloned(),
            _ => known.pop_front(),
        });
        known.ok_or_else(|| ObserveError::NoDouble {
            what: format!("the recording does not answer {asked}"),
            remedy: "record it again with jailsh run --record".into(),
        })
    }

    fn read<T: serde::de::DeserializeOwned>(&self, asked: &Value) -> Result<T, ObserveError> {
        let answer = self.answer(asked)?;
        serde_json::from_value(answer).map_err(|error| damaged(asked, &error))
    }

    pub fn page(&self, url: &str) -> Result<Page, ObserveError> {
        let asked = of_page(url);
        let answer = self.answer(&asked)?;
        Ok(Page {
            status: answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0),
            body: answer["body"].as_str().unwrap_or_default().to_owned(),
            fails: answer["fails"].as_str().map(str::to_owned),
        })
    }

    pub fn fact(&self, name: &str) -> Result<Value, ObserveError> {
        self.answer(&of_fact(name))
    }

    /// What became of the action then, if it was that one's turn.
    ///
    /// # Errors
    /// It is a command that was not run then, so that nobody knows how it ends.
    pub fn perform(&self, action: &Action) -> Result<Became, PerformError> {
        let turn = self.done.borrow().len();
        let told = written(action);
        self.done.borrow_mut().push(told.clone());
        let then = self.deeds.get(turn).filter(|then| is_same(&then.action, &told));
        let Some(then) = then else {
            return match &action.step {
                Step::Run { .. } | Step::Apply { .. } => Err(ObserveError::NoDouble {
                    what: format!("the recording has no such command here: {}", action.step),
                    remedy: "record it again with jailsh run --record".into(),
                }
                .into()),
                step => Ok(Became::Done(usual(step))),
            };
        };
        let text = |key: &str| then.line[key].as_str().map(str::to_owned);
        if let Some(why) = text("failed") {
            return Ok(Became::Failed(why));
        }
        if let Some(why) = text("skipped") {
            return Ok(Became::Skipped(why));
        }
        let ran = &then.line["ran"];
        Ok(Became::Done(match ran["status"].as_i64().and_then(|status| i32::try_from(status).ok()) {
            Some(status) => Done::Ran(Output {
                status,
                stdout: ran["stdout"].as_str().unwrap_or_default().to_owned(),
                stderr: ran["stderr"].as_str().unwrap_or_default().to_owned(),
            }),
            None => usual(&action.step),
        }))
    }

    /// What was done then and not now, and the other way round; empty if both are the same.
    pub fn difference(&self) -> Vec<String> {
        let done = self.done.borrow();
        if self.deeds.len() == done.len() && self.deeds.iter().zip(done.iter()).all(|(then, now)| is_same(&then.action, now)) {
            return Vec::new();
        }
        let then: String = self.deeds.iter().map(|then| shown(&then.action)).collect();
        let now: String = done.iter().map(shown).collect();
        difference(Some(then.as_bytes()), now.as_bytes())
    }
}

fn damaged(asked: &Value, error: &serde_json::Error) -> ObserveError {
    ObserveError::NoDouble {
        what: format!("the recording's answer to {asked} is damaged: {error}"),
        remedy: "record it again".into(),
    }
}

fn is_same(one: &Action, other: &Action) -> bool {
    one.jail == other.jail && one.step == other.step
}

/// An action in lines: what it does, and what it holds.
fn shown(action: &Action) -> String {
    let mut text = format!("{}: {}\n", action.jail, action.step);
    let mut step = serde_json::to_value(&action.step).unwrap_or_default();
    if let Some(step) = step.as_object_mut() {
        step.remove("action");
        if let Some(mode) = step.get_mut("attributes").and_then(|attributes| attributes.get_mut("mode")) {
            *mode = format!("{:04o}", mode.as_u64().unwrap_or_default()).into();
        }
        for (key, value) in step {
            text += &format!("  {key}: {value}\n");
        }
    }
    text
}

/// What comes of it where nothing goes wrong.
fn usual(step: &Step) -> Done {
    match step {
        Step::Create { .. } => Done::Created,
        Step::Configure { .. } => Done::Changed,
        Step::Start | Step::Restart { .. } => Done::Started,
        Step::Stop => Done::Stopped,
        Step::Destroy => Done::Destroyed,
        _ => Done::Done,
    }
}

impl Observe for Replay {
    fn jail(&self, jail: &JailName) -> Result<Option<JailSeen>, ObserveError> {
        let asked = of_jail(jail);
        let answer = self.answer(&asked)?;
        if answer.is_null() {
            return Ok(None);
        }
        let wrong = |error: serde_json::Error| damaged(&asked, &error);
        let spec = match answer["unreadable"].as_str() {
            Some(why) => Err(why.to_owned()),
            None => Ok(serde_json::from_value::<Written>(answer["spec"].clone()).map_err(wrong)?.0),
        };
        let service = serde_json::from_value(answer["service"].clone()).map_err(wrong)?;
        let stale = serde_json::from_value(answer["stale"].clone()).map_err(wrong)?;
        Ok(Some(JailSeen { spec, service, stale }))
    }

    fn jails(&self) -> Result<Vec<JailName>, ObserveError> {
        self.read(&of_jails())
    }

    fn entry(&self, jail: &JailName, path: &JailPath) -> Result<Entry, ObserveError> {
        self.read(&of_path(jail, path))
    }

    fn bytes(&self, jail: &JailName, path: &JailPath) -> Result<Option<Vec<u8>>, ObserveError> {
        let asked = of_bytes(jail, path);
        let Some(text) = self.read::<Option<String>>(&asked)? else { return Ok(None) };
        let wrong = |error: base64::DecodeError| damaged(&asked, &serde::de::Error::custom(error));
        STANDARD.decode(text).map(Some).map_err(wrong)
    }

    fn target(&self, jail: &JailName, path: &JailPath) -> Result<Option<String>, ObserveError> {
        self.read(&of_target(jail, path))
    }

    fn names(&self, jail: &JailName, path: &JailPath) -> Result<Vec<String>, ObserveError> {
        self.read(&of_names(jail, path))
    }

    fn packages(&self, _: &JailName, base: &Base) -> Result<Option<Packages>, ObserveError> {
        self.read(&of_packages(&base.to_string()))
    }

    /// Asked by plans alone, of which there are no recordings.
    fn seed(&self, _: &Base, _: &JailPath) -> Result<Seed, ObserveError> {
        Ok(Seed::of(Entry::Unknown))
    }

    fn id(&self, jail: &JailName, kind: Kind, name: &str) -> Result<Option<u32>, ObserveError> {
        self.read(&of_id(jail, kind, name))
    }

    fn probe(&self, jail: &JailName, command: &Command) -> Result<Option<i32>, ObserveError> {
        self.read(&of_command(jail, command))
    }

    fn same_base(&self, wanted: &Base, pinned: &Base) -> Result<bool, ObserveError> {
        self.read(&of_base(&wanted.to_string(), &pinned.to_string()))
    }

    /// Secrets are their names; files of the host are read, and must be what the script says.
    fn fetch(&self, part: &Part) -> Result<Vec<u8>, ObserveError> {
        let Part::File { path, sha256, .. } = part else {
            return Ok(match part {
                Part::Secret(name) => stand_in(name).into_bytes(),
                Part::Bytes(bytes) => bytes.0.clone(),
                Part::Text(text) => text.clone().into_bytes(),
                Part::File { .. } => Vec::new(),
            });
        };
        let wrong = |why: String| ObserveError::Path { path: path.display().to_string(), why, remedy: "put it there".into() };
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        if Digest::of(&bytes) == *sha256 { Ok(bytes) } else { Err(wrong("is not what it was".into())) }
    }
}
