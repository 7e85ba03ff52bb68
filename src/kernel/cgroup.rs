//! One control group per jail.
