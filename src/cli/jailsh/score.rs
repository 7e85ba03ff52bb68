//! `jailsh score`: how far a profile or a jail opens the host.

use clap::Args;
use serde::Serialize;

use super::profile::source;
use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::observe;
use crate::jail::spec::exposure::{Exposure, Score};
use crate::telemetry::{Format, exposure};

/// Tell how far a profile or a jail opens the host, from 0 to 10.
///
/// Below 2 is tight, below 4 guarded, below 7 exposed, all else open. Each open
/// right has a weight, the chance that it leads to the host; docs/exposure.md has
/// them all. WITHOUT is the exposure if that right alone were taken away. For a
/// jail what this kernel cannot enforce and services that run as root count too.
///
/// With two of them what one opens and the other does not is shown.
///
/// Examples: jailsh score web_server
///           jailsh score --jail web --threshold 4
///           jailsh score medium web_server
///
/// Exit status: 0 done, 1 above the threshold, 64 wrong use, 65 no profile, 66 no
/// such file; for jails also 69 the kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Judge {
    /// Score this jail, by its name or jid [may be repeated]
    #[arg(long, value_name = "NAME|JID")]
    jail: Vec<Target>,
    /// Fail if one is above N, 0 to 10
    #[arg(long, value_name = "N", value_parser = score)]
    threshold: Option<Score>,
    #[command(flatten)]
    shape: Shape,
    /// A name of std/profiles, FILE.rhai or FILE.toml with one profile
    #[arg(value_name = "PROFILE")]
    profiles: Vec<String>,
}

fn score(text: &str) -> Result<Score, String> {
    let number = text.parse().ok().and_then(Score::new);
    number.ok_or_else(|| format!("{text:?} is no exposure; use 0 to 10"))
}

#[derive(Serialize)]
struct Scored {
    name: String,
    #[serde(flatten)]
    exposure: Exposure,
}

impl Scored {
    fn headline(&self) -> String {
        format!("{}: {} of 10, {}", self.name, self.exposure.score, self.exposure.word)
    }
}

impl Judge {
    pub fn run(self, common: &Common) -> Outcome {
        let mut scored = Vec::new();
        if !self.jail.is_empty() {
            let site = Site::open(common)?;
            for jail in &self.jail {
                scored.push(of_jail(&site, jail)?);
            }
        }
        for name in &self.profiles {
            let (name, profile) = source::one(name)?;
            scored.push(Scored { name, exposure: Exposure::of_profile(&profile) });
        }
        self.show(&scored)?;
        let most = self.threshold;
        let above = scored.iter().filter(|one| most.is_some_and(|most| one.exposure.score.exceeds(most)));
        let names: Vec<&str> = above.map(|one| one.name.as_str()).collect();
        match (names.as_slice(), most) {
            ([], _) | (_, None) => Ok(Exit::DONE),
            (names, Some(most)) => {
                let why = format!("above {most}: {}; take rights away, those with the smallest WITHOUT first", names.join(", "));
                Err(Failure::new(Exit::FAILED, why))
            }
        }
    }

    fn show(&self, scored: &[Scored]) -> Result<(), Failure> {
        let format = self.shape.format();
        match scored {
            [] => Err(Failure::new(Exit::USAGE, "nothing to score; name a profile, or a jail with --jail")),
            _ if format == Format::Json => output::json(&scored),
            [one] => {
                if format == Format::Text {
                    output::say(format!("{}\n", one.headline()))?;
                }
                self.shape.print(&exposure::parts(&one.exposure), false, "nothing is open")
            }
            [first, second] => {
                if format == Format::Text {
                    output::say(format!("first   {}\nsecond  {}\n", first.headline(), second.headline()))?;
                }
                self.shape.print(&exposure::compared(&first.exposure, &second.exposure), false, "both open the same")
            }
            _ => Err(Failure::new(Exit::USAGE, "more than two to score; use -o json for many")),
        }
    }
}

fn of_jail(site: &Site, jail: &Target) -> Result<Scored, Failure> {
    let name = jail.name(site)?;
    let seen = observe(site, &name)?;
    let unreadable = |why| Failure::new(Exit::DATA, format!("the spec of jail {name} cannot be read: {why}"));
    let spec = seen.spec.map_err(unreadable)?;
    let policy = seen.kernel.map(|jail| jail.policy);
    let kernel = site.kernel.describe();
    // A simulation answers as the module would.
    let kernel = Some(&kernel).filter(|kernel| kernel.body != "sim");
    Ok(Scored { name: name.to_string(), exposure: Exposure::of_jail(&spec, policy, kernel) })
}
