//! Questions: only on a terminal, and never where `--yes` was said.
//!
//! An answer is a line as the terminal gives it: nothing is switched that would have to be switched
//! back, so that Ctrl-C at a question leaves the terminal as it was.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::context::Context;
use super::screen::coloured;
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
    let typed = answer(context, &format!("{question} [y/N] "))?;
    let yes = ["y", "yes"].iter().any(|yes| typed.eq_ignore_ascii_case(yes));
    if yes { Ok(()) } else { Err(declined()) }
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
    let typed = answer(context, &format!("type `{name}` to go on: "))?;
    if typed == name { Ok(()) } else { Err(declined()) }
}

/// The line that is typed, without blanks around it.
fn answer(context: &Context, question: &str) -> Result<String> {
    context.printer.still();
    let question = coloured(question);
    let mut typed = String::new();
    let asked = anstream::stderr().write_all(question.as_bytes());
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut typed));
    match read {
        Ok(0) => Err(declined().because("the input ended")),
        Ok(_) => Ok(typed.trim().to_owned()),
        Err(error) => Err(declined().because(error.to_string())),
    }
}

fn can_ask(words: &str) -> Result<()> {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
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
