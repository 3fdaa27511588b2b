//! Where the example's databases are.

/// The database where `DATABASE_URL` names none, beside what cargo builds.
pub const DEFAULT: &str = "sqlite:target/products.db";

/// The address that `DATABASE_URL` gives, else [`DEFAULT`].
#[must_use]
pub fn chosen() -> String {
    std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()).unwrap_or_else(default)
}

/// [`DEFAULT`], with its folder made: cargo may build elsewhere.
#[must_use]
pub fn default() -> String {
    // Where it can't be made, opening the database says why.
    let _ = std::fs::create_dir_all("target");
    DEFAULT.to_owned()
}

/// The address of a database beside this one: `sqlite:shop.db` and `_demo` give
/// `sqlite:shop_demo.db`, `matrixone://root@host:6001/shop` gives `matrixone://root@host:6001/shop_demo`.
#[must_use]
pub fn beside(address: &str, ending: &str) -> String {
    let (place, options) = match address.find('?') {
        Some(at) => address.split_at(at),
        None => (address, ""),
    };
    let name = place.rfind(['/', ':']).map_or(0, |at| at + 1);
    let dot = place[name..].rfind('.').filter(|at| *at > 0 && is_file(address));
    let (stem, extension) = dot.map_or((place, ""), |at| place.split_at(name + at));
    format!("{stem}{ending}{extension}{options}")
}

/// The same address as sqlx writes it, to which MatrixOne is a MySQL.
#[must_use]
pub fn of_sqlx(address: &str) -> String {
    address
        .strip_prefix("matrixone:")
        .map_or_else(|| address.to_owned(), |rest| format!("mysql:{rest}"))
}

/// Whether the database is a file of SQLite; else it is a name on a server.
#[must_use]
pub fn is_file(address: &str) -> bool {
    address.starts_with("sqlite:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_stands_before_the_extension_and_the_options() {
        for (address, wanted) in [
            ("sqlite:target/products.db", "sqlite:target/products_demo.db"),
            ("sqlite:shop", "sqlite:shop_demo"),
            ("sqlite:./v1.2/shop?mode=rwc", "sqlite:./v1.2/shop_demo?mode=rwc"),
            ("sqlite:.hidden", "sqlite:.hidden_demo"),
            ("sqlite://shop.db?mode=rwc", "sqlite://shop_demo.db?mode=rwc"),
            ("matrixone://root@host:6001/shop", "matrixone://root@host:6001/shop_demo"),
            (
                "mysql://a:b@host/shop?ssl-ca=/etc/ca.pem",
                "mysql://a:b@host/shop_demo?ssl-ca=/etc/ca.pem",
            ),
            ("matrixone://host/shop.v1", "matrixone://host/shop.v1_demo"),
        ] {
            assert_eq!(beside(address, "_demo"), wanted);
        }
    }

    #[test]
    fn only_the_engine_has_another_name_in_sqlx() {
        for (address, wanted) in [
            ("sqlite:matrixone:.db", "sqlite:matrixone:.db"),
            ("matrixone://root@host:6001/shop?a=b", "mysql://root@host:6001/shop?a=b"),
            ("mysql://root@host/shop", "mysql://root@host/shop"),
        ] {
            assert_eq!(of_sqlx(address), wanted);
        }
    }
}
