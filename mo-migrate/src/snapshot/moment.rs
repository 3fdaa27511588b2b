//! A moment of a server's past in the place of a snapshot: it has a name, by which all that reads a
//! snapshot reads it, and nothing keeps it from being collected.

use jiff::Timestamp;

/// What its name begins with; no snapshot of ours has a blank in its name.
const BEGINS: &str = "at ";

/// What the ledger calls it in the place of a purpose.
pub(crate) const MOMENT: &str = "moment";

/// The name of a moment, in nanoseconds since 1970.
pub(crate) fn moment_name(at: i64) -> String {
    match Timestamp::from_nanosecond(at.into()) {
        Ok(at) => format!("{BEGINS}{at}"),
        Err(_) => format!("{BEGINS}{at}"),
    }
}

/// The moment as it is typed, without the run's ending; none for a snapshot's name.
pub(crate) fn typed_moment(name: &str) -> Option<&str> {
    moment_of(name)?;
    name.strip_prefix(BEGINS)?.split(' ').next()
}

/// The same for one run: two databases of a server may go back to one moment.
pub(crate) fn moment_of_run(name: &str, run: &str) -> String {
    let ending = run.rsplit('_').next().unwrap_or(run);
    format!("{name} {ending}")
}

/// The moment that this name stands for; none for a snapshot's.
pub(crate) fn moment_of(name: &str) -> Option<i64> {
    let at: Timestamp = name.strip_prefix(BEGINS)?.split(' ').next()?.parse().ok()?;
    i64::try_from(at.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_found_in_its_name_to_the_nanosecond() {
        for at in [1_795_366_325_195_211_007, 1_795_366_325_000_000_000, 0] {
            let name = moment_name(at);
            assert_eq!(moment_of(&name), Some(at));
            let of_run = moment_of_run(&name, "run_v1_20261122_165205_7f3a");
            assert_eq!(moment_of(&of_run), Some(at));
            assert_eq!(typed_moment(&of_run), name.strip_prefix("at "));
        }
        assert_eq!(moment_name(1_795_366_325_250_000_000), "at 2026-11-22T16:52:05.25Z");
        for name in ["pre_upgrade_v2_20261122", "at noon", "2026-11-22T16:52:05Z", ""] {
            assert_eq!(moment_of(name), None, "{name}");
        }
    }
}
