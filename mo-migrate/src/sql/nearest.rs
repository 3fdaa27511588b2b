//! The known word that somebody meant.

/// The word of `known` that differs from `word` in at most a third of its letters.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many words are offered at once.
const MOST: usize = 3;

/// The words of `known` that somebody may have meant, the nearest first and few: those that differ in
/// some letters, then those that `word` is a part of.
#[must_use]
pub fn nearest_few<'a>(word: &str, known: &[&'a str]) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let rank = |candidate: &str| {
        let lower = candidate.to_lowercase();
        let far = distance(&word, &lower);
        if far <= candidate.len().div_ceil(3).min(3) {
            return Some((0, far));
        }
        lower.find(&word).filter(|_| word.chars().count() > 2).map(|at| (1, at))
    };
    let ranked = known.iter().filter_map(|candidate| Some((rank(candidate)?, *candidate)));
    let mut found: Vec<_> = ranked.collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.dedup_by_key(|(_, candidate)| *candidate);
    found.into_iter().take(MOST).map(|(_, candidate)| candidate).collect()
}

/// Whether `word` is `known` with one letter too many, too few or wrong.
#[must_use]
pub fn is_slip(word: &str, known: &str) -> bool {
    distance(&word.to_lowercase(), known) == 1
}

/// How many letters must be put in, taken out or changed (Levenshtein).
///
/// Words above 64 letters are far from everything: the product of two lengths has a limit so.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(65).collect(), b.chars().collect());
    if a.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["transaction", "no-transaction", "tables", "allow"];
        assert_eq!(nearest("no_transaction", &known), Some("no-transaction"));
        assert_eq!(nearest("Transacton", &known), Some("transaction"));
        assert_eq!(nearest("table", &known), Some("tables"));
        assert_eq!(nearest("timeout", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
    }

    #[test]
    fn a_part_of_a_name_is_understood_behind_a_slip() {
        let known = ["pre_upgrade_v2_20261122", "import_v2_20261123", "orders", "order"];
        assert_eq!(nearest_few("20261122", &known), ["pre_upgrade_v2_20261122"]);
        assert_eq!(nearest_few("_v2_", &known), [known[1], known[0]]);
        assert_eq!(nearest_few("ordrs", &known), ["orders", "order"]);
        assert_eq!(nearest_few("v2", &known), Vec::<&str>::new());
    }

    #[test]
    fn a_slip_is_one_letter() {
        assert!(is_slip("Checks", "check") && is_slip("chek", "check"));
        assert!(!is_slip("check", "check") && !is_slip("comment", "command"));
    }

    #[test]
    fn the_distance_is_levenshteins() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
