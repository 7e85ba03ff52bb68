//! `:plan`

use std::path::Path;

use super::{Answer, Command, load};
use crate::plan::{Counts, listing};
use crate::repl::shell::{Shell, complain};
use crate::script::console::{Console, Said};

pub const COMMAND: Command =
    Command { name: "plan", arguments: "EXPR|FILE", help: "show what EXPR or a script would do, and do nothing", run };

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if argument.is_empty() {
        return Err("nothing to plan; use :plan EXPR or :plan FILE".into());
    }
    let file = Path::new(argument);
    let (said, planned) = if argument.ends_with(".rhai") && file.is_file() {
        let text = load::read(file)?;
        // A script of its own knows nothing of this session.
        Console::new(&shell.session, shell.limits, shell.module_path.clone()).plan_file(file, &text)
    } else {
        shell.console.plan("plan", argument)
    };
    if let Said::Failed { report, .. } = said {
        complain(&report);
        return Ok(Answer::Done);
    }
    let counts = Counts::of(&planned.actions);
    let total = match counts.total() {
        0 => "plan: nothing to do".to_owned(),
        1 => format!("plan: 1 action: {counts}"),
        total => format!("plan: {total} actions: {counts}"),
    };
    shell.page(&format!("{}{total}\n", listing(&planned.actions)));
    Ok(Answer::Done)
}
