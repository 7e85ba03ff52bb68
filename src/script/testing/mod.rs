//! Tests of scripts: functions `test_*` of a file, each run in an engine of its own over a simulated host.

mod profiles;
mod replay;
mod run;
mod trial;

pub use profiles::profiles;
pub use replay::replay;
pub use run::{Outcome, Plan, Verdict, discover, run};
pub use trial::{Failure, Ran, Trial};
