//! Observe: is it well, and what happened.

use crate::ports::StoreUnavailable;
use crate::ports::stories::{Stories, Story};
use crate::ports::vitals::{Brokerage, VitalSigns, Vitals};
use std::sync::Arc;
use std::time::Duration;

/// A worker that has not reported for this long is not counted.
pub const WORKER_SILENCE_SECONDS: f64 = 15.0;
/// A database that does not answer within this time is down.
const PROBE_BUDGET: Duration = Duration::from_secs(2);

/// The use cases behind `/observe/*`.
pub struct Observe {
    stories: Arc<dyn Stories>,
    vitals: Arc<dyn Vitals>,
}

/// One check of health.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// `database`, `migrations`, `workers`, `brokerage`.
    pub name: &'static str,
    /// How it went.
    pub status: CheckStatus,
    /// What it means and what to do, when it is not `Pass`.
    pub detail: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckStatus {
    /// Well.
    Pass,
    /// Works, but a person should look.
    Warn,
    /// Not able to serve.
    Fail,
}

/// The answer to "is it well?".
#[derive(Clone, PartialEq, Debug)]
pub struct Health {
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// The pulse behind them, when the database answered.
    pub signs: Option<VitalSigns>,
}

impl Health {
    /// Whether no check failed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.status != CheckStatus::Fail)
    }
}

impl Observe {
    /// Over these ports.
    #[must_use]
    pub fn new(stories: Arc<dyn Stories>, vitals: Arc<dyn Vitals>) -> Self {
        Self { stories, vitals }
    }

    /// The whole story that `id` belongs to.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn story(&self, id: &str) -> Result<Option<Story>, StoreUnavailable> {
        self.stories.find(id).await
    }

    /// Probes everything now, within two seconds.
    pub async fn health(&self) -> Health {
        match tokio::time::timeout(PROBE_BUDGET, self.vitals.take()).await {
            Ok(Ok(signs)) => Health { checks: assess(&signs), signs: Some(signs) },
            Ok(Err(_)) => unreachable_database("the database refuses connections or queries"),
            Err(_) => unreachable_database("the database did not answer within two seconds"),
        }
    }
}

fn unreachable_database(detail: &str) -> Health {
    let check = Check { name: "database", status: CheckStatus::Fail, detail: Some(detail.to_owned()) };
    Health { checks: vec![check], signs: None }
}

fn assess(signs: &VitalSigns) -> Vec<Check> {
    let live = signs.workers.iter().filter(|worker| worker.age_seconds <= WORKER_SILENCE_SECONDS).count();
    let migrations = match signs.pending_migrations.len() {
        0 => (CheckStatus::Pass, None),
        n => (CheckStatus::Fail, Some(format!("{n} pending; run `dispatch migrate`"))),
    };
    let workers = match live {
        0 => (CheckStatus::Fail, Some("no worker reported in the last 15 s; start `dispatch worker`".to_owned())),
        _ => (CheckStatus::Pass, None),
    };
    let brokerage = match signs.brokerage {
        Brokerage::Ready => (CheckStatus::Pass, None),
        Brokerage::ExpandDue => (
            CheckStatus::Warn,
            Some("cutover_expand_due: storage waits for the tables' new names; see docs/CUTOVER.md".to_owned()),
        ),
        Brokerage::Absent => (CheckStatus::Warn, Some("this database has no brokerage tables".to_owned())),
    };
    [
        ("database", (CheckStatus::Pass, None)),
        ("migrations", migrations),
        ("workers", workers),
        ("brokerage", brokerage),
    ]
    .into_iter()
    .map(|(name, (status, detail))| Check { name, status, detail })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::vitals::WorkerSign;
    use time::macros::datetime;

    fn signs(worker_age: f64, pending: &[&str]) -> VitalSigns {
        VitalSigns {
            pending_migrations: pending.iter().map(ToString::to_string).collect(),
            brokerage: Brokerage::ExpandDue,
            queues: Vec::new(),
            workers: vec![WorkerSign { worker: "w".into(), age_seconds: worker_age }],
            database_time: datetime!(2026-11-20 12:00 UTC),
        }
    }

    fn failed(signs: &VitalSigns) -> Vec<&'static str> {
        assess(signs).into_iter().filter(|c| c.status == CheckStatus::Fail).map(|c| c.name).collect()
    }

    #[test]
    fn silence_and_pending_migrations_fail_but_a_due_expand_only_warns() {
        assert_eq!(failed(&signs(1.0, &[])), Vec::<&str>::new());
        assert_eq!(failed(&signs(60.0, &[])), ["workers"]);
        assert_eq!(failed(&signs(1.0, &["0002"])), ["migrations"]);
    }
}
