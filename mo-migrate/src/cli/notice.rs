//! What hooks are told, with the commands in it as they have to be typed.

use std::sync::Arc;

use super::printer::Printer;
use crate::hooks::{Hook, HookAt, Notice, Told};
use crate::report::{ErrorReport, Report};

/// A hook of the library, for a command that may have another name.
#[derive(Debug)]
struct AsTyped {
    hook: Arc<dyn Hook>,
    printer: Printer,
}

/// The same hook, which is told commands that work.
pub(super) fn as_typed(HookAt { moment, hook }: HookAt, printer: &Printer) -> HookAt {
    HookAt { moment, hook: Arc::new(AsTyped { hook, printer: printer.clone() }) }
}

impl Hook for AsTyped {
    fn name(&self) -> String {
        self.hook.name()
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Told<'a> {
        Box::pin(async move {
            let mut notice = notice.clone();
            let typed = |text: &str| self.printer.as_typed(text);
            errors_as_typed(&mut notice.error, &mut notice.report, typed);
            self.hook.tell(&notice).await
        })
    }
}

/// Why something did not go well, there and in its report, with the commands as they have to be typed.
pub(super) fn errors_as_typed(
    error: &mut Option<ErrorReport>,
    report: &mut Option<Report>,
    typed: impl Fn(&str) -> String,
) {
    let within = report.as_mut().and_then(|report| report.error.as_mut());
    for error in error.as_mut().into_iter().chain(within) {
        error.message = typed(&error.message);
        for words in error.database.iter_mut().chain(&mut error.hint) {
            *words = typed(words);
        }
    }
}
