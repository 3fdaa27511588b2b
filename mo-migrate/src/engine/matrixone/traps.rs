//! Where RESTORE DATABASE goes wrong: with an error halfway, or with an OK and another state than the
//! snapshot's. Each was seen on a live server.

use std::collections::{BTreeMap, BTreeSet};

use super::link::Link;
use super::{catalog, literal, published};
use crate::error::Result;

/// Why RESTORE DATABASE is not to be used on the database of this connection, each in words.
pub(super) async fn of_restore_database(link: &mut Link) -> Result<Vec<String>> {
    let database = literal(link.database());
    let mut reasons = Vec::new();
    let sql = format!(
        "SELECT DISTINCT db_name, table_name, constraint_name FROM mo_catalog.mo_foreign_keys \
         WHERE refer_db_name = {database} AND db_name <> {database} ORDER BY 1, 2, 3"
    );
    for row in link.ask(&sql).await? {
        let (other, table, key): (String, String, String) = (row.at(0)?, row.at(1)?, row.at(2)?);
        reasons.push(format!(
            "`{other}`.`{table}` refers to it by the foreign key `{key}`: the server would put back some \
             tables, leave others, and say OK"
        ));
    }
    let sql = format!(
        "SELECT DISTINCT table_name, refer_table_name FROM mo_catalog.mo_foreign_keys \
         WHERE db_name = {database} AND refer_db_name = {database}"
    );
    let rows = link.ask(&sql).await?;
    let keys: Vec<(String, String)> =
        rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect::<Result<_>>()?;
    let circle = in_a_circle(&keys);
    if !circle.is_empty() {
        let tables = circle.join("`, `");
        reasons.push(format!(
            "the foreign keys of `{tables}` form a circle, which the server refuses"
        ));
    }
    for (name, why) in catalog::views_and_external(link).await? {
        reasons.push(format!("`{name}`: {why}"));
    }
    let ends = |kind: &str, name: &str| {
        format!("the {kind} `{name}` would end, for the server drops the database")
    };
    let name = link.database().to_owned();
    for (publication, _) in published::publications(link, &name, "").await? {
        reasons.push(ends("publication", &publication));
    }
    for pitr in published::pitrs(link).await? {
        reasons.push(ends("PITR", &pitr.name));
    }
    let sql = format!(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = {database} \
         AND extra = 'auto_increment' AND data_type LIKE 'TINYINT%' ORDER BY 1"
    );
    for row in link.ask(&sql).await? {
        let table: String = row.at(0)?;
        reasons
            .push(format!("`{table}` has a generated TINYINT key, which the server can't clone"));
    }
    Ok(reasons)
}

/// The tables that refer to themselves by way of others; a key of a table to itself is no circle.
fn in_a_circle(keys: &[(String, String)]) -> Vec<String> {
    let mut parents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (child, parent) in keys.iter().filter(|(child, parent)| child != parent) {
        parents.entry(child).or_default().insert(parent);
        parents.entry(parent).or_default();
    }
    let mut left = BTreeMap::new();
    // What refers to nothing that is left, or is referred to by nothing, is in no circle.
    while left.len() != parents.len() {
        left.clone_from(&parents);
        let referred: BTreeSet<&str> = left.values().flatten().copied().collect();
        let names: BTreeSet<&str> = left.keys().copied().collect();
        parents.retain(|name, parents| {
            parents.retain(|parent| names.contains(parent));
            !parents.is_empty() && referred.contains(name)
        });
    }
    left.into_keys().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(keys: &[(&str, &str)]) -> Vec<String> {
        let keys: Vec<_> = keys.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        in_a_circle(&keys)
    }

    #[test]
    fn only_those_in_a_circle_are_named() {
        assert_eq!(circle(&[]), [""; 0]);
        assert_eq!(circle(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "c")]), [""; 0]);
        assert_eq!(circle(&[("a", "b"), ("b", "a"), ("c", "a"), ("a", "d")]), ["a", "b"]);
        assert_eq!(circle(&[("a", "b"), ("b", "c"), ("c", "a")]), ["a", "b", "c"]);
    }
}
