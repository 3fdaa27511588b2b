//! Names that are not there, answered with those that are.

use std::path::Path;

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
        ([], n) => format!("there are {n} {all}"),
    })
}

/// Says which file of the same folder was meant, where one is called nearly so.
pub(crate) fn with_neighbour(error: Error, path: &Path) -> Error {
    match neighbour(path) {
        Some(near) => error.because(format!("the nearest name there is `{near}`")),
        None => error,
    }
}

fn neighbour(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(".".as_ref())).ok()?;
    let names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    sql::nearest(path.file_name()?.to_str()?, &names).map(ToOwned::to_owned)
}
