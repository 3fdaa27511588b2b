//! The macros of mo-migrate; they are used through that crate, which describes them.
//!
//! Each one goes through the same stages: tokens become types of our own (`attr`, `set`), all
//! rules are checked on those (`valid`), and then they are expanded (`expand`). After an error the
//! `fallback` stands in, so that one mistake is one message.

mod args;
mod attr;
mod check;
mod dir;
mod duration;
mod errors;
mod expand;
mod expand_check;
mod fallback;
mod names;
mod nearest;
mod ready;
mod set;
mod tokens;
mod valid;
mod valid_set;

use proc_macro::TokenStream;
use syn::ItemFn;

use attr::{MigrationArgs, ValidatorArgs};
use errors::Errors;
use set::Set;

/// Makes an `async fn` a migration.
///
/// `version = 2` has to be there. The others are `name = "…"` (else the function's own),
/// `down = "path"` (from the directory of `Cargo.toml`), `transaction` or `no_transaction`,
/// `tables("a", "b")`, `rebuilds`, `rehearsable` and `checks(…)`.
///
/// The function stays as it is. Beside it comes an empty enum of the same name, which carries the
/// definition and so lets `migrations!` find it by the function's path.
#[proc_macro_attribute]
pub fn migration(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => return fallback::item(&item, "migration", &error).into(),
    };
    let mut errors = Errors::default();
    let args = MigrationArgs::read(args.into(), &mut errors);
    valid::function(&function, "migration", &mut errors);
    valid::migration(&args, &function, &mut errors);
    match errors.finish() {
        Ok(()) => expand::migration(&args, &function, &item).into(),
        Err(error) => fallback::migration(&args, &function, &item, &error).into(),
    }
}

/// Makes an `async fn` a validator.
///
/// It runs before the commit; `after` puts it behind the commit, `snapshot` on the clone of the
/// snapshot. `timeout = "30s"` limits it, and `name = "…"` is what reports call it.
#[proc_macro_attribute]
pub fn validator(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => return fallback::item(&item, "validator", &error).into(),
    };
    let mut errors = Errors::default();
    let args = ValidatorArgs::read(args.into(), &mut errors);
    valid::function(&function, "validator", &mut errors);
    match errors.finish() {
        Ok(()) => expand::validator(&args, &function, &item).into(),
        Err(error) => fallback::validator(&function, &item, &error).into(),
    }
}

/// The migrations of an application: directories of SQL files and functions, in one ordered list.
///
/// `migrations!("migrations", add_category, "more" { 3: checks(x) })`. A directory is looked up
/// from that of `Cargo.toml`; `migrations!()` is `migrations!("migrations")`.
#[proc_macro]
pub fn migrations(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let set = Set::read(input.into(), &mut errors);
    let directories = valid_set::directories(&set, &dir::manifest_dir(), &mut errors);
    match errors.finish() {
        Ok(()) => expand::set(&set, &directories).into(),
        Err(error) => fallback::set(&error).into(),
    }
}
