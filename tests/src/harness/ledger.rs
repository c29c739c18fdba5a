//! The ledger: counts what is in the database, so that nothing lost and nothing doubled is a number.

use dispatch_postgres::testing::TestDatabase;
use serde_json::Value;

/// Reads the database behind the system.
pub struct Ledger<'a> {
    database: &'a TestDatabase,
}

impl<'a> Ledger<'a> {
    /// Of this database.
    #[must_use]
    pub fn new(database: &'a TestDatabase) -> Self {
        Self { database }
    }

    /// The rows of `query`, as JSON.
    pub async fn rows(&self, query: &str) -> Vec<Value> {
        self.database.json(query).await
    }

    /// The single number that `query` answers, in a column `n`.
    ///
    /// # Panics
    /// When it answers anything else.
    pub async fn count(&self, query: &str) -> i64 {
        let rows = self.rows(query).await;
        rows.first().and_then(|row| row["n"].as_i64()).unwrap_or_else(|| panic!("no number n in {rows:?}"))
    }

    /// Work that somebody still has to do: due signals, amendments, pending units, answers and deliveries, and those held for
    /// the cut-over.
    pub async fn due(&self) -> i64 {
        self.count(
            "SELECT (SELECT count(*) FROM dispatch.signals WHERE state = 'queued' AND unit_id IS NULL)
                  + (SELECT count(*) FROM dispatch.signals WHERE state = 'amending')
                  + (SELECT count(*) FROM dispatch.units WHERE state = 'pending')
                  + (SELECT count(*) FROM dispatch.answers WHERE state = 'pending')
                  + (SELECT count(*) FROM dispatch.deliveries WHERE state = 'pending'
                       OR reason = 'cutover_expand_due') AS n",
        )
        .await
    }

    /// Missions of both kinds.
    pub async fn missions(&self) -> i64 {
        self.count(
            "SELECT (SELECT count(*) FROM public.dispatch_activities)
                  + (SELECT count(*) FROM public.dispatch_agent_tasks) AS n",
        )
        .await
    }

    /// Agent tasks alone.
    pub async fn agent_tasks(&self) -> i64 {
        self.count("SELECT count(*) AS n FROM public.dispatch_agent_tasks").await
    }
}
