//! `completions`: for the shell.

use std::path::Path;

use clap::Args;
use clap_complete::Shell;

use crate::cli::answer::Answer;
use crate::cli::args;
use crate::cli::context::Context;

/// Prints the completions of a shell.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, context: &Context) -> Answer {
        let mut command = args::command(&context.program);
        let name = Path::new(&context.program)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        Answer::verbatim(String::from_utf8_lossy(&script).into_owned())
    }
}
