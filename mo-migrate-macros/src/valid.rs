//! The rules for functions that are migrations or validators.

use std::path::Path;

use syn::{FnArg, GenericArgument, ItemFn, PathArguments, ReturnType, Safety, Type};

use crate::attr::MigrationArgs;
use crate::dir::manifest_dir;
use crate::errors::Errors;

/// The rules for a function; `what` is `migration` or `validator`.
pub(crate) fn function(function: &ItemFn, what: &str, errors: &mut Errors) {
    let sig = &function.sig;
    let name = &sig.ident;
    if let Some(token) = &sig.constness {
        errors.on(token, format!("a {what} runs when the program does; remove `const`"));
    }
    if sig.asyncness.is_none() {
        errors.on(sig.fn_token, format!("a {what} is an `async fn`; write `async fn {name}`"));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.on(
            token,
            format!("a {what} is called from safe code; remove `unsafe` and put the block inside"),
        );
    }
    if let Some(abi) = &sig.abi {
        errors.on(abi, format!("a {what} is called from Rust; remove `extern`"));
    }
    if !sig.generics.params.is_empty() {
        errors.on(
            &sig.generics,
            format!("a {what} has no generics, for nobody could choose them; remove them"),
        );
    }
    if let Some(clause) = &sig.generics.where_clause {
        errors.on(clause, format!("a {what} has no generics to constrain; remove the `where`"));
    }
    argument(function, what, errors);
    if let ReturnType::Default = sig.output {
        let result = if what == "migration" { "Result<()>" } else { "Result<Verdict>" };
        errors.on(name, format!("a {what} returns a result; write `-> {result}`"));
    }
}

/// The rule for the arguments: there is one, and it is the session.
fn argument(function: &ItemFn, what: &str, errors: &mut Errors) {
    let sig = &function.sig;
    let remedy = "write `db: &mut Session<'_>`";
    if let Some(receiver) = sig.receiver() {
        errors.on(
            receiver,
            format!("a {what} is a free function; take it out of the `impl` and {remedy}"),
        );
        return;
    }
    if let Some(variadic) = &sig.variadic {
        errors.on(variadic, format!("a {what} takes the session and nothing else; remove this"));
    }
    match sig.inputs.first() {
        None => errors.on(&sig.ident, format!("a {what} takes the session; {remedy}")),
        Some(FnArg::Typed(argument)) if !is_session(&argument.ty) => {
            errors.on(&argument.ty, format!("a {what} takes `&mut Session<'_>`; {remedy}"));
        }
        Some(_) => {}
    }
    for more in sig.inputs.iter().skip(1) {
        errors
            .on(more, format!("a {what} takes the session and nothing else; remove this argument"));
    }
}

/// Whether this is `&mut Session<'_>`, under any path.
fn is_session(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    let Type::Path(path) = &*reference.elem else {
        return false;
    };
    let Some(last) = path.path.segments.last() else {
        return false;
    };
    let lifetimes_only = match &last.arguments {
        PathArguments::None => true,
        PathArguments::AngleBracketed(generic) => {
            generic.args.iter().all(|argument| matches!(argument, GenericArgument::Lifetime(_)))
        }
        PathArguments::Parenthesized(_) => false,
    };
    reference.mutability.is_some() && last.ident == "Session" && lifetimes_only
}

/// The rules for the arguments of `#[migration]`.
pub(crate) fn migration(args: &MigrationArgs, function: &ItemFn, errors: &mut Errors) {
    if !args.said.iter().any(|key| key == "version") {
        errors.on(
            &function.sig.ident,
            "this migration has no version; write one above it, such as `#[migration(version = 1)]`",
        );
    }
    let said = |name: &str| args.said.iter().find(|key| *key == name);
    if let (Some(_), Some(second)) = (said("transaction"), said("no_transaction")) {
        errors.on(
            second,
            "`transaction` and `no_transaction` exclude each other; remove one of them",
        );
    }
    if let Some(down) = &args.down
        && !down.value().trim().is_empty()
    {
        file(&manifest_dir(), &down.value(), down, errors);
    }
}

/// The rule for a path: there is a file.
fn file(root: &Path, path: &str, on: &syn::LitStr, errors: &mut Errors) {
    let absolute = root.join(path);
    if absolute.is_dir() {
        errors.on(on, format!("`{path}` is a directory; name the file in it"));
    } else if !absolute.is_file() {
        errors.on(
            on,
            format!("there is no file `{path}` beside `Cargo.toml`; create it, or name it from that directory on"),
        );
    } else if std::fs::read_to_string(&absolute).is_err() {
        errors.on(on, format!("`{path}` cannot be read as UTF-8 text; save it as such"));
    }
}
