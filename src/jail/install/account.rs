//! The users and groups that packages made, beside those of a jail that has changed its tables by itself. Pure.

/// The tables of /etc whose lines begin with a name; in which field a number is, and in which a list of members.
pub const TABLES: [Table; 4] = [
    Table { file: "passwd", number: Some(2), members: None },
    Table { file: "group", number: Some(2), members: Some(3) },
    Table { file: "shadow", number: None, members: None },
    Table { file: "gshadow", number: None, members: Some(3) },
];

/// passwd(5), group(5), shadow(5), gshadow(5).
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub file: &'static str,
    number: Option<usize>,
    members: Option<usize>,
}

/// A number or name that two want.
#[derive(Debug, PartialEq, Eq)]
pub struct Clash {
    pub name: String,
    pub why: String,
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.is_empty()).map(|line| line.split(':').collect())
}

impl Table {
    /// The jail's table with what `new` has and `old` has not.
    ///
    /// # Errors
    /// A name that is new has a number of another of the jail's, or the jail has it with another number.
    pub fn merge(&self, old: &str, new: &str, jail: &str) -> Result<String, Clash> {
        let of = |text: &str, name: &str| lines(text).find(|line| line[0] == name).map(|line| line.join(":"));
        let number = |line: &[&str]| self.number.and_then(|at| line.get(at)).map(|number| (*number).to_owned());
        let mut merged: Vec<String> = jail.lines().map(str::to_owned).collect();
        for line in lines(new) {
            let name = line[0];
            let Some(theirs) = of(jail, name) else {
                if of(old, name).is_some() {
                    // The jail removed it.
                    continue;
                }
                let number = number(&line);
                let taken = lines(jail)
                    .find(|other| number.is_some() && self.number.and_then(|at| other.get(at)).copied() == number.as_deref());
                if let (Some(other), Some(number)) = (taken, number) {
                    return Err(Clash {
                        name: name.to_owned(),
                        why: format!("has the number {number} of the jail's {}", other[0]),
                    });
                }
                merged.push(line.join(":"));
                continue;
            };
            let theirs: Vec<&str> = theirs.split(':').collect();
            if of(old, name).is_none() && number(&theirs) != number(&line) {
                let (ours, theirs) = (number(&line).unwrap_or_default(), number(&theirs).unwrap_or_default());
                return Err(Clash { name: name.to_owned(), why: format!("has number {ours}, and in the jail {theirs}") });
            }
            if let Some(at) = self.members {
                let members = |line: &[&str]| -> Vec<String> {
                    line.get(at)
                        .into_iter()
                        .flat_map(|list| list.split(','))
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned)
                        .collect()
                };
                let before = of(old, name).map(|line| members(&line.split(':').collect::<Vec<_>>())).unwrap_or_default();
                let mut have = members(&theirs);
                let count = have.len();
                for member in members(&line) {
                    if !before.contains(&member) && !have.contains(&member) {
                        have.push(member);
                    }
                }
                if have.len() > count
                    && let Some(slot) = merged.iter_mut().find(|line| line.split(':').next() == Some(name))
                {
                    let list = have.join(",");
                    let mut fields: Vec<&str> = theirs.clone();
                    fields.resize(fields.len().max(at + 1), "");
                    fields[at] = &list;
                    *slot = fields.join(":");
                }
            }
        }
        Ok(merged.iter().map(|line| format!("{line}\n")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "root:x:0:0::/root:/bin/sh\nnews:x:9:9::/:/bin/false\n";
    const NEW: &str = "root:x:0:0::/root:/bin/sh\nnews:x:9:9::/:/bin/false\nnginx:x:101:101::/:/bin/false\n";

    #[test]
    fn what_packages_added_joins_what_the_jail_has_and_what_it_removed_stays_away() {
        let jail = "root:x:0:0::/root:/bin/bash\napp:x:999:999::/srv:/bin/sh\n";
        let merged = TABLES[0].merge(OLD, NEW, jail).unwrap();
        assert_eq!(merged, format!("{jail}nginx:x:101:101::/:/bin/false\n"));
        assert_eq!(TABLES[0].merge(OLD, NEW, &merged), Ok(merged.clone()), "and once only");
    }

    #[test]
    fn a_number_that_two_want_is_told() {
        let clash = TABLES[0].merge(OLD, NEW, "app:x:101:101::/srv:/bin/sh\n").unwrap_err();
        assert_eq!(clash, Clash { name: "nginx".into(), why: "has the number 101 of the jail's app".into() });
        let clash = TABLES[0].merge(OLD, NEW, "nginx:x:999:999::/srv:/bin/sh\n").unwrap_err();
        assert_eq!(clash.why, "has number 101, and in the jail 999");
    }

    #[test]
    fn new_members_join_the_jails_own() {
        let (old, new, jail) = ("ssl:x:110:\n", "ssl:x:110:postgres\n", "ssl:x:110:app\n");
        assert_eq!(TABLES[1].merge(old, new, jail).unwrap(), "ssl:x:110:app,postgres\n");
        assert_eq!(TABLES[2].merge("", "nginx:!:1::::::\n", "app:!:1::::::\n").unwrap(), "app:!:1::::::\nnginx:!:1::::::\n");
    }
}
