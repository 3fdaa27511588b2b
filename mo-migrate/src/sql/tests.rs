use proptest::prelude::*;

use super::*;

const ALL: [Dialect; 4] = [Dialect::Sqlite, Dialect::MatrixOne, Dialect::MySql, Dialect::Postgres];

/// Asks every question about one statement.
fn ask(text: &str) -> Result<(), TestCaseError> {
    for dialect in ALL {
        if let Some(span) = transaction_control(text, dialect) {
            prop_assert!(text.get(span).is_some());
        }
        let _ = (drops_tables(text, dialect), pragma(text, dialect), is_read_only(text, dialect));
        let _ = (needs_no_transaction(text, dialect), reaches_outside(text, dialect));
        let _ = (breaks_the_lock(text, dialect), names_no_database(text, dialect));
        let _ = (writes_to(text, dialect, "a"), writes_elsewhere(text, dialect, "a"));
        let _ = fits_in_transaction_of_its_own(text, dialect);
        let _ = mixes_in_transaction(&[text, text], dialect);
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_a_question_fail(text in "([;('\"`,.=@/*!-]|\\PC| |DROP|TABLE|SET|WITH|PRAGMA|EXPLAIN|INTO){0,12}") {
        ask(&text)?;
    }

    #[test]
    fn no_words_make_a_question_fail(text in "((CREATE|ALTER|DROP|UPDATE|DELETE|INSERT|GRANT|RENAME|FROM|JOIN|USING|TABLE|VIEW|INDEX|ON|TO|AS|SET|SELECT|REFERENCES|IF EXISTS|nextval|a|b|`c`|'d'|[(),.;*{}=]|/\\*!|\\*/) ?){0,14}") {
        ask(&text)?;
    }

    /// What a rehearsal may run touches nothing that is elsewhere.
    #[test]
    fn a_rehearsal_stays_in_its_database(text in "(DROP TABLE|DELETE FROM|UPDATE|INSERT INTO|TRUNCATE|DELETE a FROM) ((a|b|shop|`shop`|,|JOIN|USING|AS|SET|[().=]|SELECT|FROM|VALUES) ?){1,9}") {
        if names_no_database(&text, Dialect::MatrixOne).is_ok() {
            prop_assert_eq!(writes_elsewhere(&text, Dialect::MatrixOne, "other"), None);
            prop_assert!(!writes_to(&text, Dialect::MatrixOne, "other").unknown);
        }
    }
}
