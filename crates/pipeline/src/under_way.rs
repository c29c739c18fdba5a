//! Work of which there is one piece at a time, or none, in a loop that waits for several.

use futures_util::future::BoxFuture;

/// The end of `work`, which is gone then; never, where there is none.
pub(crate) async fn ended<T>(work: &mut Option<BoxFuture<'_, T>>) -> T {
    match work {
        Some(going) => {
            let end = going.await;
            *work = None;
            end
        }
        None => std::future::pending().await,
    }
}
