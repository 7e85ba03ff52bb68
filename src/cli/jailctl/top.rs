//! `jailctl top`: the jails that use most, again and again.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::{Plan, Site};
use crate::cli::{Outcome, count, screen};
use crate::live::{self, Ended, Glance, Threaded, View};
use crate::script::duration;
use crate::telemetry::{Format, Sort, top, totals};

/// Show the jails that use most, anew every two seconds.
///
/// CPU% is that of one processor. On a terminal this is a view with keys: c m p
/// n r d order by CPU, memory, processes, name, restarts or denials, / filters,
/// space holds on, Enter looks into one jail, ? tells the others, q leaves. With
/// -n the table is drawn in place; elsewhere, and with -o, snapshots follow each
/// other.
///
/// Examples: jailctl top -s mem
///           jailctl top -n 1 -o json
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root, 130 interrupted.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Top {
    /// Order: cpu, mem, procs or name
    #[arg(short, long, value_name = "KEY", default_value = "cpu", value_parser = sort(), hide_possible_values = true)]
    sort: Sort,
    /// End after N snapshots
    #[arg(short = 'n', long, value_name = "N", value_parser = count::some)]
    count: Option<usize>,
    /// Time between snapshots (2, 500ms, 1m)
    #[arg(short, long, value_name = "TIME", default_value = "2", value_parser = duration::parse)]
    delay: Duration,
    #[command(flatten)]
    shape: Shape,
}

fn sort() -> impl TypedValueParser<Value = Sort> {
    PossibleValuesParser::new(Sort::NAMES).try_map(|name| name.parse())
}

impl Top {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let in_place = self.shape.format() == Format::Text && output::is_screen();
        if in_place && self.count.is_none() && output::has_keys() {
            return self.live(common, site);
        }
        let mut left = self.count;
        loop {
            let stats = site.kernel.stats(None)?;
            let table = top(&stats, self.sort);
            if in_place {
                let text = format!("{}\n\n{}", totals(&stats), table.render(Format::Text, false));
                output::print(&screen::frame(&text, screen::size()))?;
            } else {
                self.shape.print(&table, false, "no jails")?;
            }
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Ok(Exit::DONE);
            }
            if !in_place && self.shape.format() == Format::Text {
                output::say("")?;
            }
            std::thread::sleep(self.delay);
        }
    }

    fn live(self, common: &Common, site: Site) -> Outcome {
        let head = Glance::new(site.host.clone()).head();
        let plan = Plan::new(common)?;
        // The thread opens the host for itself: a kernel body stays on the thread that opened it.
        let open = move || {
            let site = plan.open().map_err(|error| error.to_string())?;
            Ok((Glance::new(site.host.clone()), site))
        };
        let thread = |error: std::io::Error| Failure::new(Exit::FAILED, format!("cannot make a thread: {error}"));
        let mut feed = Threaded::new(open).map_err(thread)?;
        let mut view = View::new(head, self.sort.into(), self.delay);
        let look = live::Look { colour: output::colour(), blocks: live::is_unicode() };
        let ended = live::run(&mut view, &mut feed, look).map_err(|error| Failure::new(Exit::FAILED, error.to_string()))?;
        Ok(match ended {
            Ended::Left => Exit::DONE,
            Ended::By(signal) => Exit::of_command(128 + signal as i32),
        })
    }
}
