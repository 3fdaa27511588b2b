//! Names that are not there, answered with those that are.

use crate::error::Error;
use crate::sql;

/// So many are listed where none is near.
const LISTED: usize = 5;

/// Says which name was meant. `one` is what such a name is called, `all` what it is a name of.
pub(crate) fn with_nearest(
    error: Error,
    wanted: &str,
    known: &[&str],
    [one, all]: [&str; 2],
) -> Error {
    let near = sql::nearest_few(wanted, known);
    error.because(match (near.as_slice(), known.len()) {
        ([near], _) => format!("the nearest {one} is `{near}`"),
        ([first, others @ ..], _) => {
            format!("the nearest {one}s are `{first}` and `{}`", others.join("`, `"))
        }
        ([], 0) => format!("there are no {all}"),
        ([], n) if n <= LISTED => format!("there are {}", known.join(", ")),
        ([], n) => format!("there are {n}"),
    })
}
