//! The tables that the migrations use in green: what they made of a table's rows there, in whatever
//! other table, does not know of a row that comes to it later.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Inventory, ObjectKind};
use crate::error::Result;
use crate::migration::{Migration, Work};
use crate::sql::{Dialect, Uses, names, uses};

/// The tables that these migrations use, in lower case; none where that can't be told. `then` is what the
/// database is before them.
pub(super) fn used(
    migrations: &[&Migration],
    then: &Inventory,
    dialect: Dialect,
) -> Result<Option<BTreeSet<String>>> {
    let mut seen = Seen::of(then, dialect);
    for migration in migrations {
        // What a function asks is not known.
        let Work::Sql(source) = &migration.work else { return Ok(None) };
        let file = source.parse(dialect)?;
        seen.names.extend(file.directives.tables.iter().map(|table| table.to_lowercase()));
        for statement in &file.statements {
            match uses(file.sql(statement), dialect) {
                Uses::Nothing => {}
                Uses::Names(names) => seen.names.extend(names),
                Uses::View(view, names) => seen.behind.entry(view).or_default().extend(names),
                Uses::Unknown => return Ok(None),
            }
        }
    }
    Ok(seen.with_what_is_behind(then))
}

struct Seen {
    names: BTreeSet<String>,
    /// What is used with a name: by a view, by a table's triggers.
    behind: BTreeMap<String, BTreeSet<String>>,
    routines: BTreeSet<String>,
}

impl Seen {
    fn of(then: &Inventory, dialect: Dialect) -> Self {
        let mut seen =
            Self { names: BTreeSet::new(), behind: BTreeMap::new(), routines: BTreeSet::new() };
        for object in &then.objects {
            let name = match object.kind {
                ObjectKind::View | ObjectKind::VirtualTable => &object.name,
                ObjectKind::Trigger => &object.table,
                ObjectKind::Routine => {
                    // Its own name has its arguments behind it.
                    seen.routines.insert(object.table.to_lowercase());
                    continue;
                }
                _ => continue,
            };
            let text = object.sql.as_deref().unwrap_or_default();
            seen.behind.entry(name.to_lowercase()).or_default().extend(names(text, dialect));
        }
        seen
    }

    /// The tables among the names; none where a routine is among them, whose text is not read.
    fn with_what_is_behind(mut self, then: &Inventory) -> Option<BTreeSet<String>> {
        // Each round takes a view or a trigger away, so that it ends.
        loop {
            let known = self.behind.keys().find(|name| self.names.contains(*name)).cloned();
            let Some(behind) = known.and_then(|name| self.behind.remove(&name)) else { break };
            self.names.extend(behind);
        }
        if !self.names.is_disjoint(&self.routines) {
            return None;
        }
        let tables = then.tables().map(|table| table.name.to_lowercase());
        Some(tables.filter(|table| self.names.contains(table)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::engine::Object;
    use crate::migration::{Checksum, Kind, RustMigration, SetSource, TransactionMode};

    fn object(kind: ObjectKind, name: &str, table: &str, sql: &str) -> Object {
        let text = serde_json::json!({
            "kind": kind, "name": name, "table": table, "sql": sql, "order": 0,
        });
        serde_json::from_value(text).unwrap()
    }

    fn shop() -> Inventory {
        let table = |name| object(ObjectKind::Table, name, name, "");
        let objects = vec![
            table("Orders"),
            table("visits"),
            table("log"),
            object(ObjectKind::View, "big", "big", "CREATE VIEW big AS SELECT * FROM all_orders"),
            object(
                ObjectKind::View,
                "all_orders",
                "",
                "CREATE VIEW all_orders AS SELECT * FROM orders",
            ),
            object(
                ObjectKind::Trigger,
                "t",
                "log",
                "CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM visits; END",
            ),
            object(ObjectKind::Routine, "total(int)", "total", ""),
        ];
        Inventory { objects }
    }

    fn used_by(sql: &'static str) -> Option<Vec<String>> {
        let bytes = Cow::Borrowed(sql.as_bytes());
        used_by_work(Work::Sql(SetSource { path: "2_m.sql".to_owned(), bytes }))
    }

    fn used_by_work(work: Work) -> Option<Vec<String>> {
        let migration = Migration {
            version: 2,
            name: "m".into(),
            kind: Kind::Sql,
            checksum: Checksum::of_text(b""),
            work,
            down: None,
            check_file: None,
            attached: &[],
        };
        let found = used(&[&migration], &shop(), Dialect::Sqlite).unwrap();
        found.map(|found| found.into_iter().collect())
    }

    /// The tables that it declares are those that it writes to.
    #[test]
    fn what_a_rust_migration_uses_can_not_be_told() {
        static RUST: RustMigration = RustMigration {
            version: 2,
            name: "m",
            checksum: "",
            location: "",
            down: None,
            transaction: TransactionMode::NoTransaction,
            tables: &["visits"],
            rebuilds: false,
            rehearsable: false,
            checks: &[],
            run: |_| Box::pin(async { Ok(()) }),
        };
        assert_eq!(used_by_work(Work::Rust(&RUST)), None);
    }

    #[test]
    fn a_table_is_used_through_views_and_triggers_too() {
        for (sql, expected) in [
            ("ALTER TABLE products ADD COLUMN x INT;", vec![]),
            ("CREATE VIEW v AS SELECT * FROM orders;", vec![]),
            (
                "CREATE VIEW v AS SELECT * FROM orders; CREATE TABLE t AS SELECT * FROM v;",
                vec!["orders"],
            ),
            ("CREATE TABLE t AS SELECT * FROM big;", vec!["orders"]),
            ("INSERT INTO log VALUES (1);", vec!["log", "visits"]),
            ("-- mo-migrate: tables visits\nDELETE FROM products;", vec!["visits"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(used_by(sql), Some(expected), "{sql}");
        }
        assert_eq!(used_by("UPDATE products SET x = total(1);"), None);
    }
}
