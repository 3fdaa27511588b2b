//! The restore plan: the steps that turn what is there now into what was there then. Pure.
//!
//! Invariants:
//! 1. an object that is the same on both sides is not touched;
//! 2. under `keep`, rows of a table that the run did not touch stay as they are;
//! 3. what depends on others goes first and comes back last: triggers and views around tables.

use std::collections::BTreeSet;

use crate::engine::{Inventory, Object, ObjectKind, Step, Touched};
use crate::settings::ForeignWrites;

/// What the plan is made from.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    /// What the snapshot consists of.
    pub(crate) then: &'a Inventory,
    /// What the database consists of.
    pub(crate) now: &'a Inventory,
    /// Tables with the same definition on both sides whose rows differ.
    pub(crate) rows_differ: &'a BTreeSet<String>,
    /// What the run wrote to, as far as it is known.
    pub(crate) touched: &'a Touched,
    /// Others were seen to commit, or their rows were found.
    pub(crate) foreign: bool,
    /// The tables that others wrote to, where that can be told for each.
    pub(crate) foreign_tables: Option<&'a BTreeSet<String>>,
    /// What to do about others' rows.
    pub(crate) policy: ForeignWrites,
}

/// The plan, and what it does about others' rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RestorePlan {
    pub(crate) steps: Vec<Step>,
    /// Tables whose rows or definitions come back.
    pub(crate) tables: Vec<String>,
    /// Tables that differ and stay as they are.
    pub(crate) kept: Vec<String>,
    /// Others have written: counters stay above what was given to them.
    pub(crate) foreign: bool,
    /// Tables that come back and that others wrote to, where that can be told.
    pub(crate) foreign_tables: Option<Vec<String>>,
    /// Where is kept what others wrote between the failed state and the restore.
    pub(crate) late: Option<String>,
    /// A person decides, and this is why.
    pub(crate) undecided: Option<String>,
}

impl RestorePlan {
    /// The same as one step, which brings all of the database back, others' rows with it.
    pub(crate) fn of_the_whole(mut self, then: &Inventory, now: &Inventory) -> Self {
        if !self.kept.is_empty() && self.undecided.is_none() {
            let theirs = self.kept.join("`, `");
            self.undecided = Some(format!(
                "others have written to `{theirs}`, and RESTORE DATABASE would take that back as well"
            ));
        }
        let both = then.objects.iter().chain(&now.objects);
        self.tables =
            both.filter(|object| object.kind.has_rows()).map(|o| o.name.clone()).collect();
        self.tables.sort();
        self.tables.dedup();
        self.steps = vec![Step::Whole];
        self
    }
}

/// Makes the plan.
pub(crate) fn restore_plan(situation: &Situation<'_>) -> RestorePlan {
    let mut plan = RestorePlan::default();
    let changed = changed_objects(situation);
    let replaced: BTreeSet<&str> = changed.tables.iter().map(String::as_str).collect();
    let rows: Vec<&Object> = situation
        .then
        .objects
        .iter()
        .filter(|object| object.kind.has_rows() && object.name != SEQUENCE)
        .filter(|object| {
            situation.rows_differ.contains(&object.name)
                || replaced.contains(object.name.as_str())
                // Dropping a table drops its statistics with it.
                || (object.kind == ObjectKind::SystemTable && !changed.drops.is_empty())
        })
        .collect();
    let (mut back, mut others) = (Vec::new(), Vec::new());
    for table in rows {
        if replaced.contains(table.name.as_str()) || is_ours(situation, table) {
            back.push(table.clone());
        } else {
            others.push(table.name.clone());
        }
    }
    let theirs =
        others.iter().any(|name| !situation.touched.unknown && !name.starts_with("sqlite_"));
    plan.foreign = situation.foreign || theirs;
    plan.undecided = undecided(situation, &others);
    plan.kept = others;
    plan.kept.extend(changed.kept);
    plan.tables =
        back.iter().map(|table| table.name.clone()).chain(changed.gone.iter().cloned()).collect();
    plan.tables.sort();
    plan.tables.dedup();
    plan.foreign_tables = situation.foreign_tables.map(|theirs| {
        plan.tables.iter().filter(|table| theirs.contains(*table)).cloned().collect()
    });
    plan.steps.extend(changed.drops.into_iter().map(Step::Drop));
    plan.steps.extend(changed.creates.into_iter().map(Step::Create));
    plan.steps.extend(back.into_iter().map(Step::Rows));
    plan.steps.push(Step::Counters { keep_highest: plan.foreign });
    plan.steps.extend(changed.late.into_iter().map(Step::Create));
    plan.steps.push(Step::Catalogue(situation.then.objects.clone()));
    plan
}

/// The engine's table of generated keys has a step of its own.
const SEQUENCE: &str = "sqlite_sequence";

#[derive(Default)]
struct Changed {
    drops: Vec<Object>,
    creates: Vec<Object>,
    late: Vec<Object>,
    /// Tables that are made again, and so need their rows.
    tables: Vec<String>,
    /// Tables that the snapshot does not have.
    gone: Vec<String>,
    /// Objects that others made, changed or dropped: they stay as they are.
    kept: Vec<String>,
}

fn changed_objects(situation: &Situation<'_>) -> Changed {
    let (then, now) = (situation.then, situation.now);
    let mut changed = Changed::default();
    let remade = remade_tables(situation);
    // A table of others that generates keys can't be without it.
    let others_count = now.objects.iter().any(|o| generates_keys(o) && is_others(situation, o));
    let stays = |object: &Object, other: &Inventory| {
        if object.name == SEQUENCE && others_count {
            return true;
        }
        // What hangs on a table that is made again goes and comes with it, whoever made it.
        if remade.contains(&object.table) || remade.contains(&object.name) {
            return false;
        }
        let same = |found: &Object| found.sql == object.sql && found.table == object.table;
        is_others(situation, object) || other.find(object.kind, &object.name).is_some_and(same)
    };
    let rank = |object: &Object| match object.kind {
        ObjectKind::Trigger => 0,
        ObjectKind::View => 1,
        ObjectKind::Index => 2,
        ObjectKind::VirtualTable => 3,
        // Dropping a table with generated keys deletes its row there.
        ObjectKind::SystemTable if object.name == SEQUENCE => 5,
        _ => 4,
    };
    let differs = |object: &&Object, other: &Inventory| {
        is_others(situation, object)
            && other.find(object.kind, &object.name).is_none_or(|found| found.sql != object.sql)
    };
    let theirs = now
        .objects
        .iter()
        .filter(|o| differs(o, then))
        .chain(then.objects.iter().filter(|o| differs(o, now)));
    changed.kept = theirs.map(|object| object.name.clone()).collect();
    changed.kept.sort();
    changed.kept.dedup();
    for object in now.objects.iter().filter(|object| !stays(object, then)) {
        // What hangs on a table goes with it; what the engine made by itself has no definition.
        let goes_with_table = object.kind == ObjectKind::Index
            && (object.sql.is_none()
                || remade.contains(&object.table)
                || then.table(&object.table).is_none());
        let goes_with_virtual = object.kind == ObjectKind::ShadowTable;
        if !goes_with_table && !goes_with_virtual {
            changed.drops.push(object.clone());
        }
        if object.kind.has_rows() && then.find(object.kind, &object.name).is_none() {
            changed.gone.push(object.name.clone());
        }
    }
    changed.drops.sort_by_key(rank);
    for object in then.objects.iter().filter(|object| !stays(object, now)) {
        match object.kind {
            ObjectKind::ShadowTable => {}
            ObjectKind::Trigger | ObjectKind::View => changed.late.push(object.clone()),
            _ => changed.creates.push(object.clone()),
        }
        if object.kind.has_rows() {
            changed.tables.push(object.name.clone());
        }
    }
    // Tables before the indexes on them, and a virtual table before its rows.
    changed.creates.sort_by_key(|object| std::cmp::Reverse(rank(object)));
    changed
}

/// Whether SQLite keeps the keys that it gives to this table in `sqlite_sequence`.
fn generates_keys(object: &Object) -> bool {
    let sql = object.sql.as_deref().unwrap_or_default();
    object.kind == ObjectKind::Table && sql.to_ascii_uppercase().contains("AUTOINCREMENT")
}

/// Tables whose definition is another one, or that are on one side alone.
fn remade_tables(situation: &Situation<'_>) -> BTreeSet<String> {
    let (then, now) = (situation.then, situation.now);
    let is_table = |object: &&Object| {
        matches!(
            object.kind,
            ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::SystemTable
        )
    };
    let differs = |object: &Object, other: &Inventory| {
        other.find(object.kind, &object.name).is_none_or(|found| found.sql != object.sql)
    };
    let mut remade: BTreeSet<String> = then
        .objects
        .iter()
        .filter(is_table)
        .filter(|object| differs(object, now))
        .chain(now.objects.iter().filter(is_table).filter(|object| differs(object, then)))
        .filter(|object| !is_others(situation, object))
        .map(|object| object.name.clone())
        .collect();
    // The tables in which a virtual table keeps its rows are made and dropped with it.
    let shadows = |inventory: &Inventory| -> Vec<String> {
        let virtuals = inventory.objects.iter().filter(|o| o.kind == ObjectKind::VirtualTable);
        let made_again: Vec<_> =
            virtuals.filter(|o| remade.contains(&o.name)).map(|o| format!("{}_", o.name)).collect();
        let shadow = inventory.objects.iter().filter(|o| o.kind == ObjectKind::ShadowTable);
        shadow
            .filter(|o| made_again.iter().any(|p| o.name.starts_with(p)))
            .map(|o| o.name.clone())
            .collect()
    };
    let all: Vec<String> = shadows(then).into_iter().chain(shadows(now)).collect();
    remade.extend(all);
    remade
}

/// Another one made, changed or dropped this object: the run's own definitions are all known by
/// name, or follow from one that it changed.
fn is_others(situation: &Situation<'_>, object: &Object) -> bool {
    let touched = situation.touched;
    let named = |name: &str| touched.tables.iter().any(|known| known.eq_ignore_ascii_case(name));
    if situation.policy != ForeignWrites::Keep
        || touched.unknown
        || object.kind == ObjectKind::SystemTable
    {
        return false;
    }
    if let Some(owner) = owner_of_shadow(situation, object) {
        return is_others(situation, owner);
    }
    let on_both_sides = situation.then.find(object.kind, &object.name).is_some()
        && situation.now.find(object.kind, &object.name).is_some();
    // Renaming a table or a column changes the definitions that mention it.
    let sql = object.sql.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mentioned = |table: &String| mentions(&sql, &table.to_ascii_lowercase());
    let follows = on_both_sides && touched.definitions && touched.tables.iter().any(mentioned);
    !(named(&object.name) || named(&object.table) || follows)
}

/// Whether a definition has this name in it, and not as a part of another one.
pub(super) fn mentions(sql: &str, name: &str) -> bool {
    let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    sql.match_indices(name).any(|(at, _)| {
        !sql[..at].ends_with(part_of_a_name) && !sql[at + name.len()..].starts_with(part_of_a_name)
    })
}

/// The virtual table that keeps its rows in this one.
fn owner_of_shadow<'a>(situation: &Situation<'a>, object: &Object) -> Option<&'a Object> {
    let all = situation.then.objects.iter().chain(&situation.now.objects);
    all.filter(|_| object.kind == ObjectKind::ShadowTable)
        .filter(|owner| owner.kind == ObjectKind::VirtualTable)
        .find(|owner| object.name.starts_with(&format!("{}_", owner.name)))
}

/// The run wrote to this table, or may have.
fn is_ours(situation: &Situation<'_>, table: &Object) -> bool {
    let touched = situation.touched;
    let named = |name: &str| touched.tables.iter().any(|known| known.eq_ignore_ascii_case(name));
    // The rows of a virtual table are in its shadow tables, and statistics belong to nobody.
    let through_virtual = owner_of_shadow(situation, table).is_some_and(|owner| named(&owner.name));
    situation.policy == ForeignWrites::Discard
        || named(&table.name)
        || through_virtual
        || table.kind == ObjectKind::SystemTable
        || (touched.unknown && !wrote(situation, &table.name))
}

/// Others have written to this table, or may have.
fn wrote(situation: &Situation<'_>, table: &str) -> bool {
    situation.foreign_tables.map_or(situation.foreign, |theirs| theirs.contains(table))
}

fn undecided(situation: &Situation<'_>, others: &[String]) -> Option<String> {
    let tables = others.join("`, `");
    match situation.policy {
        ForeignWrites::Discard => None,
        ForeignWrites::Refuse if situation.foreign || !others.is_empty() => {
            Some("others have written since the snapshot".to_owned())
        }
        _ if situation.touched.unknown && !others.is_empty() => {
            Some(format!("it can't be told whether `{tables}` was changed by the run or by others"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RowKey;

    fn object(kind: ObjectKind, name: &str, table: &str, sql: &str) -> Object {
        Object {
            kind,
            name: name.to_owned(),
            table: table.to_owned(),
            sql: (!sql.is_empty()).then(|| sql.to_owned()),
            order: 1,
            columns: Vec::new(),
            key: RowKey::Columns,
            rows: None,
            value: None,
            identity: None,
            comment: None,
        }
    }

    fn table(name: &str, sql: &str) -> Object {
        object(ObjectKind::Table, name, name, sql)
    }

    fn inventory(objects: &[Object]) -> Inventory {
        Inventory { objects: objects.to_vec() }
    }

    fn touched(names: &[&str]) -> Touched {
        Touched { tables: names.iter().map(ToString::to_string).collect(), ..Touched::default() }
    }

    fn made(
        then: &Inventory,
        now: &Inventory,
        differ: &[&str],
        touched: &Touched,
        foreign: bool,
    ) -> RestorePlan {
        let rows_differ = differ.iter().map(ToString::to_string).collect();
        let policy = ForeignWrites::Keep;
        restore_plan(&Situation {
            then,
            now,
            rows_differ: &rows_differ,
            touched,
            foreign,
            foreign_tables: None,
            policy,
        })
    }

    fn words(plan: &RestorePlan) -> Vec<String> {
        let word = |step: &Step| match step {
            Step::Drop(o) => Some(format!("drop {}", o.name)),
            Step::Create(o) => Some(format!("create {}", o.name)),
            Step::Rows(o) => Some(format!("rows {}", o.name)),
            Step::Whole => Some("whole".to_owned()),
            Step::Counters { .. } | Step::Catalogue(_) => None,
        };
        plan.steps.iter().filter_map(word).collect()
    }

    #[test]
    fn what_is_the_same_is_not_touched() {
        let both = inventory(&[table("a", "A"), object(ObjectKind::Index, "i", "a", "I")]);
        let plan = made(&both, &both, &[], &touched(&["a"]), false);
        assert!(words(&plan).is_empty());
        assert!(plan.tables.is_empty());
    }

    #[test]
    fn a_changed_table_is_made_again_with_all_that_hangs_on_it() {
        let index = object(ObjectKind::Index, "i", "a", "I");
        let trigger = object(ObjectKind::Trigger, "t", "a", "T");
        let then = inventory(&[table("a", "A1"), index.clone(), trigger.clone()]);
        let now = inventory(&[table("a", "A2"), index, trigger]);
        let plan = made(&then, &now, &[], &touched(&["a"]), false);
        assert_eq!(
            words(&plan),
            ["drop t", "drop a", "create a", "create i", "rows a", "create t"]
        );
    }

    #[test]
    fn a_new_table_goes_and_a_lost_one_comes_back() {
        let then = inventory(&[table("lost", "L")]);
        let now = inventory(&[table("new", "N")]);
        let plan = made(&then, &now, &[], &touched(&["lost", "new"]), false);
        assert_eq!(words(&plan), ["drop new", "create lost", "rows lost"]);
        assert_eq!(plan.tables, ["lost", "new"]);
    }

    #[test]
    fn rows_of_others_stay_where_the_run_wrote_nothing() {
        let both = inventory(&[table("a", "A"), table("orders", "O")]);
        let plan = made(&both, &both, &["a", "orders"], &touched(&["a"]), true);
        assert_eq!(words(&plan), ["rows a"]);
        assert_eq!(plan.kept, ["orders"]);
        assert_eq!(plan.undecided, None);
    }

    #[test]
    fn a_table_that_others_made_or_dropped_stays_as_they_left_it() {
        let then = inventory(&[table("a", "A"), table("dropped", "D")]);
        let now = inventory(&[table("a", "A"), table("theirs", "T")]);
        let plan = made(&then, &now, &["a"], &touched(&["a"]), true);
        assert_eq!(words(&plan), ["rows a"]);
        assert_eq!(plan.kept, ["dropped", "theirs"]);
    }

    #[test]
    fn a_short_name_is_not_found_in_the_midst_of_others() {
        let orders =
            |column: &str| table("orders", &format!("CREATE TABLE orders (x INT{column})"));
        let view = object(ObjectKind::View, "v", "v", "CREATE VIEW v AS SELECT 1");
        let then = inventory(&[orders("")]);
        let now = inventory(&[orders(", y VARCHAR(10)"), view]);
        let set = Touched { definitions: true, ..touched(&["v"]) };
        let plan = made(&then, &now, &[], &set, true);
        assert_eq!(words(&plan), ["drop v"]);
        assert_eq!(plan.kept, ["orders"]);
        assert!(mentions("select `v`.x from v", "v") && !mentions("varchar, _v, v1", "v"));
    }

    #[test]
    fn an_unknown_set_and_others_writes_need_a_person() {
        let both = inventory(&[table("a", "A"), table("orders", "O")]);
        let set = Touched { unknown: true, ..touched(&["a"]) };
        assert!(made(&both, &both, &["a", "orders"], &set, true).undecided.is_some());
        assert_eq!(made(&both, &both, &["a", "orders"], &set, false).undecided, None);
    }

    #[test]
    fn discard_takes_everything_back_and_refuse_leaves_it_to_a_person() {
        let both = inventory(&[table("a", "A"), table("orders", "O")]);
        let rows_differ = BTreeSet::from(["a".to_owned(), "orders".to_owned()]);
        let set = touched(&["a"]);
        let with = |policy| {
            restore_plan(&Situation {
                then: &both,
                now: &both,
                rows_differ: &rows_differ,
                touched: &set,
                foreign: true,
                foreign_tables: None,
                policy,
            })
        };
        assert_eq!(words(&with(ForeignWrites::Discard)), ["rows a", "rows orders"]);
        assert!(with(ForeignWrites::Refuse).undecided.is_some());
    }

    #[test]
    fn one_step_for_all_is_made_only_where_nothing_of_others_is() {
        let both = inventory(&[table("a", "A"), table("orders", "O")]);
        let plan = made(&both, &both, &["a"], &touched(&["a"]), false);
        let plan = plan.of_the_whole(&both, &both);
        assert_eq!((plan.steps.as_slice(), plan.undecided.is_none()), (&[Step::Whole][..], true));
        assert_eq!(plan.tables, ["a", "orders"]);
        let plan = made(&both, &both, &["a", "orders"], &touched(&["a"]), false);
        assert!(plan.of_the_whole(&both, &both).undecided.unwrap().contains("`orders`"));
    }

    #[test]
    fn the_shadow_tables_of_a_changed_virtual_table_come_back_with_it() {
        let fts = |sql: &str| object(ObjectKind::VirtualTable, "f", "f", sql);
        let shadow = object(ObjectKind::ShadowTable, "f_data", "f_data", "D");
        let plan = made(
            &inventory(&[fts("F1"), shadow.clone()]),
            &inventory(&[fts("F2"), shadow]),
            &[],
            &touched(&["f"]),
            false,
        );
        assert_eq!(words(&plan), ["drop f", "create f", "rows f_data"]);
    }
}
