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
/// `sqlite:shop_demo.db`.
#[must_use]
pub fn beside(address: &str, ending: &str) -> String {
    let (place, options) = match address.find('?') {
        Some(at) => address.split_at(at),
        None => (address, ""),
    };
    let name = place.rfind(['/', ':']).map_or(0, |at| at + 1);
    let (stem, extension) = match place[name..].rfind('.').filter(|at| *at > 0) {
        Some(at) => place.split_at(name + at),
        None => (place, ""),
    };
    format!("{stem}{ending}{extension}{options}")
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
        ] {
            assert_eq!(beside(address, "_demo"), wanted);
        }
    }
}
