//! Connections to one database, divided so that no use can starve another. Must not know what is asked over them.

use anyhow::Result;
use dispatch_postgres::connect::{self, DatabaseUrl, Pool};

/// Commits are short and come in turn; a handful of connections carries thousands of them a second.
const INTAKE: usize = 4;

/// The pools of a process that serves HTTP.
pub struct Pools {
    /// For intake alone: whatever else goes on, a message finds a connection.
    pub intake: Pool,
    /// One connection for health, which everybody may ask for.
    pub pulse: Pool,
    /// For readers and the worker.
    pub work: Pool,
}

impl Pools {
    /// Over `url`, no more than `connections` in all (of which there must be four).
    ///
    /// # Errors
    /// When the URL can never work.
    pub async fn open(url: &DatabaseUrl, connections: usize) -> Result<Self> {
        refuse_pooler(url).await?;
        let (intake, work) = divided(connections);
        let pools = Self {
            intake: connect::pool(url, intake)?,
            pulse: connect::pool(url, 1)?,
            work: connect::pool(url, work)?,
        };
        pools.warm();
        Ok(pools)
    }

    /// Makes intake's first connection before the first message needs it: its sender is answered within a second.
    fn warm(&self) {
        let intake = self.intake.clone();
        tokio::spawn(async move {
            if let Err(error) = intake.get().await {
                tracing::debug!(%error, "no connection for intake yet");
            }
        });
    }

    /// Ends all of them.
    pub fn close(&self) {
        [&self.intake, &self.pulse, &self.work].into_iter().for_each(Pool::close);
    }
}

/// A pool for a process that does one thing only.
///
/// # Errors
/// When the URL can never work.
pub async fn database(url: &DatabaseUrl, connections: usize) -> Result<Pool> {
    refuse_pooler(url).await?;
    Ok(connect::pool(url, connections)?)
}

/// A look at what answers there: a transaction pooler would break claims and notifications and is refused. A database
/// that is down is no reason not to start: it is asked again with every request.
async fn refuse_pooler(url: &DatabaseUrl) -> Result<()> {
    match connect::refuse_pooler(url).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "starting without a database");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// For intake, and for work; one is left for the pulse.
fn divided(connections: usize) -> (usize, usize) {
    let intake = INTAKE.min(connections / 4).max(1);
    (intake, connections.saturating_sub(intake + 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_number_is_kept() {
        assert_eq!((divided(4), divided(8), divided(16), divided(500)), ((1, 2), (2, 5), (4, 11), (4, 495)));
    }

    #[tokio::test]
    async fn intake_shares_its_connections_with_nobody() {
        // Nothing listens there: pools connect on first use.
        let url: DatabaseUrl = "postgresql://u:p@127.0.0.1:1/d".parse().expect("valid");
        let pools = Pools::open(&url, 16).await.expect("pools");
        assert_eq!([&pools.intake, &pools.pulse, &pools.work].map(|pool| pool.usage().1), [4, 1, 11]);
        pools.close();
    }
}
