//! Publications, PITRs and rights: what a restore would end, and who may make one.

use mo_migrate::{Address, Outcome, error::Code};
use mo_migrate_tests::server;

use crate::shop::{BAD, Shop};

const T: &str = "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1);
    CREATE TABLE u (id INT PRIMARY KEY, a INT)";

fn published(shop: &Shop) -> String {
    let sql = shop.named(
        "SELECT pub_name, CAST(table_list AS CHAR) FROM mo_catalog.mo_pubs WHERE database_name = 'DB' ORDER BY 1",
    );
    server::sql("", &sql)
}

/// A DROP takes a table out of them, and its clone does not come back into them by itself.
#[tokio::test]
async fn the_tables_of_a_publication_are_published_again() {
    let Some(shop) = Shop::of(T).await else { return };
    shop.run("CREATE PUBLICATION DB_one DATABASE DB TABLE t ACCOUNT ALL; CREATE PUBLICATION DB_two DATABASE DB TABLE t, u ACCOUNT ALL; CREATE PUBLICATION DB_all DATABASE DB ACCOUNT ALL");
    let before = published(&shop);
    assert_eq!(before.lines().count(), 3);
    shop.comes_back_from(&[
        "UPDATE t SET a = 9",
        "DROP TABLE t",
        "DROP TABLE u; ALTER TABLE t ADD COLUMN b INT",
    ])
    .await;
    let after = published(&shop);
    shop.run("DROP PUBLICATION DB_one; DROP PUBLICATION DB_two; DROP PUBLICATION DB_all");
    // The order of a publication's tables is nobody's.
    assert_eq!(after.replace("u,t", "t,u"), before);
}

#[tokio::test]
async fn a_table_with_a_pitr_of_its_own_is_not_migrated_and_one_of_the_database_goes_on() {
    let Some(shop) = Shop::of(T).await else { return };
    shop.run("CREATE PITR DB_t FOR TABLE DB t RANGE 1 'h'; CREATE PITR DB_db FOR DATABASE DB RANGE 1 'h'");
    let before = shop.dump();
    let error = shop.fails("UPDATE t SET a = 9;", Outcome::Refused).await;
    assert_eq!(error.code(), Code::NoWayBack);
    assert!(error.to_string().contains("PITR") && error.place().is_some(), "{error:?}");
    shop.assert_dump(&before, "refused");
    shop.comes_back_from(&["INSERT INTO u VALUES (1, 1)"]).await;
    let active = shop.run("SELECT pitr_name FROM mo_catalog.mo_pitr WHERE pitr_status = 1 AND database_name = 'DB' ORDER BY 1");
    shop.run("DROP PITR DB_t; DROP PITR DB_db");
    assert_eq!(active, shop.named("DB_db\nDB_t\n"));
}

/// Whoever may write to the database and may make no snapshot is told so before anything is made.
#[tokio::test]
async fn a_user_who_may_make_no_snapshot_is_refused_with_what_to_type() {
    let Some(mut shop) = Shop::of(T).await else { return };
    shop.user();
    server::sql("", &shop.named("GRANT ALL ON DATABASE DB TO DB_role; GRANT ALL ON TABLE DB.* TO DB_role; GRANT CREATE DATABASE ON ACCOUNT * TO DB_role"));
    let before = shop.dump();
    shop.file("2_x.sql", &format!("UPDATE t SET a = 9; {BAD}"));
    let (scheme, place) =
        shop.address().split_once("://").map(|(s, p)| (s.to_owned(), p.to_owned())).unwrap();
    let host = place.split_once('@').unwrap().1;
    let address = Address::new(format!("{scheme}://{}:secret@{host}", shop.database()));
    let migrator = shop.migrator().attended(true);
    let error = migrator.run(&address).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Refused, "{error:?}");
    // All of it at once: the server names one right after the other.
    let hint = error.hint().unwrap();
    assert!(hint.contains("administrator, who alone can make a snapshot"), "{error:?}");
    let grants = hint.split('`').find(|words| words.starts_with("GRANT")).unwrap();
    server::sql("", grants);
    let status = migrator.status(&address).await.unwrap();
    assert_eq!(status.state, "pending");
    // The server's own words do not say on what.
    let error = migrator.snapshot_list(&address).await.unwrap_err();
    let named = "the right that is missing is one on mo_catalog.mo_snapshots";
    assert!(error.to_string().contains(named), "{error:?}");
    let error = migrator.run(&address).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (Code::Snapshot, Outcome::Refused), "{error:?}");
    assert!(error.to_string().contains(&shop.named("`DB_role`")), "{error:?}");
    shop.assert_dump(&before, "refused");
}
