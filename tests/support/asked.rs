//! What a harness of our own is asked for on its command line: by hand, by cargo test, by cargo nextest, which first asks
//! for the names (`--list --format terse`, and again with `--ignored`) and then for one case each (`NAME --exact`).

pub struct Asked {
    pub list: bool,
    exact: bool,
    /// Ignored cases alone are asked for, and there are none.
    ignored: bool,
    names: Vec<String>,
}

impl Asked {
    pub fn of_this_process() -> Asked {
        let mut asked = Asked { list: false, exact: false, ignored: false, names: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--list" => asked.list = true,
                "--exact" => asked.exact = true,
                "--ignored" => asked.ignored = true,
                // With a value of their own, which is no case's name.
                "--format" | "--color" | "--test-threads" => drop(arguments.next()),
                option if option.starts_with('-') => {}
                _ => asked.names.push(argument),
            }
        }
        asked
    }

    pub fn wants(&self, case: &str) -> bool {
        let fits = |name: &String| if self.exact { case == name } else { case.contains(name.as_str()) };
        !self.ignored && (self.names.is_empty() || self.names.iter().any(fits))
    }
}
