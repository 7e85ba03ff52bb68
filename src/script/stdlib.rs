//! The standard library: modules that ship inside the binary and are imported as `std/NAME`. Touches nothing.

/// Name and text of each module, sorted by name. The texts are the files of `stdlib/`.
pub const MODULES: &[(&str, &str)] = &[
    ("fleet", include_str!("../../stdlib/fleet.rhai")),
    ("maintenance", include_str!("../../stdlib/maintenance.rhai")),
    ("options", include_str!("../../stdlib/options.rhai")),
    ("profiles", include_str!("../../stdlib/profiles.rhai")),
    ("provision", include_str!("../../stdlib/provision.rhai")),
    ("testing", include_str!("../../stdlib/testing.rhai")),
];

/// The text of the module `std/NAME`.
pub fn text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded_and_nothing_else() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/stdlib");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<(String, String)> = entries
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.strip_suffix(".rhai")?.to_owned();
                Some((name, std::fs::read_to_string(entry.path()).ok()?))
            })
            .collect();
        files.sort();
        let embedded: Vec<(String, String)> =
            MODULES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(embedded, files);
    }

    #[test]
    fn what_is_no_module_has_no_text() {
        assert_eq!(text("no_such_module"), None);
        assert_eq!(text(""), None);
    }
}
