//! File names of migrations.
//!
//! The rules are those of `mo-migrate/src/migration/version.rs`, which reads the same names at run
//! time; one table of names is tested against both.

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The migration itself.
    Up,
    /// The way back.
    Down,
    /// Its checks.
    Check,
    /// Runs again when its text changed.
    Repeatable,
    /// Runs after every run.
    Always,
}

/// What the name of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileName {
    /// What the file is for.
    pub(crate) role: Role,
    /// Its version; 0 where the role has none.
    pub(crate) version: i64,
    /// The words of the name, without version and ending.
    pub(crate) name: String,
}

impl FileName {
    /// Reads a file name; `Ok(None)` is a file that is none of ours.
    ///
    /// # Errors
    /// A `.sql` file without a version, with the remedy.
    pub(crate) fn parse(file: &str) -> Result<Option<Self>, String> {
        if file.starts_with('.') {
            return Ok(None);
        }
        let Some(stem) = file.strip_suffix(".sql") else {
            return Ok(None);
        };
        if file == "always.check.sql" {
            return Ok(Some(Self { role: Role::Always, version: 0, name: "always".to_owned() }));
        }
        let (stem, role) = [(".up", Role::Up), (".down", Role::Down), (".check", Role::Check)]
            .into_iter()
            .find_map(|(ending, role)| Some((stem.strip_suffix(ending)?, role)))
            .unwrap_or((stem, Role::Up));
        if let Some(name) = stem.strip_prefix("R__") {
            return match (role, name) {
                (_, "") => Err(format!("`{file}` has no name; call it `R__<name>.sql`")),
                (Role::Up, _) => {
                    Ok(Some(Self { role: Role::Repeatable, version: 0, name: name.to_owned() }))
                }
                _ => Err(format!(
                    "`{file}` belongs to a repeatable migration, which has no down or check file; remove it"
                )),
            };
        }
        let numbered = stem.strip_prefix('V').unwrap_or(stem);
        let digits = numbered.bytes().take_while(u8::is_ascii_digit).count();
        let (number, name) = numbered.split_at(digits);
        let name = name.trim_start_matches('_');
        if digits == 0 || (name.len() == numbered.len() - digits && !name.is_empty()) {
            return Err(format!(
                "`{file}` has no version; call it `<version>_<name>.sql`, such as `1_{file}`"
            ));
        }
        let version = number.parse().map_err(|_| {
            format!("`{file}`: the version {number} is too large; it goes up to {}", i64::MAX)
        })?;
        if version == 0 {
            return Err(format!("`{file}`: versions begin at 1; give it another one"));
        }
        Ok(Some(Self { role, version, name: name.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(file: &str) -> (Role, i64, String) {
        let name = FileName::parse(file).unwrap().unwrap();
        (name.role, name.version, name.name)
    }

    #[test]
    fn every_kind_of_file_is_known() {
        for (file, role, version, name) in [
            ("1_init.sql", Role::Up, 1, "init"),
            ("0002_init.up.sql", Role::Up, 2, "init"),
            ("2_init.down.sql", Role::Down, 2, "init"),
            ("2_init.check.sql", Role::Check, 2, "init"),
            ("V3__add_rating.sql", Role::Up, 3, "add_rating"),
            ("20261122084412_add.sql", Role::Up, 20_261_122_084_412, "add"),
            ("R__views.sql", Role::Repeatable, 0, "views"),
            ("always.check.sql", Role::Always, 0, "always"),
            ("7.sql", Role::Up, 7, ""),
        ] {
            assert_eq!(parsed(file), (role, version, name.to_owned()), "{file}");
        }
    }

    #[test]
    fn files_of_others_are_left_alone() {
        for file in ["README.md", "1_init.sql~", ".1_init.sql", "1_init.sql.bak", "#1_init.sql#"] {
            assert_eq!(FileName::parse(file), Ok(None), "{file}");
        }
    }

    #[test]
    fn a_sql_file_without_a_version_is_an_error_with_the_remedy() {
        for file in ["init.sql", "add_1.sql", "V__x.sql", "0_init.sql", "1init.sql", "R__.sql"] {
            assert!(FileName::parse(file).is_err(), "{file}");
        }
        assert!(FileName::parse("99999999999999999999_x.sql").unwrap_err().contains("too large"));
    }
}
