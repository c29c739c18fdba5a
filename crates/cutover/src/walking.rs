//! One walk at a time through all of the stages: a lock beside the runner's, held by a session that does nothing else, for as
//! long as the walk goes on. It must not know what is done between stages.

use crate::engine::dedicated;
use crate::lock::{self, Lock};
use crate::options::Options;
use crate::report::Stop;
use crate::session::{Connector, Session};
use std::time::{Duration, Instant};

/// Between two attempts to connect anew.
const PAUSE: Duration = Duration::from_millis(200);

/// The right to walk. It ends with its session: when this is dropped, or its process is killed.
pub struct Walking {
    session: Session,
    word: &'static str,
}

impl Walking {
    /// Takes it, for the command of this name.
    ///
    /// # Errors
    ///
    /// [`Stop::AnotherRunner`] at once when somebody has it; otherwise why there is no session to be had.
    pub async fn begin(connector: &dyn Connector, word: &'static str) -> Result<Self, Stop> {
        Self::taken(connector, word, None).await
    }

    async fn taken(connector: &dyn Connector, word: &'static str, lost: Option<i64>) -> Result<Self, Stop> {
        let session = dedicated(connector, word).await?;
        lock::take(&session, Lock::Walk, lost).await?;
        Ok(Self { session, word })
    }

    /// Whether it is still ours; where the server has ended the session it is taken anew.
    ///
    /// # Errors
    ///
    /// [`Stop::AnotherRunner`] when somebody else has it by now; otherwise why no session was to be had within `max_wait`.
    pub async fn still(&mut self, connector: &dyn Connector, options: &Options) -> Result<(), Stop> {
        match self.session.execute("looking whether the session is there", "SELECT 1").await {
            Err(error) if error.is_lost() => {}
            outcome => return Ok(outcome?),
        }
        let since = Instant::now();
        loop {
            match Self::taken(connector, self.word, Some(self.session.backend)).await {
                Err(Stop::Database(error)) if error.is_lost() && since.elapsed() < options.max_wait => {
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => {
                    *self = outcome?;
                    return Ok(());
                }
            }
        }
    }
}
