//! Names in SQL: always quoted.

use super::Dialect;

impl Dialect {
    /// A name as this dialect quotes it, so that no name is ever read as anything else.
    #[must_use]
    pub fn quote(self, name: &str) -> String {
        if self.double_quoted_strings() {
            format!("`{}`", name.replace('`', "``"))
        } else {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    }
}
