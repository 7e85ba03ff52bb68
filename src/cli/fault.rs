//! A failure out of what the other parts of the program say went wrong.

use super::failure::{Exit, Failure};
use crate::script::Fault;

impl<T: Into<Fault>> From<T> for Failure {
    fn from(error: T) -> Failure {
        let fault: Fault = error.into();
        Failure::new(Exit(fault.kind.exit()), fault.to_string())
    }
}
