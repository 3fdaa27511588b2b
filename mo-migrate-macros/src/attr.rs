//! What `#[migration(…)]` and `#[validator(…)]` say, as types.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, LitInt, LitStr, Token, parenthesized, token};

use crate::check::{self, Check};
use crate::duration;
use crate::errors::Errors;
use crate::nearest::nearest;

const MIGRATION: [&str; 9] = [
    "version",
    "name",
    "down",
    "transaction",
    "no_transaction",
    "tables",
    "rebuilds",
    "rehearsable",
    "checks",
];
const VALIDATOR: [&str; 4] = ["after", "snapshot", "timeout", "name"];

/// Whether a migration says something about transactions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// It leaves it to the engine.
    #[default]
    Unsaid,
    /// `transaction`.
    Wanted,
    /// `no_transaction`.
    Unwanted,
}

/// The arguments of `#[migration]`.
#[derive(Default)]
pub(crate) struct MigrationArgs {
    /// `version = 2`.
    pub(crate) version: Option<i64>,
    /// `name = "…"`.
    pub(crate) name: Option<LitStr>,
    /// `down = "path"`.
    pub(crate) down: Option<LitStr>,
    /// `transaction` or `no_transaction`.
    pub(crate) transaction: Transaction,
    /// `tables("a", "b")`.
    pub(crate) tables: Vec<LitStr>,
    /// `rebuilds`.
    pub(crate) rebuilds: bool,
    /// `rehearsable`.
    pub(crate) rehearsable: bool,
    /// `checks(…)`.
    pub(crate) checks: Vec<Check>,
    /// The arguments that stood there, for the rules.
    pub(crate) said: Vec<Ident>,
}

impl MigrationArgs {
    /// Reads the arguments; what is wrong goes into `errors`.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let said = each(tokens, errors, |key, input, errors| {
            match key.to_string().as_str() {
                "version" => args.version = version(key, input, errors)?,
                "name" => args.name = text(key, input, errors)?,
                "down" => args.down = text(key, input, errors)?,
                "transaction" => args.transaction = Transaction::Wanted,
                "no_transaction" => args.transaction = Transaction::Unwanted,
                "tables" => args.tables = tables(key, input, errors)?,
                "rebuilds" => args.rebuilds = true,
                "rehearsable" => args.rehearsable = true,
                "checks" => args.checks = check::list(input, errors)?,
                _ => return Err(unknown(key, "migration", &MIGRATION)),
            }
            Ok(())
        });
        args.said = said;
        args
    }
}

/// When a validator runs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum When {
    /// Before the commit.
    #[default]
    Before,
    /// `after`.
    After,
    /// `snapshot`.
    Snapshot,
}

/// The arguments of `#[validator]`.
#[derive(Default)]
pub(crate) struct ValidatorArgs {
    /// `after` or `snapshot`.
    pub(crate) when: When,
    /// `timeout = "30s"`, in milliseconds.
    pub(crate) timeout: Option<u64>,
    /// `name = "…"`.
    pub(crate) name: Option<LitStr>,
}

impl ValidatorArgs {
    /// Reads the arguments; what is wrong goes into `errors`.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        each(tokens, errors, |key, input, errors| {
            match key.to_string().as_str() {
                "after" | "snapshot" if args.when != When::Before => {
                    errors.on(key, "a validator runs after the commit or on the snapshot, not both; write one of them");
                }
                "after" => args.when = When::After,
                "snapshot" => args.when = When::Snapshot,
                "timeout" => {
                    let literal = text(key, input, errors)?;
                    args.timeout = literal.and_then(|literal| errors.keep(millis(&literal)));
                }
                "name" => args.name = text(key, input, errors)?,
                _ => return Err(unknown(key, "validator", &VALIDATOR)),
            }
            Ok(())
        });
        args
    }
}

/// The duration that a literal says, in milliseconds.
pub(crate) fn millis(literal: &LitStr) -> syn::Result<u64> {
    duration::millis(&literal.value()).map_err(|message| syn::Error::new(literal.span(), message))
}

/// Goes through `key …, key …`; `read` takes what stands behind the key.
fn each(
    tokens: TokenStream,
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) -> Vec<Ident> {
    let mut said: Vec<Ident> = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if said.contains(&key) {
                errors.on(&key, format!("`{key}` stands here twice; remove one of them"));
            }
            if let Err(error) = read(&key, input, errors) {
                errors.push(error);
                skip(input);
            }
            said.push(key);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    let result = parser.parse2(tokens);
    errors.keep(result);
    said
}

/// Goes on to the next comma, so that one mistake is one message.
fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<proc_macro2::TokenTree>().is_err() {
            return;
        }
    }
}

fn unknown(key: &Ident, of: &str, names: &[&str]) -> syn::Error {
    let word = key.to_string();
    let remedy = match nearest(&word, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it can have {}", words(names)),
    };
    syn::Error::new(key.span(), format!("a {of} has no `{word}`; {remedy}"))
}

/// Names in backticks, with commas between.
fn words(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `= 2`.
fn version(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<i64>> {
    let message = format!(
        "a version is a whole number from 1 to {}; write one, such as `version = 1`",
        i64::MAX
    );
    if input.parse::<Token![=]>().is_err() {
        return Err(syn::Error::new(key.span(), message));
    }
    if !input.peek(LitInt) {
        return Err(input.error(message));
    }
    let literal: LitInt = input.parse()?;
    let version = literal
        .base10_parse::<i64>()
        .ok()
        .filter(|version| *version > 0 && literal.suffix().is_empty());
    if version.is_none() {
        errors.on(literal, message);
    }
    Ok(version)
}

/// `= "text"`, not empty.
fn text(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<LitStr>> {
    let example = match key.to_string().as_str() {
        "timeout" => "timeout = \"30s\"",
        "down" => "down = \"migrations/2_add_category.down.sql\"",
        _ => "name = \"add the category\"",
    };
    let message = format!("`{key}` takes a text in quotes; write it as `{example}`");
    if input.parse::<Token![=]>().is_err() {
        return Err(syn::Error::new(key.span(), message));
    }
    if !input.peek(LitStr) {
        return Err(input.error(message));
    }
    let literal: LitStr = input.parse()?;
    if literal.value().trim().is_empty() {
        errors.on(&literal, format!("`{key}` is empty; write it out or leave it away"));
    }
    Ok(Some(literal))
}

/// `("a", "b")`.
fn tables(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<LitStr>> {
    if !input.peek(token::Paren) {
        return Err(syn::Error::new(
            key.span(),
            "`tables` names no table; write `tables(\"products\")`",
        ));
    }
    let content;
    parenthesized!(content in input);
    let tables = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    if tables.is_empty() {
        errors.on(key, "`tables` names no table; write `tables(\"products\")`");
    }
    for table in tables.iter().filter(|table| table.value().trim().is_empty()) {
        errors.on(table, "a table has a name; write it out");
    }
    Ok(tables.into_iter().collect())
}
