//! What is written after an error: the function with a definition that is never run, so that the
//! mistake is reported once and not again wherever the function is named.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::attr::{MigrationArgs, Transaction};
use crate::expand::{cfgs, definition, private, transaction};

/// For an attribute on something that is no function.
pub(crate) fn item(item: &TokenStream, what: &str, error: &syn::Error) -> TokenStream {
    let looks_like_fn = item.clone().into_iter().any(|tree| tree.to_string() == "fn");
    if looks_like_fn {
        // A function without a body, or in a syntax that is newer than this parser.
        let message = format!("{error}; put `#[{what}]` above an `async fn` with a body");
        let error = syn::Error::new(error.span(), message).to_compile_error();
        return quote!(#error #item);
    }
    let message = format!("a {what} is an `async fn`; put `#[{what}]` above one");
    let error = syn::Error::new_spanned(item, message).to_compile_error();
    quote!(#error #item)
}

/// For `#[migration]`.
pub(crate) fn migration(
    args: &MigrationArgs,
    function: &ItemFn,
    item: &TokenStream,
    error: &syn::Error,
) -> TokenStream {
    if function.sig.receiver().is_some() {
        return method(item, error);
    }
    let private = private();
    let (ident, definition, cfgs) = (&function.sig.ident, definition(function), cfgs(function));
    let version = args.version.unwrap_or_else(|| unlikely(&ident.to_string()));
    let error = error.to_compile_error();
    let transaction = transaction(Transaction::Unsaid);
    quote! {
        #error
        #[allow(dead_code, unused)]
        #item
        #definition
        #(#cfgs)*
        impl #private::MigrationDef for #ident {
            const DEF: #private::RustMigration = #private::RustMigration {
                version: #version,
                name: "",
                checksum: "",
                location: "",
                down: ::core::option::Option::None,
                transaction: #transaction,
                tables: &[],
                rebuilds: false,
                rehearsable: false,
                checks: &[],
                run: |_| ::core::unreachable!(),
            };
        }
    }
}

/// For `#[validator]`.
pub(crate) fn validator(function: &ItemFn, item: &TokenStream, error: &syn::Error) -> TokenStream {
    if function.sig.receiver().is_some() {
        return method(item, error);
    }
    let private = private();
    let (ident, definition, cfgs) = (&function.sig.ident, definition(function), cfgs(function));
    let error = error.to_compile_error();
    quote! {
        #error
        #[allow(dead_code, unused)]
        #item
        #definition
        #(#cfgs)*
        impl #private::ValidatorDef for #ident {
            const DEF: #private::Check = #private::Check {
                name: ::std::borrow::Cow::Borrowed(""),
                when: #private::When::Before,
                timeout: ::core::option::Option::None,
                body: #private::Body::Rust(|_| ::core::unreachable!()),
            };
        }
    }
}

/// For a method: no definition can stand beside it in its `impl`.
fn method(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}

/// For `migrations!`: an empty set of the right type.
pub(crate) fn set(error: &syn::Error) -> TokenStream {
    let private = private();
    let error = error.to_compile_error();
    quote! {{
        #error
        static SET: #private::StaticSet = #private::StaticSet { dirs: &[], functions: &[], attached: &[] };
        #private::Migrator::new(&SET)
    }}
}

/// A version that no other migration has, for one whose own could not be read.
fn unlikely(name: &str) -> i64 {
    name.bytes().fold(i64::MAX, |version, byte| version.wrapping_mul(31).wrapping_add(byte.into()))
        | (1 << 62)
}
