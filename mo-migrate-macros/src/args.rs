//! The arguments of a ready check, read from left to right.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitInt, LitStr, Token, bracketed, token};

/// How each one is called, for messages.
fn usage(name: &str) -> &'static str {
    match name {
        "rows_unchanged" => "rows_unchanged(\"products\")",
        "rows_at_least" => "rows_at_least(\"products\", 5)",
        "rows_exactly" => "rows_exactly(\"products\", 7)",
        "not_null" => "not_null(\"products\", \"category\")",
        "unique" => "unique(\"products\", [\"name\", \"maker\"])",
        "accepted" => "accepted(\"orders\", \"state\", [\"open\", \"paid\"])",
        "foreign_keys" => "foreign_keys()",
        "columns_unchanged" => "columns_unchanged(\"products\", [\"name\"])",
        "query_time" => "query_time(\"SELECT …\", p95 = \"50ms\", n = 20)",
        _ => "command(\"curl -fsS http://127.0.0.1:8080/health\")",
    }
}

/// Reads arguments from left to right.
pub(crate) struct Args<'a> {
    name: &'a Ident,
    pub(crate) input: ParseStream<'a>,
    first: bool,
}

impl<'a> Args<'a> {
    /// The arguments of the check of this name.
    pub(crate) fn new(name: &'a Ident, input: ParseStream<'a>) -> Self {
        Self { name, input, first: true }
    }

    /// A text in quotes, not empty.
    pub(crate) fn text(&mut self, what: &str) -> syn::Result<String> {
        let literal: LitStr = self.next(what)?;
        if literal.value().trim().is_empty() {
            return Err(syn::Error::new(
                literal.span(),
                format!("{what} is missing here; write it out"),
            ));
        }
        Ok(literal.value())
    }

    /// A whole number.
    pub(crate) fn number(&mut self) -> syn::Result<u64> {
        let literal: LitInt = self.next("a number of rows")?;
        literal.base10_parse()
    }

    /// A list of texts, not empty.
    pub(crate) fn texts(&mut self, what: &str) -> syn::Result<Vec<String>> {
        self.comma(what)?;
        if !self.input.peek(token::Bracket) {
            return Err(self.expected(what));
        }
        let content;
        let bracket = bracketed!(content in self.input);
        let texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
        if texts.is_empty() {
            return Err(syn::Error::new(
                bracket.span.join(),
                format!("there are no {what} in this list; name one"),
            ));
        }
        Ok(texts.iter().map(LitStr::value).collect())
    }

    fn next<T: Parse>(&mut self, what: &str) -> syn::Result<T> {
        self.comma(what)?;
        let expected = self.expected(what);
        self.input.parse().map_err(|_| expected)
    }

    fn comma(&mut self, what: &str) -> syn::Result<()> {
        let first = std::mem::replace(&mut self.first, false);
        if !first && self.input.parse::<Token![,]>().is_err() {
            return Err(self.expected(what));
        }
        Ok(())
    }

    /// The message that something else stands here.
    pub(crate) fn expected(&self, what: &str) -> syn::Error {
        let span = if self.input.is_empty() { self.name.span() } else { self.input.span() };
        let name = self.name.to_string();
        syn::Error::new(span, format!("`{name}` takes {what} here; write it as `{}`", usage(&name)))
    }

    /// Nothing more, but for a comma.
    pub(crate) fn end(&mut self) -> syn::Result<()> {
        self.input.parse::<Option<Token![,]>>()?;
        if self.input.is_empty() {
            return Ok(());
        }
        let name = self.name.to_string();
        Err(self
            .input
            .error(format!("`{name}` takes no more than that; write it as `{}`", usage(&name))))
    }
}
