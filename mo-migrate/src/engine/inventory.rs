//! What a database consists of at a moment.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a database consists of at a moment: read from its catalogue, stored in the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inventory {
    /// Every object, in the order of the catalogue.
    pub objects: Vec<Object>,
}

/// One object of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name, as the catalogue has it.
    pub name: String,
    /// The table that it belongs to; its own name for a table.
    pub table: String,
    /// Its definition, as the catalogue has it; none for what an engine makes by itself.
    pub sql: Option<String>,
    /// Its place in the catalogue.
    pub order: i64,
    /// The columns of a table.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// How a row of a table is told from another.
    #[serde(default)]
    pub key: RowKey,
    /// Rows of a table, where they were counted.
    #[serde(default)]
    pub rows: Option<u64>,
    /// The next value of a sequence that has given one out; of a right on the whole database, the
    /// number of that database.
    #[serde(default)]
    pub value: Option<i64>,
    /// The number and version that the catalogue has for it, where the same ones mean the same
    /// definition.
    #[serde(default)]
    pub identity: Option<String>,
    /// The comment of a table, where the engine's clone of it would have another one.
    #[serde(default)]
    pub comment: Option<String>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    /// Its name.
    pub name: String,
    /// It is computed from others and can't be written.
    pub generated: bool,
}

impl Column {
    /// A server keeps it for itself: MatrixOne has such in a table without a key, or with one of several
    /// columns. What it holds is compared like the rest, and it is shown to nobody.
    pub(crate) fn is_hidden(&self) -> bool {
        self.name.starts_with("__mo_")
    }
}

impl Object {
    /// The columns that a person knows of.
    pub(crate) fn shown_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_hidden())
    }
}

/// How a row of a table is told from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowKey {
    /// By its columns alone.
    #[default]
    Columns,
    /// By a row number under this name, beside its columns.
    RowId(String),
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObjectKind {
    /// A table.
    Table,
    /// A virtual table; its rows are in its shadow tables.
    VirtualTable,
    /// A table in which a virtual table keeps its rows.
    ShadowTable,
    /// A table that the engine keeps for itself, such as the next generated keys.
    SystemTable,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// A sequence.
    Sequence,
    /// A table whose rows are not the database's.
    ExternalTable,
    /// A function.
    Routine,
    /// A right of a role on a table or view.
    Grant,
    /// A foreign key of another database's table to one of this.
    KeyFromOutside,
    /// A table that a publication names.
    Published,
}

impl ObjectKind {
    /// What it is called in reports.
    #[must_use]
    pub(crate) fn words(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or("object").replace('_', " ")
    }

    /// It holds rows.
    #[must_use]
    pub(crate) fn has_rows(self) -> bool {
        matches!(self, Self::Table | Self::ShadowTable | Self::SystemTable)
    }

    /// No transaction can hold it: it is put back after the restore.
    #[must_use]
    pub(crate) fn is_put_back_afterwards(self) -> bool {
        matches!(
            self,
            Self::Sequence | Self::Routine | Self::Grant | Self::KeyFromOutside | Self::Published
        )
    }
}

impl Inventory {
    /// Nothing, or nothing that is known.
    pub(crate) const NOTHING: Self = Self { objects: Vec::new() };

    /// The table (or view) with this name.
    #[must_use]
    pub(crate) fn table(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| {
            !matches!(object.kind, ObjectKind::Index | ObjectKind::Trigger)
                && !object.kind.is_put_back_afterwards()
                && object.name.eq_ignore_ascii_case(name)
        })
    }

    /// The object of this kind with this name.
    #[must_use]
    pub(crate) fn find(&self, kind: ObjectKind, name: &str) -> Option<&Object> {
        self.objects
            .iter()
            .find(|object| object.kind == kind && object.name.eq_ignore_ascii_case(name))
    }

    /// The tables that an application made.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| object.kind == ObjectKind::Table)
    }

    /// What one transaction can put back.
    #[must_use]
    pub(crate) fn without_afterwards(mut self) -> Self {
        self.objects.retain(|object| !object.kind.is_put_back_afterwards());
        self
    }

    /// These tables, with what hangs on them.
    #[must_use]
    pub(crate) fn narrowed(mut self, tables: &BTreeSet<String>) -> Self {
        let named = |name: &str| tables.iter().any(|table| table.eq_ignore_ascii_case(name));
        // A virtual table keeps its rows in others, which have its name before theirs.
        let owner = |name: &str| tables.iter().any(|table| name.starts_with(&format!("{table}_")));
        self.objects.retain(|object| {
            !matches!(object.kind, ObjectKind::Routine | ObjectKind::SystemTable)
                && (named(&object.table)
                    || (object.kind == ObjectKind::ShadowTable && owner(&object.name)))
        });
        self
    }

    /// What a clone has too, on an engine whose clones leave things out: of `only` these tables, or of
    /// all, the definitions without the ties to others.
    #[must_use]
    pub(crate) fn tables_alone(&self, only: Option<&[String]>) -> Self {
        let wanted = |name: &String| {
            only.is_none_or(|only| only.iter().any(|o| o.eq_ignore_ascii_case(name)))
        };
        let alone = |table: &Object| {
            let lines = table.sql.as_deref().unwrap_or_default().lines();
            let kept = lines.filter(|line| !line.contains(" FOREIGN KEY "));
            let kept: Vec<&str> = kept.map(|line| line.trim_end_matches(',')).collect();
            Object { sql: Some(kept.join("\n")), ..table.clone() }
        };
        Self { objects: self.tables().filter(|table| wanted(&table.name)).map(alone).collect() }
    }

    /// Everything whose definition another inventory has otherwise or not at all: what it is, and its
    /// definition in each. What an engine makes by itself is no definition of anybody's.
    pub(crate) fn definitions_that_differ<'a>(
        &'a self,
        other: &'a Self,
    ) -> Vec<(&'a Object, [Option<&'a str>; 2])> {
        let shown = |object: &&Object| {
            object.sql.is_some()
                && !matches!(
                    object.kind,
                    ObjectKind::ShadowTable
                        | ObjectKind::SystemTable
                        | ObjectKind::Grant
                        | ObjectKind::KeyFromOutside
                        | ObjectKind::Published
                )
        };
        let mut found = Vec::new();
        for object in self.objects.iter().filter(shown) {
            let is = other.find(object.kind, &object.name).and_then(|object| object.sql.as_deref());
            if is != object.sql.as_deref() {
                found.push((object, [object.sql.as_deref(), is]));
            }
        }
        for object in other.objects.iter().filter(shown) {
            if self.find(object.kind, &object.name).is_none() {
                found.push((object, [None, object.sql.as_deref()]));
            }
        }
        found
    }

    /// Whether the definitions are the same, the order of the catalogue left aside.
    #[must_use]
    pub(crate) fn same_definitions(&self, other: &Self) -> bool {
        let key = |object: &Object| (object.kind, object.name.clone(), object.sql.clone());
        let mut ours: Vec<_> = self.objects.iter().map(key).collect();
        let mut theirs: Vec<_> = other.objects.iter().map(key).collect();
        ours.sort();
        theirs.sort();
        ours == theirs
    }
}
