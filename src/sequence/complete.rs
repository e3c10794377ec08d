//! How a driver whose steps are done when their calls return carries out a sequence.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Carries out a sequence none of whose steps waits. One that did would never go on: `waits` makes the error for that.
///
/// # Errors
/// Those of the sequence.
pub fn complete<T, E>(
    sequence: impl Future<Output = Result<T, E>>,
    waits: impl FnOnce() -> E,
) -> Result<T, E> {
    match pin!(sequence).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(waits()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_nothing_is_done_at_once_and_what_waits_is_an_error() {
        assert_eq!(complete(async { Ok::<_, &str>(1) }, || "it waits"), Ok(1));
        assert_eq!(complete(std::future::pending::<Result<u8, &str>>(), || "it waits"), Err("it waits"));
    }
}
