//! Removes what has been kept for its time: by turns beside a worker, or all of it at a person's word. Must not know how it
//! is kept.

use crate::ports::StoreUnavailable;
use crate::ports::retention::{Ages, Cursor, Matter, Retention, Rows, Turn};
use std::sync::Arc;
use std::time::Duration;

/// Rows looked at in one commit, so that it is short.
const AT_ONCE: u32 = 200;
/// From the end of a walk to the next: what is too old goes that much later at most.
const BETWEEN_WALKS: Duration = Duration::from_hours(6);
/// Until a matter is asked for again that somebody else is at.
const BUSY: Duration = Duration::from_millis(50);

/// The use case.
#[derive(Clone)]
pub struct Retain {
    store: Arc<dyn Retention>,
    ages: Ages,
}

impl Retain {
    /// Over `store`, by these ages.
    #[must_use]
    pub fn new(store: Arc<dyn Retention>, ages: Ages) -> Self {
        Self { store, ages }
    }

    /// How long everything is kept.
    #[must_use]
    pub fn ages(&self) -> &Ages {
        &self.ages
    }

    /// One batch of each matter that is due. Answers whether there is more to do right away.
    pub async fn turn(&self) -> bool {
        let mut more = false;
        for matter in Matter::ALL {
            let what = matter.as_str();
            match self.store.turn(matter, &self.ages, AT_ONCE, BETWEEN_WALKS).await {
                Ok(Turn::Rests) => {}
                Ok(Turn::Stepped(step)) => {
                    more |= step.next.is_some();
                    if step.rows.total() > 0 {
                        tracing::info!(what, rows = step.rows.total(), "removed, for its time is over");
                    }
                }
                Err(error) => tracing::warn!(what, %error, "could not be removed yet"),
            }
        }
        more
    }

    /// Removes all of it, batch by batch, with a breath of `pause` in between. Answers what was removed.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: what was removed until then is gone; the same call goes on with the rest.
    pub async fn all(&self, matter: Matter, pause: Duration) -> Result<Rows, StoreUnavailable> {
        let mut removed = Rows::default();
        let mut from = Some(Cursor::default());
        while let Some(cursor) = from.take() {
            match self.store.step(matter, &self.ages, &cursor, AT_ONCE).await? {
                Some(step) => {
                    removed.add(&step.rows);
                    from = step.next;
                    tokio::time::sleep(pause).await;
                }
                None => {
                    from = Some(cursor);
                    tokio::time::sleep(BUSY).await;
                }
            }
        }
        Ok(removed)
    }

    /// What [`Self::all`] would remove now.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn preview(&self, matter: Matter) -> Result<Rows, StoreUnavailable> {
        let mut rows = Rows::default();
        let mut from = Some(Cursor::default());
        while let Some(cursor) = from.take() {
            let step = self.store.preview(matter, &self.ages, &cursor, AT_ONCE).await?;
            rows.add(&step.rows);
            from = step.next;
        }
        Ok(rows)
    }

    /// What other ports would remove now.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn expired(&self) -> Result<Rows, StoreUnavailable> {
        self.store.expired().await
    }
}
