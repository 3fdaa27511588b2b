//! `snapshot`.

use crate::shop::Shop;

fn created(shop: &Shop) -> String {
    let document = shop.run("snapshot create --purpose before_lunch --format json").ends(0).json();
    document["name"].as_str().unwrap().to_owned()
}

#[test]
fn a_snapshot_is_made_listed_shown_and_verified() {
    let shop = Shop::open();
    let name = created(&shop);
    assert!(name.starts_with("before_lunch"), "{name}");
    assert!(shop.run("snapshot list").ends(0).out.contains(&name));
    let listed = shop.run("snapshot list --format json").ends(0).json();
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 2, "{listed}");
    assert!(shop.run(&format!("snapshot show {name}")).ends(0).out.contains("version  1"));
    let verified = shop.run(&format!("snapshot verify {name} --format json")).ends(0).json();
    assert_eq!(verified["verified"], true);
    let ran = shop.run(&format!("snapshot show {name}x")).ends(66);
    assert!(ran.err.contains(&format!("the nearest name is `{name}`")), "{}", ran.err);
}

#[test]
fn a_pinned_snapshot_is_not_deleted() {
    let shop = Shop::open();
    let name = created(&shop);
    assert!(shop.run(&format!("snapshot pin {name}")).ends(0).out.contains("pinned"));
    shop.run(&format!("snapshot delete {name} --yes")).ends(5);
    shop.run(&format!("snapshot unpin {name}")).ends(0);
    let ran = shop.run(&format!("snapshot delete {name}")).ends(5);
    assert!(ran.err.contains(&format!("snapshot delete {name} --yes")), "{}", ran.err);
    shop.run(&format!("snapshot delete {name} --yes")).ends(0);
    shop.run(&format!("snapshot show {name}")).ends(66);
}

#[test]
fn prune_deletes_what_is_over_its_time_alone() {
    let shop = Shop::open();
    assert!(shop.run("snapshot prune").ends(0).out.starts_with("nothing to delete"));
    let document = shop.run("snapshot create --keep 0s --format json").ends(0).json();
    let name = document["name"].as_str().unwrap();
    let ran = shop.run("snapshot prune").ends(5);
    assert!(ran.err.contains(name), "{}", ran.err);
    let pruned = shop.run("snapshot prune --yes --format json").ends(0).json();
    assert_eq!(pruned["deleted"], serde_json::json!([name]));
    assert!(
        shop.run("snapshot list").ends(0).out.contains("pre_upgrade_v1_"),
        "the run's own is kept"
    );
}

#[test]
fn single_tables_come_back_from_a_snapshot_of_all() {
    let shop = Shop::open();
    let name = created(&shop);
    shop.sql("DELETE FROM products WHERE id = 1");
    let asked = shop.run(&format!("restore {name} --tables products")).ends(5);
    assert!(asked.err.contains("version 1: the history stays as it is"), "{}", asked.err);
    assert!(
        asked.err.contains(&format!("restore {name} --tables products --yes")),
        "{}",
        asked.err
    );
    shop.run(&format!("restore {name} --tables products --yes")).ends(0);
    assert_eq!(shop.sql("SELECT count(*) FROM products"), "3");
    let ran = shop.run(&format!("restore {name} --tables product --yes")).ends(66);
    assert!(ran.err.contains("the nearest name is `products`"), "{}", ran.err);
}

#[test]
fn a_snapshot_of_a_file_is_of_all_of_it() {
    let shop = Shop::open();
    let ran = shop.run("snapshot create --tables products").ends(5);
    assert!(ran.err.contains("restore SNAPSHOT --tables products"), "{}", ran.err);
    assert!(shop.run("snapshot create --level account").ends(5).err.contains("no account"));
    shop.run("snapshot create --level database").ends(0);
    shop.run("snapshot create --tables a,b").ends(64);
    shop.run("snapshot create --tables a --level database").ends(64);
    assert!(shop.run("snapshot list").ends(0).out.contains("  database  "));
}

#[test]
fn a_snapshot_that_cannot_be_read_is_named_and_leaves_no_clone() {
    let shop = Shop::open();
    let name = created(&shop);
    let file = shop.path(&format!("app.db.mo-migrate/snapshots/{name}.db"));
    let whole = std::fs::read(&file).unwrap();
    for bad in [&b"this is no database at all, and never was one"[..], &whole[..whole.len() / 3]] {
        std::fs::write(&file, bad).unwrap();
        let ran = shop.run(&format!("snapshot verify {name}")).ends(3);
        assert!(ran.err.contains(&format!("snapshot `{name}` does not verify")), "{}", ran.err);
        let files =
            std::fs::read_dir(shop.path(".")).unwrap().map(|file| file.unwrap().file_name());
        let left = files.filter(|name| name.to_string_lossy().contains("verify"));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
    }
}
