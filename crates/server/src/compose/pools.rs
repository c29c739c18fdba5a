//! Connections to one database, divided so that no use can starve another. Must not know what is asked over them.

use anyhow::Result;
use dispatch_postgres::connect::{self, DatabaseUrl, Pool};

/// Commits are short and come in turn; a handful of connections carries thousands of them a second.
const INTAKE: usize = 4;

/// Streams, questions and classifications by request have a share of their own, of this size at most.
const TALK: usize = 8;

/// The pools of a process that serves HTTP.
pub struct Pools {
    /// For intake alone: whatever else goes on, a message finds a connection.
    pub intake: Pool,
    /// One connection for health, which everybody may ask for.
    pub pulse: Pool,
    /// For streams, questions and classifications by request: whatever people ask for, the worker goes on.
    pub talk: Pool,
    /// For everybody else: readers and the worker.
    pub work: Pool,
}

impl Pools {
    /// Over `url`, no more than `connections` in all (of which there must be four). With less than five, who talks shares with
    /// who works.
    ///
    /// # Errors
    /// When the URL can never work.
    pub async fn open(url: &DatabaseUrl, connections: usize) -> Result<Self> {
        refuse_pooler(url).await?;
        let Shares { intake, talk, work } = divided(connections);
        let work = connect::pool(url, work)?;
        let pools = Self {
            intake: connect::pool(url, intake)?,
            pulse: connect::pool(url, 1)?,
            talk: if talk == 0 { work.clone() } else { connect::pool(url, talk)? },
            work,
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
        [&self.intake, &self.pulse, &self.talk, &self.work].into_iter().for_each(Pool::close);
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

/// How many connections each use has; one more is for the pulse.
#[derive(PartialEq, Eq, Debug)]
struct Shares {
    intake: usize,
    talk: usize,
    work: usize,
}

fn divided(connections: usize) -> Shares {
    let intake = INTAKE.min(connections / 4).max(1);
    let talk = TALK.min(connections / 5);
    Shares { intake, talk, work: connections.saturating_sub(intake + talk + 1).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_number_is_kept() {
        for (connections, intake, talk, work) in [(4, 1, 0, 2), (8, 2, 1, 4), (16, 4, 3, 8), (500, 4, 8, 487)] {
            assert_eq!(divided(connections), Shares { intake, talk, work });
        }
    }

    #[tokio::test]
    async fn intake_shares_its_connections_with_nobody() {
        // Nothing listens there: pools connect on first use.
        let url: DatabaseUrl = "postgresql://u:p@127.0.0.1:1/d".parse().expect("valid");
        let pools = Pools::open(&url, 16).await.expect("pools");
        let sizes = [&pools.intake, &pools.pulse, &pools.talk, &pools.work].map(|pool| pool.usage().1);
        assert_eq!(sizes, [4, 1, 3, 8]);
        pools.close();
    }
}
