//! What no transaction of this server can hold, put back after the restore: sequences, functions,
//! grants, tables of publications.
//!
//! Every step looks first and changes only what differs, so that a start after a crash does them
//! again. What the run did not name is left alone: others may have changed it.

use super::link::Link;
use super::{MatrixOne, catalog, hint, late, published, quote};
use crate::engine::{Counts, Inventory, Object, ObjectKind, Touched};
use crate::error::Result;

/// In the order in which they are put back.
const KINDS: [ObjectKind; 5] = [
    ObjectKind::Sequence,
    ObjectKind::Routine,
    ObjectKind::Grant,
    ObjectKind::KeyFromOutside,
    ObjectKind::Published,
];

impl MatrixOne {
    /// Puts back what differs from `then` and was touched by the run, or went with what was.
    pub(super) async fn put_back_the_rest(
        &self,
        then: &Inventory,
        touched: &Touched,
        replaced: Option<&str>,
    ) -> Result<()> {
        let mut link = self.open_known(&self.name).await?;
        let done = match replaced {
            Some(failed) => self.put_back_all(&mut link, then, touched, failed).await,
            None => self.put_back_on(&mut link, then, touched).await,
        };
        link.hang_up().await;
        done
    }

    /// The whole database was replaced, and all of this went with it: what the run did not touch is put
    /// back as it was at the last moment, and a sequence goes on from there.
    async fn put_back_all(
        &self,
        link: &mut Link,
        then: &Inventory,
        touched: &Touched,
        failed: &str,
    ) -> Result<()> {
        let past = match self.last_moment(link, failed).await? {
            Some(moment) => late::at(moment),
            None => hint(failed),
        };
        let last = catalog::inventory_at(link, &self.name, &past, Counts::Without, then).await?;
        let ours = |object: &Object| touched.unknown || is_named(touched, object);
        let mut wanted: Vec<Object> =
            then.objects.iter().filter(|object| ours(object)).cloned().collect();
        wanted.extend(last.objects.iter().filter(|object| !ours(object)).cloned());
        for object in &mut wanted {
            object.value =
                object.value.max(last.find(object.kind, &object.name).and_then(|o| o.value));
        }
        let all = Touched { unknown: true, ..touched.clone() };
        self.put_back_on(link, &Inventory { objects: wanted }, &all).await
    }

    async fn put_back_on(
        &self,
        link: &mut Link,
        then: &Inventory,
        touched: &Touched,
    ) -> Result<()> {
        let now = catalog::inventory(link, Counts::Without, then).await?;
        let number = catalog::number_of(link, &self.name).await?;
        let concerned = |object: &Object| {
            if let (ObjectKind::Grant, Some(of)) = (object.kind, object.value) {
                return Some(of) != number;
            }
            touched.unknown || is_named(touched, object)
        };
        let of = |inventory: &Inventory, kind: ObjectKind| -> Vec<Object> {
            inventory.objects.iter().filter(|object| object.kind == kind).cloned().collect()
        };
        for kind in KINDS {
            for object in of(&now, kind).iter().filter(|object| concerned(object)) {
                let wanted = then.find(kind, &object.name);
                if wanted.is_none_or(|wanted| wanted.sql != object.sql) {
                    self.take_away(link, object).await?;
                }
            }
            for object in &of(then, kind) {
                let found = now.find(kind, &object.name);
                // What is gone and was not the run's is another's to answer for, unless its table
                // was made again.
                let gone = found.is_none() && concerned(object);
                let other = found.is_some_and(|found| found.sql != object.sql && concerned(found));
                if gone || other {
                    put_back(link, object, found).await?;
                } else if found.is_some_and(|found| concerned(found) && is_behind(found, object)) {
                    go_on_at(link, object).await?;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn take_away(&self, link: &mut Link, object: &Object) -> Result<()> {
        let sql = match object.kind {
            ObjectKind::Sequence => format!("DROP SEQUENCE IF EXISTS {}", quote(&object.name)),
            ObjectKind::Routine => format!("DROP FUNCTION {}", object.name),
            ObjectKind::Grant => revoke(object.sql.as_deref().unwrap_or_default()),
            ObjectKind::KeyFromOutside => drop_key(object.sql.as_deref().unwrap_or_default()),
            _ => return Ok(()),
        };
        link.send(&sql).await.map(drop)
    }
}

/// The run named this object, or the table that it belongs to.
fn is_named(touched: &Touched, object: &Object) -> bool {
    touched.tables.iter().any(|name| {
        name.eq_ignore_ascii_case(&object.name) || name.eq_ignore_ascii_case(&object.table)
    })
}

/// Makes an object again. A sequence goes on above all that it ever gave.
pub(super) async fn put_back(link: &mut Link, object: &Object, now: Option<&Object>) -> Result<()> {
    if object.kind == ObjectKind::Published {
        return published::publish(link, object).await;
    }
    let Some(sql) = &object.sql else { return Ok(()) };
    link.send(sql).await?;
    let value = object.value.max(now.and_then(|now| now.value));
    go_on_at(link, &Object { value, ..object.clone() }).await
}

/// A sequence that only grows has given out less than its clone, whose rows came back.
fn is_behind(now: &Object, then: &Object) -> bool {
    let sql = then.sql.as_deref().unwrap_or_default();
    then.kind == ObjectKind::Sequence
        && sql.ends_with("NO CYCLE")
        && !sql.contains("INCREMENT BY -")
        && then.value > now.value
}

/// The next value of a sequence is the one that is known of it.
async fn go_on_at(link: &mut Link, object: &Object) -> Result<()> {
    if let (ObjectKind::Sequence, Some(next)) = (object.kind, object.value) {
        let name = super::literal(&object.name);
        // Not called yet, so that this very value is the next.
        link.ask(&format!("SELECT setval({name}, '{next}', false)")).await?;
    }
    Ok(())
}

/// The statement that takes a grant back.
fn revoke(grant: &str) -> String {
    let revoke = grant.replacen("GRANT ", "REVOKE ", 1).replace(" WITH GRANT OPTION", "");
    match revoke.rfind(" TO ") {
        Some(at) => format!("{} FROM {}", &revoke[..at], &revoke[at + 4..]),
        None => revoke,
    }
}

/// The statement that takes a foreign key out again.
fn drop_key(add: &str) -> String {
    let (table, key) = add.split_once(" ADD CONSTRAINT ").unwrap_or((add, ""));
    let name = key.split(" FOREIGN KEY (").next().unwrap_or_default();
    format!("{table} DROP FOREIGN KEY {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_dropped_by_its_own_name() {
        let add =
            "ALTER TABLE `o`.`c` ADD CONSTRAINT `k` FOREIGN KEY (`a`) REFERENCES `d`.`p` (`id`)";
        assert_eq!(drop_key(add), "ALTER TABLE `o`.`c` DROP FOREIGN KEY `k`");
    }

    #[test]
    fn a_grant_is_taken_back_by_its_own_words() {
        for (grant, back) in [
            ("GRANT select ON TABLE `d`.`t` TO `r`", "REVOKE select ON TABLE `d`.`t` FROM `r`"),
            (
                "GRANT insert ON TABLE `d`.` TO ` TO `r` WITH GRANT OPTION",
                "REVOKE insert ON TABLE `d`.` TO ` FROM `r`",
            ),
        ] {
            assert_eq!(revoke(grant), back);
        }
    }
}
