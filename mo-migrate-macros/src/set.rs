//! What stands in `migrations!(…)`, as types.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, LitInt, LitStr, Path, Token, braced, token};

use crate::check::{self, Check};
use crate::errors::Errors;

/// The whole of it.
pub(crate) struct Set {
    /// The directories, in the order in which they stand.
    pub(crate) directories: Vec<DirectoryEntry>,
    /// The functions, in the order in which they stand.
    pub(crate) functions: Vec<Path>,
}

/// A directory with the checks for its files.
pub(crate) struct DirectoryEntry {
    /// Its path from the directory of `Cargo.toml` on.
    pub(crate) path: LitStr,
    /// `{ 3: checks(…) }`.
    pub(crate) attached: Vec<Attached>,
}

/// Checks for the file with this version.
pub(crate) struct Attached {
    /// As it was written.
    pub(crate) key: LitInt,
    /// Its value.
    pub(crate) version: i64,
    /// The checks.
    pub(crate) checks: Vec<Check>,
}

impl Set {
    /// Reads the whole of it; what is wrong goes into `errors`, and reading goes on where it can.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut set = Self { directories: Vec::new(), functions: Vec::new() };
        let parser = |input: ParseStream<'_>| set.entries(input, errors);
        let result = parser.parse2(tokens);
        errors.keep(result);
        set
    }

    fn entries(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if input.is_empty() {
            let path = LitStr::new("migrations", input.span());
            self.directories.push(DirectoryEntry { path, attached: Vec::new() });
        }
        while !input.is_empty() {
            if input.peek(LitStr) {
                self.directories.push(directory(input, errors)?);
            } else if path_begins(input) {
                self.functions.push(input.call(Path::parse_mod_style)?);
            } else {
                return Err(input.error(
                    "this is neither a directory nor a function; \
                     write `\"migrations\"` for a directory of files, or the path of a function",
                ));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }
}

/// Whether a path begins here.
fn path_begins(input: ParseStream<'_>) -> bool {
    input.peek(Ident)
        || input.peek(Token![::])
        || input.peek(Token![crate])
        || input.peek(Token![self])
        || input.peek(Token![super])
}

/// Reads `"migrations" { 3: checks(…) }`.
fn directory(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<DirectoryEntry> {
    let path: LitStr = input.parse()?;
    let mut attached = Vec::new();
    if input.peek(token::Brace) {
        let content;
        braced!(content in input);
        while !content.is_empty() {
            attached.extend(block(&content, errors)?);
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
    }
    Ok(DirectoryEntry { path, attached })
}

/// Reads `3: checks(…)`.
fn block(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Attached>> {
    const FORM: &str =
        "checks for a file are written as `3: checks(no_row_lost)`, by the file's version";
    if !input.peek(LitInt) {
        return Err(input.error(FORM));
    }
    let key: LitInt = input.parse()?;
    input.parse::<Token![:]>().map_err(|error| syn::Error::new(error.span(), FORM))?;
    let word: Ident = input.parse().map_err(|error| syn::Error::new(error.span(), FORM))?;
    if word != "checks" {
        return Err(syn::Error::new(word.span(), FORM));
    }
    let checks = check::list(input, errors)?;
    let version = errors.keep(key.base10_parse());
    Ok(version.map(|version| Attached { key, version, checks }))
}
