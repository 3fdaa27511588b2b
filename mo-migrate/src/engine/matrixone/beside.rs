//! Databases of their own beside this one, made from its snapshots: CREATE DATABASE … CLONE, and then
//! what that leaves out.
//!
//! Invariants:
//! 1. the database, its mark and the cutting of its ties to others are one transaction;
//! 2. only a database whose mark is the one that is asked for is ever dropped, in one transaction with the
//!    look at its mark;
//! 3. what the snapshot has is in the clone, or is named; nothing is left out silently.

use std::fmt::Write as _;

use super::link::Link;
use super::{
    LEDGER, MatrixOne, Source, afterwards, catalog, clone, comment, doubled, hint, literal, names,
    quote,
};
use crate::engine::{
    Conduct, Connection as _, Counts, Inventory, Object, ObjectKind, SnapshotFacts,
};
use crate::error::{Code, Error, Result, say};
use crate::snapshot::{FROM_CLONE, SnapshotOf, clone_of};

impl MatrixOne {
    /// The address with the user's name, and without a password or an option.
    pub(super) fn words(&self) -> String {
        let user = encoded(self.options.get_username());
        let host = self.options.get_host();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let port = self.options.get_port();
        format!("matrixone://{user}@{host}:{port}/{}", encoded(&self.name))
    }

    /// The database of this name on the same server, reached as this one is.
    pub(super) fn database_beside(&self, name: &str) -> Result<Self> {
        let system = ["mysql", "system", "system_metrics", "information_schema", "mo_catalog"];
        let sign = |c: char| matches!(c, '"' | '\'' | '`' | '.') || c.is_whitespace();
        let lower = name.to_lowercase();
        if lower.starts_with("mo_") || system.contains(&lower.as_str()) {
            return Err(say::no_name_for_a_clone(name, "none of the server's own or the guard's"));
        }
        if name.is_empty() || name.contains(sign) || lower.chars().count() > names::LONGEST {
            let what = "the name of a database: 64 characters at the most, and none of quotes, dots and blanks";
            return Err(say::no_name_for_a_clone(name, what));
        }
        let source = match &self.source {
            Source::Address => Source::Address,
            Source::Pool(pool) => Source::Pool(pool.clone()),
        };
        Self::new(source, &self.options.clone().database(name))
    }

    /// Clones this database as it was in a snapshot.
    pub(super) async fn clone_beside(
        &self,
        snapshot: &str,
        database: &str,
        mark: &str,
        known: &Inventory,
    ) -> Result<Vec<String>> {
        let clone = self.database_beside(database)?;
        let mut link = self.open_known("").await?;
        let made = self.clone_beside_on(&mut link, snapshot, &clone.name, mark, known).await;
        if made.is_err() {
            let _ = link.rollback().await;
        }
        link.hang_up().await;
        made
    }

    async fn clone_beside_on(
        &self,
        link: &mut Link,
        snapshot: &str,
        database: &str,
        mark: &str,
        known: &Inventory,
    ) -> Result<Vec<String>> {
        let source = self.source_of(link, snapshot).await?;
        let then = self.whole_snapshot(link, &source, snapshot, known).await?;
        if self.database_exists(link, database).await? {
            return Err(say::database_is_there(database));
        }
        if let Some(table) = doubled::tables(&then).next() {
            let error = Error::new(Code::Clone, format!("`{}`: {}", table.name, doubled::WHY));
            return Err(say::not_cloned_whole(error, &[]));
        }
        link.begin().await?;
        let (source, past) = (quote(&source), hint(snapshot));
        let cloned =
            link.send(&format!("CREATE DATABASE {} CLONE {source}{past}", quote(database))).await;
        if let Err(error) = cloned {
            return Err(if error.message().contains("already exists") {
                say::database_is_there(database)
            } else {
                self.why_not_whole(link, error, &then).await
            });
        }
        for table in then.tables() {
            comment::give(link, table, database).await?;
        }
        clone::mark(link, database, mark).await?;
        let mut left_out = clone::cut_ties(link, database).await?;
        link.commit().await?;
        // A session of its own may not see it yet.
        link.move_to(database).await?;
        self.put_in(link, &then, &mut left_out).await?;
        left_out.extend(self.never_cloned(link, snapshot, &then).await?);
        Ok(left_out)
    }

    /// What this database consisted of in a snapshot that is of all of it.
    async fn whole_snapshot(
        &self,
        link: &mut Link,
        source: &str,
        snapshot: &str,
        known: &Inventory,
    ) -> Result<Inventory> {
        let Some(facts) = self.list_snapshots(link, Some(snapshot)).await?.into_iter().next()
        else {
            return Err(say::no_snapshot(snapshot, &self.list_snapshots(link, None).await?));
        };
        if let Some(table) = facts.table {
            return Err(say::snapshot_of_one_table(snapshot, &table));
        }
        // The server makes an empty database of a source that it can't find, and says OK.
        if catalog::number_at(link, source, &hint(snapshot)).await?.is_none() {
            return Err(say::damaged("it does not have this database"));
        }
        self.inventory_from(link, source, snapshot, known).await
    }

    /// The server's refusal to clone the whole, with what it can't clone.
    async fn why_not_whole(&self, link: &mut Link, error: Error, then: &Inventory) -> Error {
        let _ = link.rollback().await;
        let external = then.objects.iter().filter(|o| o.kind == ObjectKind::ExternalTable);
        let external = external
            .map(|table| format!("`{}` is an external table, which no clone has", table.name));
        say::not_cloned_whole(error, &external.collect::<Vec<_>>())
    }

    /// Gives the clone what CLONE leaves out.
    async fn put_in(
        &self,
        link: &mut Link,
        then: &Inventory,
        left_out: &mut Vec<String>,
    ) -> Result<()> {
        let now = catalog::inventory(link, Counts::Without, &Inventory::NOTHING).await?;
        for kind in [ObjectKind::Sequence, ObjectKind::Routine, ObjectKind::View] {
            self.put_in_all(link, kind, [then, &now], left_out).await?;
        }
        left_out.extend(keys_left_out(then, &now));
        left_out.extend(self.views_of_the_original(link).await?);
        Ok(())
    }

    /// All of a kind that `then` has and `now` has not.
    async fn put_in_all(
        &self,
        link: &mut Link,
        kind: ObjectKind,
        [then, now]: [&Inventory; 2],
        left_out: &mut Vec<String>,
    ) -> Result<()> {
        let mut waiting: Vec<Object> = missing(then, now, kind, self, link.database());
        // A view may read one that comes after it.
        loop {
            let (before, mut again) = (waiting.len(), Vec::new());
            for object in waiting {
                match afterwards::put_back(link, &object, None).await {
                    Ok(()) => {}
                    Err(error) if error.database_code().is_some() => again.push((object, error)),
                    Err(error) => return Err(error),
                }
            }
            if again.is_empty() || again.len() == before {
                left_out.extend(again.iter().map(|(object, error)| why_not(object, error)));
                return Ok(());
            }
            waiting = again.into_iter().map(|(object, _)| object).collect();
        }
    }

    /// The rights of roles on this database, on its clone.
    pub(super) async fn give_rights_on(
        &self,
        database: &str,
        known: &Inventory,
    ) -> Result<Vec<String>> {
        let mut link = self.open_known(&self.database_beside(database)?.name).await?;
        let mut left_out = Vec::new();
        let both = [known, &Inventory::NOTHING];
        let given = self.put_in_all(&mut link, ObjectKind::Grant, both, &mut left_out).await;
        link.hang_up().await;
        given.map(|()| left_out)
    }

    /// Views whose text names the original: what they show is not the clone's.
    async fn views_of_the_original(&self, link: &mut Link) -> Result<Vec<String>> {
        let now = catalog::inventory(link, Counts::Without, &Inventory::NOTHING).await?;
        let quoted = format!("{}.", quote(&self.name));
        let plain = format!("{}.", self.name);
        let names_it = |sql: &str| {
            let sql = sql.to_lowercase();
            let at = sql.match_indices(&plain).any(|(at, _)| {
                !sql[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '`'))
            });
            sql.contains(&quoted) || at
        };
        let views = now.objects.iter().filter(|object| object.kind == ObjectKind::View);
        let views = views.filter(|view| view.sql.as_deref().is_some_and(names_it));
        let mut found = Vec::new();
        for view in views {
            link.send(&format!("DROP VIEW {}", quote(&view.name))).await?;
            found.push(format!(
                "the view `{}`, whose text names `{}`: it would show the rows of the original",
                view.name, self.name
            ));
        }
        Ok(found)
    }

    /// What of the original no clone can have.
    async fn never_cloned(
        &self,
        link: &mut Link,
        snapshot: &str,
        then: &Inventory,
    ) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for object in &then.objects {
            match object.kind {
                ObjectKind::KeyFromOutside => found.push(format!(
                    "the foreign key {}, which goes on referring to the original",
                    object.name
                )),
                ObjectKind::Published => found.push(format!(
                    "the publication of {}, which goes on publishing the original",
                    object.name
                )),
                _ => {}
            }
        }
        let past = hint(snapshot);
        let (database, why) = (literal(&self.name), "whose text the server can't show again");
        for (kind, sql) in [
            (
                "procedure",
                format!(
                    "SELECT name FROM mo_catalog.mo_stored_procedure{past} WHERE db = {database}"
                ),
            ),
            (
                "function",
                format!(
                    "SELECT name FROM mo_catalog.mo_user_defined_function{past} \
                     WHERE db = {database} AND language <> 'sql'"
                ),
            ),
        ] {
            match link.ask(&sql).await {
                Ok(rows) => {
                    for row in rows {
                        found.push(format!("the {kind} `{}`, {why}", row.at::<String>(0)?));
                    }
                }
                Err(error) if say::has_no_right(&error) => {
                    found.push(format!("any {kind}s: this user may not read which there are"));
                }
                Err(error) if say::is_missing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The database whose past a snapshot holds for this one: its own, or that of a clone.
    pub(super) async fn source_of(&self, link: &mut Link, snapshot: &str) -> Result<String> {
        if !snapshot.starts_with(FROM_CLONE) {
            return Ok(self.name.clone());
        }
        let (ledger, name) = (quote(LEDGER), literal(snapshot));
        let sql = format!("SELECT purpose FROM {ledger}.snapshots WHERE name = {name}");
        let rows = link.ask(&sql).await?;
        let purpose: Option<String> = rows.first().map(|row| row.at(0)).transpose()?;
        let source = purpose.as_deref().and_then(clone_of).map(ToOwned::to_owned);
        Ok(source.unwrap_or_else(|| self.name.clone()))
    }

    /// What a snapshot holds for this database.
    pub(super) async fn inventory_from(
        &self,
        link: &mut Link,
        source: &str,
        snapshot: &str,
        known: &Inventory,
    ) -> Result<Inventory> {
        let then = catalog::inventory_then(link, source, snapshot, known).await?;
        Ok(self.as_of_this(source, then))
    }

    /// The server writes the database's name into the texts of a clone's views.
    pub(super) fn as_of_this(&self, source: &str, mut of: Inventory) -> Inventory {
        let (theirs, ours) = (format!("{}.", quote(source)), format!("{}.", quote(&self.name)));
        for view in of.objects.iter_mut().filter(|object| object.kind == ObjectKind::View) {
            view.sql = view.sql.take().map(|sql| sql.replace(&theirs, &ours));
        }
        of
    }

    /// A snapshot in which a clone is as it is now.
    pub(super) async fn take_over(
        &self,
        database: &str,
        name: &str,
        conduct: Conduct,
    ) -> Result<(SnapshotFacts, Inventory)> {
        let clone = self.database_beside(database)?;
        let mut link = self.open_known("").await?;
        let taken = async {
            let facts = clone.make_snapshot(&mut link, name, &SnapshotOf::Account, conduct).await?;
            let (past, nothing) = (hint(name), &Inventory::NOTHING);
            let then =
                catalog::inventory_at(&mut link, &clone.name, &past, Counts::With, nothing).await?;
            let now =
                catalog::inventory_at(&mut link, &self.name, "", Counts::Without, nothing).await?;
            Ok((facts, with_the_rest_of(self.as_of_this(&clone.name, then), &now)))
        };
        let taken = taken.await;
        link.hang_up().await;
        taken
    }

    /// Drops the database of this name, if it has this mark, with all that the ledger keeps of it.
    pub(super) async fn remove_beside(
        &self,
        database: &str,
        mark: &str,
        conduct: Conduct,
    ) -> Result<bool> {
        let clone = self.database_beside(database)?;
        let mut link = self.open_known("").await?;
        let removed = clone.remove_marked(&mut link, mark, conduct).await;
        link.hang_up().await;
        removed
    }

    async fn remove_marked(&self, link: &mut Link, mark: &str, conduct: Conduct) -> Result<bool> {
        let there = self.database_exists(link, &self.name).await?;
        if there {
            link.waits(conduct).await?;
            if clone::mark_of(link, &self.name).await?.as_deref() == Some(mark) {
                self.take_rights().await;
            }
            if !self.drop_if_of(link, &self.name, mark).await? {
                return Err(say::not_our_database(&self.name));
            }
        }
        // Also when a death came between the two.
        match self.forget(link).await {
            Err(error) if !say::is_missing(&error) => Err(error),
            _ => Ok(there),
        }
    }

    /// Rights outlive what they are on: the server keeps them under a number that nothing has any more.
    /// What can't be read, as of a clone that is half made, or may not be taken back keeps nothing from
    /// being removed.
    async fn take_rights(&self) {
        let Ok(mut link) = self.open_known(&self.name).await else { return };
        let now = catalog::inventory(&mut link, Counts::Without, &Inventory::NOTHING).await;
        for object in now.into_iter().flat_map(|now| now.objects) {
            if object.kind == ObjectKind::Grant {
                let _ = self.take_away(&mut link, &object).await;
            }
        }
        link.hang_up().await;
    }
}

/// The objects of this kind that the snapshot has and the clone does not, as they are to be made there.
fn missing(
    then: &Inventory,
    now: &Inventory,
    kind: ObjectKind,
    original: &MatrixOne,
    clone: &str,
) -> Vec<Object> {
    let of_kind = then.objects.iter().filter(|object| object.kind == kind);
    let missing = of_kind.filter(|object| now.find(kind, &object.name).is_none());
    missing
        .map(|object| {
            let mut object = object.clone();
            if kind == ObjectKind::Grant {
                // The words before the first name have no quotes.
                let (from, to) =
                    (format!(" {}", quote(&original.name)), format!(" {}", quote(clone)));
                object.sql = object.sql.map(|sql| sql.replacen(&from, &to, 1));
            }
            object
        })
        .collect()
}

/// What no transaction holds is put back as the original has it now: rights, functions and others' keys
/// are not a clone's to say. Its sequences go on above what either has given out.
fn with_the_rest_of(mut then: Inventory, now: &Inventory) -> Inventory {
    then.objects.retain(|object| {
        object.kind == ObjectKind::Sequence || !object.kind.is_put_back_afterwards()
    });
    for object in &mut then.objects {
        let here = now.find(object.kind, &object.name).and_then(|here| here.value);
        object.value = object.value.max(here);
    }
    let rest = now.objects.iter().filter(|object| {
        object.kind != ObjectKind::Sequence && object.kind.is_put_back_afterwards()
    });
    then.objects.extend(rest.cloned());
    then
}

/// Foreign keys within the database that its clone does not have.
fn keys_left_out(then: &Inventory, now: &Inventory) -> Vec<String> {
    let keys = |sql: &Option<String>| -> Vec<String> {
        let lines = sql.as_deref().unwrap_or_default().lines();
        let lines = lines.filter(|line| line.contains(" FOREIGN KEY "));
        lines.map(|line| line.trim().trim_end_matches(',').to_owned()).collect()
    };
    let mut found = Vec::new();
    for table in then.tables() {
        let has = now.table(&table.name).map(|table| keys(&table.sql)).unwrap_or_default();
        for key in keys(&table.sql).into_iter().filter(|key| !has.contains(key)) {
            // Those to other databases were cut, and are named.
            if !key.contains("REFERENCES `") || !key.contains("`.`") {
                found.push(format!("of `{}`: {key}", table.name));
            }
        }
    }
    found
}

/// Why an object could not be made in the clone.
fn why_not(object: &Object, error: &Error) -> String {
    let why = match (object.kind, error.database_code()) {
        (ObjectKind::Routine, Some("1062")) => {
            "an account has a function of this name once, the original's"
        }
        _ => error.message(),
    };
    format!("the {} {}: {why}", object.kind.words(), named(object))
}

fn named(object: &Object) -> String {
    if object.name.contains('`') { object.name.clone() } else { format!("`{}`", object.name) }
}

/// A name as it stands in an address.
fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_people_has_the_user_and_no_password() {
        let shop =
            MatrixOne::at("matrixone://a%3Aroot:hunter2@127.0.0.1:6001/shop?ssl-mode=disabled")
                .unwrap();
        assert_eq!(shop.words(), "matrixone://a%3Aroot@127.0.0.1:6001/shop");
        let clone = shop.database_beside("shop_qa").unwrap();
        assert_eq!(clone.words(), "matrixone://a%3Aroot@127.0.0.1:6001/shop_qa");
        for bad in ["", "a b", "a`b", "a.b", "mo_migrate", "mo_catalog", "mysql"] {
            assert!(shop.database_beside(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_grant_is_of_the_clone() {
        let shop = MatrixOne::at("matrixone://root@127.0.0.1:6001/shop").unwrap();
        let sql = "GRANT select ON TABLE `shop`.` `shop`` TO `shop`".to_owned();
        let grant = catalog::afterwards(ObjectKind::Grant, "g".into(), "t".into(), sql, 0);
        let then = Inventory { objects: vec![grant] };
        let made = missing(&then, &Inventory::NOTHING, ObjectKind::Grant, &shop, "shop_qa");
        let sql = made[0].sql.as_deref().unwrap();
        assert_eq!(sql, "GRANT select ON TABLE `shop_qa`.` `shop`` TO `shop`");
    }
}
