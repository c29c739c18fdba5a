//! A worker begins when the database is what its build expects, and not before: half-migrated tables would turn work into
//! failures. Must not migrate anything.

use super::workspaces::Workspaces;
use dispatch_pipeline::worker::Worker;
use dispatch_postgres::connect::Pool;
use dispatch_postgres::migrate;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the database is looked at while it is not ready.
const LOOK: Duration = Duration::from_secs(2);

/// A worker, what is looked at once beside it, and the database that both wait for.
pub struct GatedWorker {
    /// Who works.
    pub worker: Worker,
    /// Who may be written to again.
    pub(super) workspaces: Workspaces,
    /// Where the migrations are looked at.
    pub pool: Pool,
}

impl GatedWorker {
    /// Waits, then works until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let Self { worker, workspaces, pool } = self;
        if stop.run_until_cancelled(opened(|| pending(&pool))).await.is_some() {
            tokio::join!(worker.run(stop.clone()), stop.run_until_cancelled(workspaces.let_in()));
        }
    }
}

/// How many migrations are pending.
async fn pending(pool: &Pool) -> Result<usize, String> {
    let mut connection = pool.get().await.map_err(|error| error.to_string())?;
    migrate::pending(&mut connection).await.map(|all| all.len()).map_err(|error| error.to_string())
}

/// Returns when nothing is pending. Says once why it waits, and again only when the reason is another.
async fn opened<F: Future<Output = Result<usize, String>>>(look: impl Fn() -> F) {
    let mut told = None;
    loop {
        let found = look().await;
        if found == Ok(0) {
            if told.is_some() {
                tracing::info!("the database is ready; the worker begins");
            }
            return;
        }
        let kind = found.is_ok();
        if told.replace(kind) != Some(kind) {
            match found {
                Ok(pending) => tracing::warn!(pending, "the worker waits for `dispatch migrate`"),
                Err(cause) => tracing::warn!(cause, "the worker waits for the database"),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn it_opens_when_nothing_is_pending_and_not_before() {
        let answers = RefCell::new(vec![Ok(0), Ok(1), Ok(3), Err("down".to_owned())]);
        let begun = Instant::now();
        opened(|| std::future::ready(answers.borrow_mut().pop().expect("not asked again"))).await;
        assert!(answers.borrow().is_empty());
        assert_eq!(begun.elapsed(), 3 * LOOK);
    }
}
