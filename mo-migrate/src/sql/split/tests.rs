use proptest::prelude::*;

use Dialect::{MatrixOne, MySql, Postgres, Sqlite};

use super::*;

fn statements(text: &str, dialect: Dialect) -> Vec<&str> {
    split(text, dialect)
        .unwrap_or_else(|problem| panic!("{problem}: {text}"))
        .into_iter()
        .filter_map(|piece| text.get(piece.statement?))
        .collect()
}

/// Each text must come out as it is: one statement.
#[track_caller]
fn one(dialect: Dialect, statement: &str) {
    let text = format!("SELECT 0; {statement} ; SELECT 9");
    assert_eq!(statements(&text, dialect), ["SELECT 0", statement, "SELECT 9"]);
    assert_eq!(statements(statement, dialect), [statement]);
}

#[test]
fn blanks_comments_and_lone_terminators_are_no_statements() {
    for text in ["", " \n", ";;", "-- a;b\n", "/* a; */;", "-- a"] {
        assert_eq!(statements(text, Sqlite), [""; 0], "{text:?}");
    }
    let text = "-- one\nSELECT 1 -- two\n; /* three */ SELECT 2 /* four */";
    assert_eq!(statements(text, Sqlite), ["SELECT 1", "SELECT 2"]);
}

#[test]
fn a_terminator_in_quotes_or_a_comment_ends_nothing() {
    one(Sqlite, "SELECT ';', \";\", `;`, [;] /* ; */ -- ;\n FROM t");
    one(MatrixOne, "SELECT 'a\\';', \";\", `;` # ;\n // ;\n FROM t");
    one(Postgres, "DO $x$ BEGIN; $$ END; $x$");
}

#[test]
fn a_sqlite_trigger_ends_as_sqlite_says() {
    one(
        Sqlite,
        "CREATE TRIGGER a AFTER INSERT ON t BEGIN UPDATE t SET x = CASE WHEN 1 THEN 2 END; END",
    );
    one(
        Sqlite,
        "create temp trigger a after update on t begin select 1; -- x\n select new.end; end",
    );
    one(Sqlite, "EXPLAIN QUERY PLAN CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END");
    one(
        Sqlite,
        "CREATE TRIGGER IF NOT EXISTS a AFTER INSERT ON t BEGIN INSERT INTO x(begin) VALUES (1); END",
    );
    one(Sqlite, "CREATE TABLE trigger_log (a)");
    one(Sqlite, "CREATE INDEX i ON t (end)");
}

#[test]
fn routines_of_the_mysql_family_keep_their_bodies() {
    for dialect in [MySql, MatrixOne] {
        one(dialect, "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.x = IF(1, 2, 3)");
        one(
            dialect,
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW FOLLOWS b BEGIN SET NEW.end = 1; END",
        );
        one(
            dialect,
            "CREATE PROCEDURE p(IN x INT) BEGIN IF x THEN SELECT 1; ELSEIF 2 THEN BEGIN END; ELSE SELECT IF(1,2,3); END IF; END",
        );
        one(dialect, "CREATE PROCEDURE p() IF 1 THEN SELECT 1; END IF");
        one(
            dialect,
            "CREATE OR REPLACE PROCEDURE p() a: LOOP WHILE 1 DO LEAVE a; END WHILE; END LOOP a",
        );
        one(
            dialect,
            "CREATE PROCEDURE p() BEGIN REPEAT SET @x = REPEAT('a', 2); UNTIL @x END REPEAT; END",
        );
        one(
            dialect,
            "CREATE PROCEDURE p() BEGIN CASE x WHEN 1 THEN SELECT CASE 1 WHEN 1 THEN IF(1,2,3) END; ELSE BEGIN END; END CASE; END",
        );
        one(
            dialect,
            "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR NOT FOUND BEGIN SELECT 1; END; SELECT 2; END",
        );
        one(
            dialect,
            "CREATE DEFINER=`a`@`b` FUNCTION f() RETURNS INT DETERMINISTIC BEGIN RETURN 1; END",
        );
        one(dialect, "CREATE FUNCTION f() RETURNS INT RETURN CASE WHEN 1 THEN 2 END");
        one(dialect, "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; END");
        one(dialect, "CREATE PROCEDURE IF NOT EXISTS p() SELECT 1");
        one(dialect, "/*!50003 CREATE TRIGGER a BEGIN x; END */");
    }
    one(MatrixOne, "CREATE FUNCTION f() RETURNS INT LANGUAGE python AS $$ a; b $$ HANDLER 'f'");
    one(
        Postgres,
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END",
    );
    one(Postgres, "CREATE TRIGGER a AFTER INSERT ON t EXECUTE FUNCTION f()");
}

#[test]
fn a_delimiter_that_begins_a_longer_word_is_not_read_for_ever() {
    let text = "DELIMITER $g\nSELECT a$gold, $gold $g\nSELECT 2$g";
    assert_eq!(statements(text, MySql), ["SELECT a$gold, $gold", "SELECT 2"]);
}

#[test]
fn a_delimiter_of_the_files_own_is_followed() {
    for dialect in [Sqlite, MatrixOne, MySql, Postgres] {
        let text = "SELECT 1;\n  delimiter //\nBEGIN a; END//\nSELECT ';//'//\nDELIMITER ;\nSELECT 2; SELECT 3";
        let expected = ["SELECT 1", "BEGIN a; END", "SELECT ';//'", "SELECT 2", "SELECT 3"];
        assert_eq!(statements(text, dialect), expected, "{dialect:?}");
        let text = "DELIMITER $$\nBEGIN a; END$$\nDELIMITER ;\nSELECT 2";
        assert_eq!(statements(text, dialect), ["BEGIN a; END", "SELECT 2"], "{dialect:?}");
    }
    assert_eq!(statements("DELIMITER go\nSELECT gold\ngo\n", MySql), ["SELECT gold"]);
    one(Sqlite, "CREATE TABLE t (\n  delimiter TEXT\n)");
}

#[test]
fn what_is_not_closed_is_shown_where_it_began() {
    for (dialect, text, at, message, help) in [
        (Sqlite, "a;\n 'b;", 4, "this string is not closed", "add `'` where it ends"),
        (Sqlite, "a \"b", 2, "this name is not closed", "add `\"`"),
        (Sqlite, "a [b", 2, "this name is not closed", "add `]`"),
        (MySql, "a `b", 2, "this name is not closed", "add `` ` ``"),
        (Sqlite, "a /* b", 2, "this comment is not closed", "add `*/`"),
        (Postgres, "/* /* */", 0, "this comment is not closed", "add `*/`"),
        (Postgres, "a $x$ b", 2, "this string is not closed", "add `$x$`"),
        (Postgres, "a e'b", 2, "this string is not closed", "add `'`"),
        (MatrixOne, "/*! a", 0, "this comment is not closed", "add `*/`"),
        (
            Sqlite,
            "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; ",
            7,
            "this body has no end",
            "END;",
        ),
        (MySql, "CREATE PROCEDURE p() BEGIN SELECT 1;", 21, "this body has no end", "END;"),
        (Sqlite, "a;\nDELIMITER \nb", 3, "this DELIMITER has no text", "DELIMITER //"),
        (Sqlite, "SELECT '\0'", 8, "the text has a NUL character", "UTF-8"),
    ] {
        let problem = split(text, dialect).unwrap_err();
        assert_eq!((problem.span.start, problem.message.as_str()), (at, message), "{text:?}");
        assert!(
            problem.help.as_deref().unwrap_or_default().contains(help),
            "{text:?}: {problem:?}"
        );
    }
}

#[test]
fn comments_inside_of_statements_are_told_too() {
    let scan = scan("-- a\nSELECT /* b */ '-- c'; -- d", Sqlite).unwrap();
    assert_eq!(scan.comments, [0..4, 12..19, 28..32]);
}

/// Texts of the pieces that a splitter trips over.
fn hostile() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "CREATE",
        "TRIGGER",
        "PROCEDURE",
        "BEGIN",
        "END",
        "CASE",
        "IF",
        "THEN",
        "LOOP",
        "DELIMITER",
        "//",
        "$$",
        ";",
        "'",
        "\"",
        "`",
        "[",
        "]",
        "/*",
        "*/",
        "/*!",
        "--",
        "#",
        "\n",
        " ",
        "é",
        "{{",
        "}}",
        "\\",
        "x",
        "(",
        ")",
        "\r",
        "UNTIL",
        "\u{feff}",
    ]);
    prop::collection::vec(word, 0..30).prop_map(|words| words.join(" ").replace(" \n ", "\n"))
}

proptest! {
    #[test]
    fn pieces_joined_are_the_text(text in hostile(), which in 0usize..4) {
        let dialect = [Sqlite, MatrixOne, MySql, Postgres][which];
        match split(&text, dialect) {
            Ok(pieces) => {
                let joined: String = pieces.iter().map(|piece| &text[piece.whole.clone()]).collect();
                prop_assert_eq!(&joined, &text);
                for piece in pieces {
                    let Some(statement) = piece.statement else { continue };
                    prop_assert!(piece.whole.start <= statement.start && statement.end <= piece.whole.end);
                    prop_assert_eq!(text[statement.clone()].trim(), &text[statement]);
                }
            }
            Err(problem) => prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem),
        }
    }

    #[test]
    fn any_text_is_split_or_refused(text in any::<String>(), which in 0usize..4) {
        let dialect = [Sqlite, MatrixOne, MySql, Postgres][which];
        if let Ok(pieces) = split(&text, dialect) {
            prop_assert_eq!(pieces.iter().map(|piece| piece.whole.len()).sum::<usize>(), text.len());
        }
    }
}

/// A quadratic lexer would need minutes for these.
#[test]
fn hostile_text_is_read_in_one_go() {
    for unit in [
        "{",
        "$a",
        "[",
        "/*",
        "'",
        "a ",
        "\"",
        "--\n",
        ";",
        "(",
        "$",
        "{{a}",
        "CASE ",
        "DELIMITER x\n",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        for dialect in [Sqlite, MatrixOne, Postgres] {
            let _ = split(&text, dialect);
            let routine = format!("CREATE PROCEDURE p() BEGIN {text}");
            let _ = split(&routine, dialect);
        }
    }
}
