//! Questions: only on a terminal, and never where `--yes` was said.
//!
//! An answer is a line as the terminal gives it: nothing is switched that would have to be switched
//! back, so that Ctrl-C at a question leaves the terminal as it was.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::oneshot;

use super::context::Context;
use super::screen::coloured;
use super::signals::Signals;
use crate::error::{Code, Error, Result};

/// Goes on if a person says yes. `words` is the command that is asked about.
///
/// # Errors
/// The answer is no or an interruption, or nobody can be asked.
pub(super) async fn confirm(context: &Context, words: &str, question: &str) -> Result<()> {
    let question = question.to_owned();
    asked(context, words, move || says_yes(&question)).await
}

/// Goes on if a person types `name`.
///
/// # Errors
/// Another name was typed, it was interrupted, or nobody can be asked.
pub(super) async fn type_name(context: &Context, words: &str, name: &str) -> Result<()> {
    let name = name.to_owned();
    let types_it = move || {
        let typed = answer(&format!("type `{name}` to go on: "))?;
        if typed == name { Ok(()) } else { Err(declined()) }
    };
    asked(context, words, types_it).await
}

/// Ctrl-C is an answer too, and does not end the process: something may have to be undone.
async fn asked(
    context: &Context,
    words: &str,
    ask: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<()> {
    if context.yes {
        return Ok(());
    }
    can_ask(words)?;
    let mut signals = Signals::listen()?;
    context.printer.still();
    let (tell, answered) = oneshot::channel();
    // What waits for a line can't be called back, and ends with the process.
    std::thread::spawn(move || tell.send(ask()));
    let answered = tokio::select! {
        answered = answered => answered.unwrap_or_else(|_| Err(declined())),
        () = signals.next() => {
            end_line();
            Err(Error::new(Code::Interrupted, "interrupted at the question")
                .true_now("nothing was touched"))
        }
    };
    signals.end_the_process();
    answered
}

fn says_yes(question: &str) -> Result<()> {
    let typed = answer(&format!("{question} [y/N] "))?;
    let yes = ["y", "yes"].iter().any(|yes| typed.eq_ignore_ascii_case(yes));
    if yes { Ok(()) } else { Err(declined()) }
}

/// The line that is typed, without blanks around it.
fn answer(question: &str) -> Result<String> {
    let question = coloured(question);
    let mut typed = String::new();
    let asked = anstream::stderr().write_all(question.as_bytes());
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut typed));
    match read {
        Ok(0) => {
            end_line();
            Err(declined().because("the input ended"))
        }
        Ok(_) => Ok(typed.trim().to_owned()),
        Err(error) => Err(declined().because(error.to_string())),
    }
}

/// What follows does not stand behind the question, which nobody has answered with a line.
fn end_line() {
    drop(anstream::stderr().write_all(b"\n"));
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
