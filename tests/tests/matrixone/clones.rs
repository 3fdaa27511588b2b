//! What CREATE DATABASE … CLONE leaves out of a clone, and whom it ties it to.

use std::time::Duration;

use mo_migrate::NewClone;
use mo_migrate::error::Code;
use mo_migrate_tests::server;

use crate::shop::Shop;

const ALL: &str = "CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO parents VALUES (1, 'a');
    CREATE TABLE children (id INT PRIMARY KEY AUTO_INCREMENT, parent INT, CONSTRAINT own FOREIGN KEY (parent) REFERENCES parents (id));
    INSERT INTO children (parent) VALUES (1);
    CREATE VIEW named AS SELECT c.id, p.name FROM children c JOIN parents p ON p.id = c.parent;
    CREATE VIEW again AS SELECT name FROM named;
    CREATE SEQUENCE numbers INCREMENT BY 2 START WITH 5";

#[tokio::test]
async fn a_clone_is_given_what_the_server_leaves_out() {
    let Some(mut shop) = Shop::of(ALL).await else { return };
    shop.user();
    shop.run("GRANT SELECT ON TABLE DB.parents TO DB_role; GRANT SELECT ON VIEW DB.named TO DB_role; GRANT SHOW TABLES ON DATABASE DB TO DB_role");
    assert_eq!(shop.run("SELECT nextval('numbers')"), "5\n");
    let before = shop.dump();
    for (name, wanted) in [
        ("qa", NewClone::default()),
        ("masked", NewClone::default().mask("m.sql", "UPDATE parents SET name = 'nobody'")),
    ] {
        let line = shop.migrator().clone_create(shop.address(), name, &wanted).await.unwrap();
        assert_eq!(line.left_out, [""; 0], "{name}");
        let clone = format!("{}_{name}", shop.database());
        let said = if name == "qa" { "a\n" } else { "nobody\n" };
        assert_eq!(server::sql(&clone, "SELECT name FROM again"), said);
        assert_eq!(server::sql(&clone, "SELECT nextval('numbers')"), "7\n", "{name}");
        let orphan = server::try_sql(&clone, "INSERT INTO children (parent) VALUES (9)");
        assert!(orphan.is_err(), "{name}: the foreign key is enforced");
        server::sql(&clone, "DELETE FROM children; DELETE FROM parents");
        let user = Some((shop.database(), "secret"));
        let granted = server::try_sql_as(&clone, user, "SELECT count(*) FROM parents");
        assert_eq!(granted.unwrap(), "0\n", "{name}");
        let others = server::try_sql_as(&clone, user, "SELECT count(*) FROM children");
        assert!(others.is_err(), "{name}: no right is given that the original has not");
    }
    assert_eq!(shop.dump(), before, "the original was only read");
    assert_eq!(shop.run("SELECT nextval('numbers')"), "7\n", "its own goes on");
    let first = shop.migrator().clone_list(shop.address()).await.unwrap();
    assert_eq!(first.len(), 2);
    for name in ["qa", "masked"] {
        shop.migrator().clone_delete(shop.address(), name).await.unwrap();
    }
    shop.comes_back_from(&["UPDATE parents SET name = 'x'"]).await;
}

#[tokio::test]
async fn what_a_clone_can_not_have_is_named() {
    let Some(shop) = Shop::of(ALL).await else { return };
    shop.other("CREATE TABLE far (id INT PRIMARY KEY); INSERT INTO far VALUES (1)");
    shop.run("CREATE PROCEDURE fill () 'begin INSERT INTO parents VALUES (7, NULL); end'");
    let function = format!("f_{}", shop.database());
    shop.run(&format!(
        "CREATE FUNCTION {function} (a INT, b INT) RETURNS INT LANGUAGE SQL AS '$1 + $2'"
    ));
    shop.run("CREATE TABLE tied (id INT, CONSTRAINT outside FOREIGN KEY (id) REFERENCES DB_other.far (id))");
    shop.run("INSERT INTO tied VALUES (1)");
    shop.run("CREATE VIEW itself AS SELECT name FROM DB.parents");
    let line =
        shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
    let function_named = format!("`{function}`");
    for what in ["`fill`", "`outside`", &function_named] {
        assert!(line.left_out.iter().any(|line| line.contains(what)), "{what}: {line:?}");
    }
    let clone = format!("{}_qa", shop.database());
    server::sql(&clone, "UPDATE parents SET name = 'changed'");
    // It shows the clone's rows, or it is not there and was named.
    match server::try_sql(&clone, "SELECT name FROM itself") {
        Ok(rows) => assert_eq!(rows, "changed\n"),
        Err(_) => assert!(line.left_out.iter().any(|line| line.contains("`itself`")), "{line:?}"),
    }
    assert_eq!(
        shop.run(&format!("SELECT {function}(1, 2)")),
        "3\n",
        "the original's is its own still"
    );
    shop.run(&format!("DROP FUNCTION {function} (INT, INT)"));
    shop.run("DELETE FROM tied");
    shop.other("DELETE FROM far");
}

#[tokio::test]
async fn a_snapshot_that_can_not_be_cloned_as_a_whole_is_refused() {
    let Some(shop) = Shop::of("CREATE TABLE t (id TINYINT PRIMARY KEY AUTO_INCREMENT, a INT); INSERT INTO t (a) VALUES (1)").await
    else {
        return;
    };
    let made = shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await;
    let error = made.unwrap_err();
    assert_eq!(error.code(), Code::Clone, "{error:?}");
    assert!(error.is_refused());
    assert_eq!(shop.files_with("_qa"), [""; 0]);
    let one = mo_migrate::SnapshotOf::Table("first_of_all".to_owned());
    let one = shop.migrator().snapshot_create_of(shop.address(), "one", &one).await.unwrap();
    let wanted = NewClone::default().from(one.name);
    let error = shop.migrator().clone_create(shop.address(), "qa", &wanted).await.unwrap_err();
    assert_eq!(error.code(), Code::Clone, "{error:?}");
}

#[tokio::test]
async fn the_address_that_is_printed_has_no_password() {
    let Some(shop) = Shop::of("CREATE TABLE t (id INT PRIMARY KEY)").await else { return };
    let line =
        shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await.unwrap();
    assert!(line.address.ends_with(&format!("/{}_qa", shop.database())), "{}", line.address);
    assert!(line.address.starts_with("matrixone://root@"), "{}", line.address);
    assert!(!line.address.contains(":111@"), "{}", line.address);
}

/// A clone of a single table goes on referring to the tables beside it, and the server writes the clone's
/// name into its views.
#[tokio::test]
async fn what_comes_back_from_a_clone_refers_to_nothing_of_it() {
    let Some(mut shop) = Shop::of(ALL).await else { return };
    shop.user();
    shop.run(
        "GRANT SELECT ON TABLE DB.parents TO DB_role; GRANT SELECT ON VIEW DB.named TO DB_role",
    );
    shop.other(
        "CREATE TABLE far (parent INT, CONSTRAINT inward FOREIGN KEY (parent) REFERENCES DB.parents (id)); \
         INSERT INTO far VALUES (1)",
    );
    let snapshot = shop.migrator().snapshot_create(shop.address(), "nightly").await.unwrap().name;
    let clone = format!("{}_test", shop.database());
    shop.migrator().restore_into(shop.address(), Some(&snapshot), &clone).await.unwrap();
    server::sql(
        &clone,
        "INSERT INTO parents VALUES (2, 'b'); INSERT INTO children (parent) VALUES (2)",
    );
    for _ in 0..3 {
        server::sql(&clone, "SELECT nextval('numbers')");
    }
    shop.run("DELETE FROM children; INSERT INTO parents VALUES (3, 'c')");
    let swap = shop.migrator().restore_from_clone_preview(shop.address(), &clone).await.unwrap();
    shop.migrator().restore(shop.address(), Some(&swap.snapshot)).await.unwrap();
    shop.migrator().clone_delete(shop.address(), &clone).await.unwrap();
    assert_eq!(shop.run("SELECT id, name FROM parents ORDER BY id"), "1|a\n2|b\n");
    assert_eq!(shop.run("SELECT name FROM again ORDER BY name"), "a\nb\n");
    assert!(shop.tries("INSERT INTO children (parent) VALUES (9)").is_err(), "its key is its own");
    shop.run("INSERT INTO children (parent) VALUES (2)");
    assert!(shop.tries("DELETE FROM parents WHERE id = 1").is_err(), "the other's key is enforced");
    let next: i64 = shop.run("SELECT nextval('numbers')").trim().parse().unwrap();
    assert!(next >= 11, "{next} was given out in the clone");
    assert_eq!(shop.as_user("SELECT count(*) FROM parents").unwrap(), "2\n");
    assert_eq!(shop.as_user("SELECT count(*) FROM named").unwrap(), "3\n");
    assert!(shop.as_user("SELECT count(*) FROM children").is_err());
    let keys = shop.run(
        "SELECT count(*) FROM mo_catalog.mo_foreign_keys WHERE db_name = 'DB' AND refer_db_name <> 'DB'",
    );
    assert_eq!(keys, "0\n");
    shop.comes_back_from(&["UPDATE parents SET name = 'x'"]).await;
}

/// Somebody replaces the clone while it is being removed: its mark was seen, and is another's database by
/// the time of the DROP.
#[tokio::test]
async fn a_database_that_takes_a_clones_place_while_that_is_removed_is_never_dropped() {
    let Some(shop) = Shop::of("CREATE TABLE a (id INT PRIMARY KEY)").await else { return };
    let made = shop.migrator().clone_create(shop.address(), "qa", &NewClone::default()).await;
    let qa = made.unwrap().database;
    let mut they = server::connect("", None).await.unwrap();
    for sql in ["BEGIN".to_owned(), format!("DROP DATABASE {qa}")] {
        server::ask(&mut they, &sql).await.unwrap();
    }
    let (migrator, address) = (shop.migrator(), shop.address());
    let removed = tokio::spawn(async move { migrator.clone_delete(address, "qa").await });
    // Until it waits for what is done about its database.
    let waits = "SELECT count(*) FROM information_schema.processlist WHERE command <> '' AND \
                 (info LIKE 'DROP DATABASE `QA`%' OR info LIKE 'SELECT run FROM `QA`%')";
    let waits = waits.replace("QA", &qa);
    while !removed.is_finished() && server::sql("", &waits) == "0\n" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for sql in [
        format!("CREATE DATABASE {qa}"),
        format!("CREATE TABLE {qa}.theirs (id INT PRIMARY KEY)"),
        "COMMIT".to_owned(),
    ] {
        server::ask(&mut they, &sql).await.unwrap();
    }
    let error = removed.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Taken, "{error:?}");
    assert_eq!(server::sql(&qa, "SHOW TABLES"), "theirs\n");
}

/// Whoever reads the original read the rows of the clone before they were masked; and the server kept the
/// rights on each clone for ever.
#[tokio::test]
async fn nobody_is_given_a_clone_before_its_mask_has_run_and_its_rights_go_with_it() {
    let Some(mut shop) = Shop::of(ALL).await else { return };
    shop.user();
    shop.run("GRANT SELECT ON TABLE DB.parents TO DB_role; GRANT SELECT ON TABLE DB.* TO DB_role");
    let rights = || {
        let role = format!("{}_role", shop.database());
        let sql = "SELECT count(*) FROM mo_catalog.mo_role_privs WHERE role_name = ";
        let count = server::sql("", &format!("{sql}'{role}'"));
        count.trim().parse::<usize>().unwrap()
    };
    let before = rights();
    let mask = "SELECT SLEEP(2); UPDATE parents SET name = 'nobody'";
    let wanted = NewClone::default().mask("m.sql", mask);
    let (migrator, address) = (shop.migrator(), shop.address());
    let making =
        tokio::spawn(async move { migrator.clone_create(address, "qa", &wanted).await.unwrap() });
    let staging = format!("{}_qa_new", shop.database());
    while server::try_sql(&staging, "SELECT id FROM parents").is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while server::sql("", "SHOW PROCESSLIST").to_lowercase().matches("sleep(2)").count() == 0 {
        assert!(!making.is_finished(), "the mask was not seen at work");
        assert_eq!(rights(), before, "while it is made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rights(), before, "while it is masked");
    making.await.unwrap();
    let clone = format!("{}_qa", shop.database());
    let user = Some((shop.database(), "secret"));
    let read = server::try_sql_as(&clone, user, "SELECT name FROM parents");
    assert_eq!(read.unwrap(), "nobody\n");
    assert_eq!(rights(), before + 2);
    shop.migrator().clone_refresh(shop.address(), "qa", None).await.unwrap();
    assert_eq!(rights(), before + 2);
    shop.migrator().clone_delete(shop.address(), "qa").await.unwrap();
    assert_eq!(rights(), before);
}
