//! Ends what the user has begun when the user logs out: later steps would act for the account that logs in next.

use std::{pin::Pin, task::Poll};

use leptos::prelude::*;

use super::store::Store;

impl Store {
    /// Runs `steps` in the login in which this is called. Resolves to `None` after a logout, and no further step is made.
    pub fn until_logout<T: 'static>(
        &self,
        steps: Steps<'static, T>,
    ) -> impl Future<Output = Option<T>> + use<T> {
        let store = *self;
        let logouts = move || store.inner.with_value(|inner| inner.logouts);
        let begun_after = logouts();
        run_while(move || logouts() == begun_after, steps)
    }
}

/// Steps of which each waits for the one before it. Boxed, so that the code to run them exists once for each kind of result.
pub type Steps<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs `steps` to their end, or until one of them is to be made while `may_run` returns `false`.
async fn run_while<T>(may_run: impl Fn() -> bool, mut steps: Steps<'_, T>) -> Option<T> {
    std::future::poll_fn(
        |context| {
            if may_run() { steps.as_mut().poll(context).map(Some) } else { Poll::Ready(None) }
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, pin::pin, task::Context};

    use super::*;

    /// Makes two steps, with a logout between them or not. Returns the result and the number of steps that were made.
    fn two_steps(logs_out: bool) -> (Poll<Option<&'static str>>, u32) {
        let (is_logged_in, is_answered, steps) = (Cell::new(true), Cell::new(false), Cell::new(0));
        let answer =
            || std::future::poll_fn(|_| if is_answered.get() { Poll::Ready(()) } else { Poll::Pending });
        let run = run_while(
            || is_logged_in.get(),
            Box::pin(async {
                steps.set(1);
                answer().await;
                steps.set(2);
                "done"
            }),
        );
        let mut run = pin!(run);
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert_eq!(run.as_mut().poll(&mut context), Poll::Pending, "no answer yet");
        is_logged_in.set(!logs_out);
        is_answered.set(true);
        (run.as_mut().poll(&mut context), steps.get())
    }

    #[test]
    fn no_step_is_made_after_a_logout() {
        assert_eq!(two_steps(false), (Poll::Ready(Some("done")), 2));
        assert_eq!(two_steps(true), (Poll::Ready(None), 1));
    }
}
