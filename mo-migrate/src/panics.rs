//! Panics of migrations and validators are caught, so that what they did is undone.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

/// The future's output, or what its panic said. After a panic it is not polled again.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(message(&*panic))),
    })
    .await
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_panic_becomes_its_words() {
        let caught = super::catch(async {
            assert!(std::hint::black_box(false), "no {}", "luck");
        })
        .await;
        assert_eq!(caught, Err("no luck".to_owned()));
        assert_eq!(super::catch(async { 7 }).await, Ok(7));
    }
}
