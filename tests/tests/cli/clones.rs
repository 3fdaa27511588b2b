//! `clone`, and `restore --into`.

use crate::shop::Shop;

#[test]
fn an_environment_is_made_listed_made_anew_and_removed() {
    let shop = Shop::open();
    assert_eq!(shop.run("clone list").ends(0).out, "no clones\n");
    let mask = shop.path("mask.sql");
    std::fs::write(&mask, "UPDATE products SET name = 'nobody';\n").unwrap();
    let made = shop.run("clone create qa --expires 3d --mask mask.sql").ends(0);
    for words in
        ["made `qa`", "sqlite:app_qa.db", "by mask.sql, sha256:", "--url sqlite:app_qa.db status"]
    {
        assert!(made.out.contains(words), "{words}: {}", made.out);
    }
    assert!(
        shop.run("--url sqlite:app_qa.db status").ends(0).out.contains("version"),
        "it is a database"
    );
    let listed = shop.run("clone list --format json").ends(0).json();
    assert_eq!(listed["clones"][0]["address"], "sqlite:app_qa.db", "{listed}");
    assert!(shop.run("clone list").ends(0).out.contains("until 2"));

    let taken = shop.run("clone create qa").ends(5);
    assert!(taken.err.contains("clone refresh qa"), "{}", taken.err);
    let asked = shop.run("clone refresh qa").ends(5);
    assert!(asked.err.contains("clone refresh qa --yes"), "{}", asked.err);
    shop.run("clone refresh qa --yes").ends(0);
    let asked = shop.run("clone delete qa").ends(5);
    assert!(asked.err.contains("clone delete qa --yes"), "{}", asked.err);
    let wrong = shop.run("clone delete qq --yes").ends(66);
    assert!(wrong.err.contains("the nearest name is `qa`"), "{}", wrong.err);
    shop.run("clone delete qa --yes").ends(0);
    assert!(!shop.path("app_qa.db").exists() && !shop.path("app_qa.db.mo-migrate").exists());
    assert_eq!(shop.sql("SELECT count(*) FROM products WHERE name = 'nobody'"), "0");
}

#[test]
fn wrong_words_of_a_clone_are_named() {
    let shop = Shop::open();
    let before = shop.files();
    for (words, code, says) in [
        ("clone create QA", 64, "small letters"),
        ("clone create qa_new", 64, "small letters"),
        ("clone create qa --expires soon", 64, "soon"),
        ("clone create qa --expires 0s", 64, "over its time at once"),
        ("clone create qa --mask nowhere.sql", 5, "nowhere.sql"),
        ("clone create qa --from run_x", 66, "there is no snapshot or run `run_x`"),
        ("clone refresh qa --yes", 66, "there are no clones"),
        ("restore --into ../other.db", 64, "without its folder"),
        ("restore --into app.db", 5, "there is a database `app.db` already"),
    ] {
        let ran = shop.run(words).ends(code);
        assert!(ran.err.contains(says), "{words}: {}", ran.err);
    }
    let names = |files: &[(std::path::PathBuf, Vec<u8>)]| -> Vec<std::path::PathBuf> {
        files.iter().map(|(path, _)| path.clone()).collect()
    };
    assert_eq!(names(&shop.files()), names(&before), "nothing is left");
}

/// The nearest name was another clone's.
#[test]
fn a_clone_that_is_called_by_its_database_is_named() {
    let shop = Shop::open();
    for name in ["qa", "app_qa_2"] {
        shop.run(&format!("clone create {name}")).ends(0);
    }
    for words in ["clone delete app_qa.db --yes", "clone refresh app_qa.db --yes"] {
        let wrong = shop.run(words).ends(66);
        let says = "the database `app_qa.db` is the clone `qa`";
        assert!(wrong.err.contains(says) && !wrong.err.contains("app_qa_2"), "{}", wrong.err);
    }
    let wrong = shop.run("restore --from-clone app_qb.db --yes").ends(66);
    assert!(!wrong.err.contains("say `"), "{}", wrong.err);
}

#[test]
fn nothing_is_made_beside_a_database_that_is_not_there() {
    let shop = Shop::open();
    let before = shop.files().len();
    for words in ["clone create qa", "clone list", "clone delete qa --yes", "snapshot create"] {
        let ran = shop.run(&format!("--url sqlite:nowhere.db {words}"));
        assert_ne!(ran.code == 0, words != "clone list", "{words}: {}", ran.err);
        assert_eq!(shop.files().len(), before, "{words}");
        assert!(!shop.path("nowhere.db.mo-migrate").exists(), "{words}");
    }
}

#[test]
fn expired_clones_are_shown_and_go_with_prune() {
    let shop = Shop::open();
    shop.run("clone create old --expires 1ms").ends(0);
    shop.run("clone create qa").ends(0);
    assert!(shop.run("clone list").ends(0).out.contains("expired since"));
    let asked = shop.run("snapshot prune").ends(5);
    assert!(asked.err.contains("app_old.db") && !asked.err.contains("app_qa.db"), "{}", asked.err);
    let pruned = shop.run("snapshot prune --yes --format json").ends(0).json();
    assert_eq!(pruned["clones"], serde_json::json!(["old"]), "{pruned}");
    assert!(!shop.path("app_old.db").exists() && shop.path("app_qa.db").exists());
}

#[test]
fn a_restore_is_tried_in_a_database_of_its_own() {
    let shop = Shop::open();
    shop.write("2_more.sql", "DELETE FROM products WHERE id = 1;");
    shop.run("up").ends(0);
    let made = shop.run("restore --into test.db").ends(0);
    assert!(made.out.contains("sqlite:test.db"), "{}", made.out);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "2", "the database is as it was");
    let status = shop.run("--url sqlite:test.db status --format json").ends(0).json();
    assert_eq!(status["version"], 1, "{status}");
}

#[test]
fn what_was_tried_is_shown_and_comes_back() {
    let shop = Shop::open();
    shop.write("2_more.sql", "DELETE FROM products WHERE id = 1;");
    shop.run("up").ends(0);
    let made = shop.run("restore --into test.db").ends(0);
    assert!(made.out.contains("restore --from-clone test.db"), "{}", made.out);
    let asked = shop.run("restore --from-clone test.db").ends(5);
    for words in
        ["nothing was changed in it", "products: 1 row more", "restore --from-clone test.db --yes"]
    {
        assert!(asked.err.contains(words), "{words}: {}", asked.err);
    }
    assert!(!shop.run("snapshot list").ends(0).out.contains("from_clone"), "only looked at");
    let done = shop.run("restore --from-clone test.db --yes").ends(0);
    assert!(done.last_line().contains("restored"), "{}", done.out);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
    shop.run("restore --from-clone nowhere.db").ends(66);
    shop.run("clone create qa").ends(0);
    let ran = shop.run("restore --from-clone qa --yes").ends(5);
    assert!(ran.err.contains("may be masked"), "{}", ran.err);
    shop.run("restore --from-clone test.db --into x.db").ends(64);
}

#[test]
fn a_database_with_clones_is_not_dropped() {
    let shop = Shop::open();
    shop.run("clone create qa").ends(0);
    let ran = shop.run("database drop --yes").ends(5);
    assert!(ran.err.contains("clone delete qa --yes"), "{}", ran.err);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
    shop.run("clone delete qa --yes").ends(0);
    shop.run("database drop --yes").ends(0);
}

/// The question looked for it among our own alone.
#[test]
fn a_clone_is_made_anew_from_a_snapshot_that_others_made() {
    let shop = Shop::open();
    shop.run("clone create qa").ends(0);
    let theirs = shop.path("app.db.mo-migrate/snapshots/theirs.db");
    std::fs::copy(shop.path("app.db"), theirs).unwrap();
    shop.sql("DELETE FROM products");
    let ran = shop.run("clone refresh qa --from theirs --yes").ends(0);
    assert!(ran.out.contains("made from  theirs"), "{}", ran.out);
}
