//! What the macros write.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Ident, ItemFn, Path, ReturnType, Type};

use crate::attr::{MigrationArgs, Transaction, ValidatorArgs, When};
use crate::dir::{Directory, File, manifest_dir};
use crate::expand_check;
use crate::names::Role;
use crate::set::Set;
use crate::tokens;

/// Where everything is that the macros name.
pub(crate) fn private() -> TokenStream {
    private_at(Span::call_site())
}

/// The same, marked in messages as the user's own token is.
pub(crate) fn private_at(span: Span) -> TokenStream {
    quote_spanned!(span=> ::mo_migrate::__private)
}

/// The function, and beside it its definition.
pub(crate) fn migration(
    args: &MigrationArgs,
    function: &ItemFn,
    item: &TokenStream,
) -> TokenStream {
    let private = private();
    let ident = &function.sig.ident;
    let version = args.version.unwrap_or_default();
    let name = args.name.as_ref().map_or_else(|| plain(ident), syn::LitStr::value);
    let checksum = tokens::of_function(function);
    let down = expand_check::option(args.down.as_ref().map(|path| {
        let place = manifest_dir().join(path.value());
        let place = place.to_string_lossy();
        quote!((#path, ::core::include_str!(#place)))
    }));
    let transaction = transaction(args.transaction);
    let (tables, rebuilds, rehearsable) = (&args.tables, args.rebuilds, args.rehearsable);
    let checks = expand_check::list(&args.checks);
    let run = run(function, &quote!(()));
    let definition = definition(function);
    let cfgs = cfgs(function);
    quote! {
        #[allow(clippy::unused_async)]
        #item
        #definition
        #(#cfgs)*
        #[automatically_derived]
        impl #private::MigrationDef for #ident {
            const DEF: #private::RustMigration = #private::RustMigration {
                version: #version,
                name: #name,
                checksum: #checksum,
                location: ::core::concat!(::core::file!(), ":", ::core::line!()),
                down: #down,
                transaction: #transaction,
                tables: &[#(#tables),*],
                rebuilds: #rebuilds,
                rehearsable: #rehearsable,
                checks: #checks,
                run: #run,
            };
        }
    }
}

/// The function, and beside it its definition.
pub(crate) fn validator(
    args: &ValidatorArgs,
    function: &ItemFn,
    item: &TokenStream,
) -> TokenStream {
    let private = private();
    let ident = &function.sig.ident;
    let name = args.name.as_ref().map_or_else(|| plain(ident), syn::LitStr::value);
    let when = match args.when {
        When::Before => quote!(Before),
        When::After => quote!(After),
        When::Snapshot => quote!(Snapshot),
    };
    let timeout = expand_check::duration(args.timeout);
    let run = run(function, &quote!(#private::Verdict));
    let definition = definition(function);
    let cfgs = cfgs(function);
    quote! {
        #[allow(clippy::unused_async)]
        #item
        #definition
        #(#cfgs)*
        #[automatically_derived]
        impl #private::ValidatorDef for #ident {
            const DEF: #private::Check = #private::Check {
                name: ::std::borrow::Cow::Borrowed(#name),
                when: #private::When::#when,
                timeout: #timeout,
                body: #private::Body::Rust(#run),
            };
        }
    }
}

/// The enum that carries the definition: it shares its name with the function and is nothing else.
pub(crate) fn definition(function: &ItemFn) -> TokenStream {
    let (vis, ident, cfgs) = (&function.vis, &function.sig.ident, cfgs(function));
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[derive(::core::fmt::Debug)]
        #[allow(non_camel_case_types, unreachable_pub, clippy::pedantic)]
        #vis enum #ident {}
    }
}

/// The function as a set stores it: boxed, with the error boxed too. A result of another type is
/// marked where it is written.
fn run(function: &ItemFn, output: &TokenStream) -> TokenStream {
    let ident = &function.sig.ident;
    let span = match &function.sig.output {
        ReturnType::Type(_, ty) => match &**ty {
            Type::Path(path) => last(&path.path).span(),
            other => other.span(),
        },
        ReturnType::Default => ident.span(),
    };
    let private = private_at(span);
    quote_spanned! {span=>
        |session| ::std::boxed::Box::pin(async move {
            #private::outcome::<#output, _>(#ident(session).await)
        })
    }
}

/// The attributes that decide whether the function exists at all.
pub(crate) fn cfgs(function: &ItemFn) -> Vec<&Attribute> {
    function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// The name without `r#`.
fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or_else(|| text.clone(), str::to_owned)
}

/// What a migration says about transactions.
pub(crate) fn transaction(transaction: Transaction) -> TokenStream {
    let private = private();
    let mode = match transaction {
        Transaction::Unsaid => format_ident!("Default"),
        Transaction::Wanted => format_ident!("Transaction"),
        Transaction::Unwanted => format_ident!("NoTransaction"),
    };
    quote!(#private::TransactionMode::#mode)
}

/// A migrator over the set, as an expression for a `static`.
pub(crate) fn set(set: &Set, directories: &[Directory]) -> TokenStream {
    let private = private();
    let dirs = directories.iter().map(directory);
    let defs: Vec<TokenStream> = set.functions.iter().map(def).collect();
    let taken: Vec<i64> = directories
        .iter()
        .flat_map(|directory| directory.with(Role::Up))
        .map(|file| file.name.version)
        .collect();
    let unique = set.functions.iter().zip(&defs).map(|(path, def)| {
        let span = last(path).span();
        let private = private_at(span);
        quote_spanned!(span=> const _: () = #private::unique(&#def, &DEFS, &TAKEN);)
    });
    let (functions, files) = (defs.len(), taken.len());
    let attached = set.directories.iter().flat_map(|entry| &entry.attached).map(|block| {
        let (version, checks) = (block.version, expand_check::list(&block.checks));
        quote!(#private::AttachedChecks { version: #version, checks: #checks })
    });
    quote! {{
        const DEFS: [#private::RustMigration; #functions] = [#(#defs),*];
        const TAKEN: [i64; #files] = [#(#taken),*];
        #(#unique)*
        static SET: #private::StaticSet = #private::StaticSet {
            dirs: &[#(#dirs),*],
            functions: &#private::sorted(DEFS),
            attached: &[#(#attached),*],
        };
        #private::Migrator::new(&SET)
    }}
}

/// The definition of a function, spanned on its name.
fn def(path: &Path) -> TokenStream {
    let span = last(path).span();
    let private = private_at(span);
    quote_spanned!(span=> <#path as #private::MigrationDef>::DEF)
}

/// The last name of a path.
pub(crate) fn last(path: &Path) -> &Ident {
    &path.segments[path.segments.len() - 1].ident
}

/// A directory with its files and their texts; files that are not ours stay out.
fn directory(directory: &Directory) -> TokenStream {
    let private = private();
    let (path, absolute) = (&directory.path, directory.absolute.to_string_lossy());
    let files = directory.files.iter().map(file);
    let texts = directory.files.iter().map(|file| {
        let (name, place) = (&file.path, directory.absolute.join(&file.path));
        let place = place.to_string_lossy();
        quote! {
            #private::include_dir::DirEntry::File(
                #private::include_dir::File::new(#name, ::core::include_bytes!(#place))
            )
        }
    });
    quote! {
        #private::EmbeddedDir {
            path: #path,
            absolute: #absolute,
            files: &[#(#files),*],
            texts: #private::include_dir::Dir::new("", const { &[#(#texts),*] }),
        }
    }
}

fn file(file: &File) -> TokenStream {
    let private = private();
    let File { path, name, checksum } = file;
    let role = Ident::new(
        match name.role {
            Role::Up => "Up",
            Role::Down => "Down",
            Role::Check => "Check",
            Role::Repeatable => "Repeatable",
            Role::Always => "Always",
        },
        Span::call_site(),
    );
    let (version, name) = (name.version, &name.name);
    quote! {
        #private::EmbeddedFile {
            file: #path,
            role: #private::FileRole::#role,
            version: #version,
            name: #name,
            checksum: #checksum,
        }
    }
}
