//! Checksums, of a function and of a file.
//!
//! A function's is SHA-256 over its tokens, from `async fn` to the closing brace, so that another
//! layout or another comment does not change it. The bytes that go in, token by token:
//!
//! | token | bytes |
//! | --- | --- |
//! | identifier or keyword | `i`, length, text (`r#` included) |
//! | literal | `l`, length, text as written |
//! | one character of punctuation | `p`, length, the character |
//! | `(…)`, `[…]`, `{…}` | the opening bracket, the tokens inside, the closing bracket |
//!
//! A length is the number of UTF-8 bytes, in 4 bytes, the lowest first. Left out are spacing, doc
//! comments and `#[doc]`, a comma before a closing bracket, and whatever stands before `async`:
//! the attributes of the function, `#[migration]` among them, and its visibility.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use sha2::{Digest, Sha256};
use syn::ItemFn;

/// The checksum of a function, as lower case hex.
pub(crate) fn of_function(function: &ItemFn) -> String {
    let mut hasher = Sha256::new();
    feed(function.sig.to_token_stream(), &mut hasher);
    feed(function.block.to_token_stream(), &mut hasher);
    hex(hasher)
}

/// The checksum of a text, as lower case hex: a byte order mark is dropped, CRLF and CR become LF.
pub(crate) fn of_text(text: &[u8]) -> String {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut normal = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' {
            bytes.next_if_eq(&b'\n');
            normal.push(b'\n');
        } else {
            normal.push(byte);
        }
    }
    let mut hasher = Sha256::new();
    hasher.update(&normal);
    hex(hasher)
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn feed(tokens: TokenStream, hasher: &mut Sha256) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let doc = doc_length(&tokens[at..]);
        if doc > 0 {
            at += doc;
            continue;
        }
        match &tokens[at] {
            TokenTree::Ident(ident) => text(b'i', &ident.to_string(), hasher),
            TokenTree::Literal(literal) => text(b'l', &literal.to_string(), hasher),
            TokenTree::Punct(punct) if punct.as_char() == ',' && at + 1 == tokens.len() => {}
            TokenTree::Punct(punct) => text(b'p', punct.as_char().encode_utf8(&mut [0; 4]), hasher),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                hasher.update(open);
                feed(group.stream(), hasher);
                hasher.update(close);
            }
        }
        at += 1;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no source file has a token of 4 GiB")]
fn text(kind: u8, text: &str, hasher: &mut Sha256) {
    hasher.update([kind]);
    hasher.update((text.len() as u32).to_le_bytes());
    hasher.update(text);
}

/// How many tokens the doc attribute at the front takes: `#[doc …]` or `#![doc …]`.
fn doc_length(tokens: &[TokenTree]) -> usize {
    let is = |tree: Option<&TokenTree>, char| matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == char);
    if !is(tokens.first(), '#') {
        return 0;
    }
    let before = if is(tokens.get(1), '!') { 2 } else { 1 };
    match tokens.get(before) {
        Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Bracket
                && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc") =>
        {
            before + 1
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> String {
        of_function(&syn::parse_str(source).unwrap())
    }

    const PLAIN: &str =
        r#"async fn f(db: &mut Session<'_>) -> Result<()> { run(db, &["a", "b"]).await?; Ok(()) }"#;

    #[test]
    fn layout_comments_and_what_stands_before_it_do_not_count() {
        for same in [
            "async fn f(\n    db: &mut Session<'_>,\n) -> Result<()> {\n    run(\n        db,\n        &[\"a\", \"b\",],\n    )\n    .await?;\n    Ok(())\n}",
            r#"/// Adds it.
            #[migration(version = 2)] #[allow(unused)]
            pub(crate) async fn f(db: &mut Session<'_>) -> Result<()> {
                //! Inside.
                // why
                /// that
                run(db, &["a", "b"]).await?;
                #[doc = "and"]
                Ok(())
            }"#,
        ] {
            assert_eq!(of(PLAIN), of(same), "{same}");
        }
    }

    #[test]
    fn what_it_does_counts() {
        for other in [
            PLAIN.replace("\"b\"", "\"c\""),
            PLAIN.replace("run(db", "run(&mut db"),
            PLAIN.replace("fn f", "fn g"),
            PLAIN.replace("Ok(())", "#[cfg(test)] Ok(())"),
            PLAIN.replace("Ok(())", "{ Ok(()) }"),
        ] {
            assert_ne!(of(PLAIN), of(&other), "{other}");
        }
        assert_ne!(of("async fn f() { m!(a, b) }"), of("async fn f() { m!(a b) }"));
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let mut expected = Sha256::new();
        for part in [
            b"i\x05\0\0\0async".as_slice(),
            b"i\x02\0\0\0fn",
            b"i\x01\0\0\0f",
            b"()",
            b"{",
            b"l\x03\0\0\0\"x\"",
            b"p\x01\0\0\0;",
            b"}",
        ] {
            expected.update(part);
        }
        assert_eq!(of("pub async fn f() { \"x\"; }"), hex(expected));
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_of_a_file_do_not_count() {
        assert_eq!(
            of_text(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(of_text(b"a;\nb;\n"), of_text(b"\xEF\xBB\xBFa;\r\nb;\r"));
        assert_ne!(of_text(b"a;\nb;\n"), of_text(b"a;\n\nb;\n"));
    }
}
