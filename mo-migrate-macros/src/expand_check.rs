//! What the macros write for checks.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Path;

use crate::check::Check;
use crate::expand::{last, private, private_at};
use crate::ready::{QueryTime, Ready};

/// A `&'static [Check]`.
pub(crate) fn list(checks: &[Check]) -> TokenStream {
    let checks = checks.iter().map(|check| match check {
        Check::Validator(path) => validator(path),
        Check::Ready(ready) => call(ready),
    });
    quote!(const { &[#(#checks),*] })
}

/// An `Option<Duration>` of milliseconds.
pub(crate) fn duration(millis: Option<u64>) -> TokenStream {
    option(millis.map(|millis| quote!(::core::time::Duration::from_millis(#millis))))
}

/// An `Option` of what the tokens say.
pub(crate) fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

/// The definition of a validator, spanned on its name.
fn validator(path: &Path) -> TokenStream {
    let span = last(path).span();
    let private = private_at(span);
    quote_spanned!(span=> <#path as #private::ValidatorDef>::DEF)
}

/// A ready check under its name. A command and a measurement can only run after the commit.
fn call(ready: &Ready) -> TokenStream {
    let private = private();
    let name = ready.name();
    let when = match ready {
        Ready::QueryTime(_) | Ready::Command { .. } => quote!(After),
        _ => quote!(Before),
    };
    let body = body(ready);
    quote! {
        #private::Check {
            name: ::std::borrow::Cow::Borrowed(#name),
            when: #private::When::#when,
            timeout: ::core::option::Option::None,
            body: #body,
        }
    }
}

fn body(ready: &Ready) -> TokenStream {
    let private = private();
    let ready = match ready {
        Ready::RowsUnchanged { table } => fields("RowsUnchanged", &[("table", text(table))]),
        Ready::RowsAtLeast { table, rows } => {
            fields("RowsAtLeast", &[("table", text(table)), ("rows", quote!(#rows))])
        }
        Ready::RowsExactly { table, rows } => {
            fields("RowsExactly", &[("table", text(table)), ("rows", quote!(#rows))])
        }
        Ready::NotNull { table, column } => {
            fields("NotNull", &[("table", text(table)), ("column", text(column))])
        }
        Ready::Unique { table, columns } => {
            fields("Unique", &[("table", text(table)), ("columns", texts(columns))])
        }
        Ready::Accepted { table, column, values } => fields(
            "Accepted",
            &[("table", text(table)), ("column", text(column)), ("values", texts(values))],
        ),
        Ready::ForeignKeys { table } => {
            fields("ForeignKeys", &[("table", option(table.as_deref().map(text)))])
        }
        Ready::ColumnsUnchanged { table, columns } => {
            fields("ColumnsUnchanged", &[("table", text(table)), ("columns", texts(columns))])
        }
        Ready::QueryTime(query) => query_time(query),
        Ready::Command { line } => {
            let line = text(line);
            return quote!(#private::Body::Command(#line));
        }
    };
    quote!(#private::Body::Ready(#private::ready::Ready::#ready))
}

/// `Variant { field: value, … }`.
fn fields(variant: &str, fields: &[(&str, TokenStream)]) -> TokenStream {
    let variant = format_ident!("{variant}");
    let fields = fields.iter().map(|(name, value)| {
        let name = format_ident!("{name}");
        quote!(#name: #value)
    });
    quote!(#variant { #(#fields),* })
}

fn query_time(query: &QueryTime) -> TokenStream {
    let (sql, p50, p95, n) = (text(&query.sql), duration(query.p50), duration(query.p95), query.n);
    quote!(QueryTime { sql: #sql, p50: #p50, p95: #p95, n: #n })
}

fn text(text: &str) -> TokenStream {
    quote!(::std::borrow::Cow::Borrowed(#text))
}

fn texts(list: &[String]) -> TokenStream {
    let list = list.iter().map(|item| text(item));
    quote!(::std::borrow::Cow::Borrowed(const { &[#(#list),*] }))
}
