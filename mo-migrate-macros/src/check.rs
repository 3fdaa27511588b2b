//! What stands in `checks(…)`: validators by path, and calls of the ready ones.

use syn::parse::ParseStream;
use syn::{Path, Token, parenthesized, token};

use crate::errors::Errors;
use crate::nearest::nearest;
use crate::ready::{self, Ready};

/// One check of a migration.
pub(crate) enum Check {
    /// A function with `#[validator]`.
    Validator(Path),
    /// One of the ready ones.
    Ready(Ready),
}

/// Reads `(a, b::c, rows_unchanged("t"))`, behind the word `checks`.
pub(crate) fn list(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<Check>> {
    if !input.peek(token::Paren) {
        return Err(input.error("the checks stand in parentheses; write `checks(no_row_lost)`"));
    }
    let content;
    parenthesized!(content in input);
    let mut checks = Vec::new();
    while !content.is_empty() {
        checks.extend(one(&content, errors)?);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    Ok(checks)
}

/// Reads one of them; nothing comes back when it was wrong and reading can go on.
fn one(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Check>> {
    let path = input.call(Path::parse_mod_style)?;
    if !input.peek(token::Paren) {
        return Ok(Some(Check::Validator(path)));
    }
    let content;
    parenthesized!(content in input);
    let ready = match path.get_ident() {
        Some(name) if ready::NAMES.contains(&name.to_string().as_str()) => {
            ready::read(name, &content)
        }
        _ => Err(unknown(&path)),
    };
    if ready.is_err() {
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(errors.keep(ready).map(Check::Ready))
}

fn unknown(path: &Path) -> syn::Error {
    let name = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    let message = match nearest(&name, ready::NAMES) {
        Some(near) if path.segments.len() == 1 => {
            format!("there is no ready check `{name}`; did you mean `{near}`?")
        }
        _ => format!(
            "there is no ready check `{name}`, and a validator takes no arguments; \
             write its path alone, or one of {}",
            ready::NAMES.join(", ")
        ),
    };
    syn::Error::new_spanned(path, message)
}
