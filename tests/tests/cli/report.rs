//! `report`: a run told to somebody who was not there.

use crate::shop::{LOSES_ONE, NONE_LOST, Shop};

/// A shop whose second migration failed after its commit.
fn shop() -> Shop {
    let shop = Shop::open();
    shop.write("2_enhance.sql", LOSES_ONE);
    shop.write("2_enhance.check.sql", &NONE_LOST.replace("-- check:", "-- check(after):"));
    shop.run("up").ends(2);
    shop
}

#[test]
fn the_last_run_is_told_with_its_outcome_first() {
    let shop = shop();
    let ran = shop.run("report").ends(0);
    assert!(ran.out.starts_with("restored: version 1; "), "{}", ran.out);
    for part in
        ["MM0204", "no product is lost", "Mechanical Keyboard", "+   category TEXT", "time line"]
    {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let document = shop.run("report --format json").ends(0).json();
    assert_eq!(document["outcome"], "restored");
    assert_eq!(document["report"]["checks"][0]["verdict"], "fail");
    let run = document["run"].as_str().unwrap();
    assert_eq!(shop.run(&format!("report {run}")).ends(0).out, ran.out);
    // The commands are those that work here.
    let command = document["next"][0]["command"].as_str().unwrap();
    let words = command.strip_prefix(crate::shop::PROGRAM).unwrap();
    shop.run(words).ends(1);
}

#[test]
fn what_is_kept_beside_a_database_is_not_replaced_by_a_report() {
    let shop = shop();
    let folder = std::fs::read_dir(shop.path("app.db.mo-migrate/snapshots")).unwrap();
    let snapshot = folder.map(|file| file.unwrap().path()).next().unwrap();
    std::fs::write(&snapshot, "").unwrap();
    for file in [snapshot, shop.path("app.db.mo-migrate/lock")] {
        let before = std::fs::read(&file).unwrap();
        let ran = shop.run(&format!("report --yes --output {}", file.display()));
        assert!(ran.code != 0 && ran.err.contains("kept beside a database"), "{}", ran.err);
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}

#[test]
fn a_hook_that_failed_is_a_line_of_the_report() {
    let shop = Shop::open();
    shop.write("2_more.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
    let ran = shop.run("up --hook after=false").ends(0);
    for text in [ran.out, shop.run("report").ends(0).out] {
        let line = text.lines().find(|line| line.contains("after") && line.contains("false"));
        assert!(line.is_some_and(|line| line.contains("failed")), "{text}");
    }
}

#[test]
fn a_page_is_one_document_on_standard_output_or_in_a_file() {
    let shop = shop();
    let ran = shop.run("report --format html").ends(0);
    assert!(ran.out.starts_with("<!DOCTYPE html>") && ran.out.ends_with("</html>"), "{}", ran.out);
    assert!(!ran.out.contains("<script"));
    let written = shop.run("report --format html --output run.html").ends(0);
    assert_eq!(written.out, "");
    assert!(written.err.contains("is in run.html"), "{}", written.err);
    assert_eq!(std::fs::read_to_string(shop.path("run.html")).unwrap(), ran.out);
    let text = shop.run("report --output run.txt").ends(0);
    assert!(text.err.contains("is in run.txt"), "{}", text.err);
    let text = std::fs::read_to_string(shop.path("run.txt")).unwrap();
    assert_eq!(text, shop.run("report").out);
}

#[test]
fn a_file_that_is_there_is_not_replaced_unasked_and_a_database_never() {
    let shop = shop();
    let before = std::fs::read(shop.path("app.db")).unwrap();
    for words in ["report --output app.db", "report --output app.db --yes"] {
        let ran = shop.run(words).ends(5);
        assert!(ran.err.contains("`app.db` is a database"), "{}", ran.err);
        assert!(std::fs::read(shop.path("app.db")).unwrap() == before);
    }
    shop.run("report --output run.txt").ends(0);
    let ran = shop.run("report --format json --output run.txt").ends(5);
    assert!(ran.err.contains("report --format json --output run.txt --yes`"), "{}", ran.err);
    shop.run("report --format json --output run.txt --yes").ends(0);
    let text = std::fs::read_to_string(shop.path("run.txt")).unwrap();
    assert!(text.starts_with('{'), "{text}");
    let ran = shop.run("report --output nowhere/run.txt");
    assert!(ran.err.contains("mkdir -p nowhere"), "{}", ran.err);
    assert!(ran.code != 0 && ran.err.contains("can't write `nowhere/run.txt`"), "{}", ran.err);
}

#[test]
fn a_run_that_is_not_there_is_no_report() {
    let shop = Shop::new(&[]);
    let ran = shop.run("report").ends(66);
    assert!(ran.err.contains("no run was made on this database yet"), "{}", ran.err);
    assert!(!shop.path("app.db").exists(), "a question makes no database");
    let shop = self::shop();
    let ran = shop.run("report run_v9").ends(66);
    assert!(ran.err.contains("there is no run `run_v9`"), "{}", ran.err);
}

/// It was looked into, to see whether it is a database.
#[test]
fn a_report_is_written_to_a_pipe_without_a_question() {
    let shop = Shop::open();
    let shown = shop.run("report --format json").ends(0).out;
    assert_eq!(shop.run("report --format json --output /dev/stdout").ends(0).out, shown);
}
