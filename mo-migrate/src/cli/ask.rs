//! Questions: only on a terminal, and never where `--yes` was said.

use std::io::IsTerminal as _;

use dialoguer::{Confirm, Input};

use super::context::Context;
use crate::error::{Code, Error, Result};

/// Goes on if a person says yes. `words` is the command that is asked about.
///
/// # Errors
/// The answer is no, or nobody can be asked.
pub(super) fn confirm(context: &Context, words: &str, question: &str) -> Result<()> {
    if context.yes {
        return Ok(());
    }
    can_ask(words)?;
    let prompt = crate::error::printable(question);
    let answer = Confirm::new().with_prompt(prompt).default(false).interact();
    if answer.map_err(|error| no_answer(&error))? { Ok(()) } else { Err(declined()) }
}

/// Goes on if a person types `name`.
///
/// # Errors
/// Another name was typed, or nobody can be asked.
pub(super) fn type_name(context: &Context, words: &str, name: &str) -> Result<()> {
    if context.yes {
        return Ok(());
    }
    can_ask(words)?;
    let prompt = crate::error::printable(&format!("type `{name}` to go on"));
    let typed: String = Input::new()
        .with_prompt(prompt)
        .allow_empty(true)
        .interact_text()
        .map_err(|error| no_answer(&error))?;
    if typed.trim() == name { Ok(()) } else { Err(declined()) }
}

fn can_ask(words: &str) -> Result<()> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return Ok(());
    }
    let name = words
        .split(' ')
        .take_while(|word| word.chars().all(char::is_alphabetic))
        .collect::<Vec<_>>()
        .join(" ");
    Err(Error::new(
        Code::NotConfirmed,
        format!("`{name}` asks first, and there is no terminal to ask on"),
    )
    .true_now("nothing was touched")
    .hinted(format!("look at what it would do, then `migrate {words} --yes`")))
}

fn declined() -> Error {
    Error::new(Code::NotConfirmed, "the answer was no").true_now("nothing was touched")
}

fn no_answer(error: &dialoguer::Error) -> Error {
    declined().because(error.to_string())
}
