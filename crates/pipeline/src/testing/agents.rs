//! What every [`AgentLog`] owes its callers.

use crate::ports::agents::{AgentLog, Tally};
use dispatch_classification::classifier::Usage;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;

/// The contract of [`AgentLog`], on an empty log.
///
/// # Panics
/// When it is broken.
pub async fn agent_log_contract(log: &dyn AgentLog) {
    assert_eq!(log.read().await.expect("answers"), BTreeMap::new(), "the suite needs an empty log");
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("a whole second");
    let tally = |calls: u64, failures: &[(&str, u64)], cost_micros, at| Tally {
        calls,
        failures: failures.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect(),
        busy: Duration::from_millis(100 * calls),
        usage: Usage { input_tokens: 5 * calls, output_tokens: calls, cost_micros },
        last_used_at: Some(at),
    };
    let of = |agent: &str, tally| BTreeMap::from([(agent.to_owned(), tally)]);

    log.add(&of("mind.a", tally(3, &[("timeout", 1), ("busy", 1)], Some(9), now - Duration::from_mins(2))))
        .await
        .expect("added");
    let both = [
        ("mind.a".to_owned(), tally(2, &[("timeout", 2)], None, now)),
        ("mind.b".to_owned(), tally(1, &[], None, now)),
    ];
    log.add(&BTreeMap::from(both)).await.expect("added");

    let read = log.read().await.expect("answers");
    assert_eq!(read.keys().collect::<Vec<_>>(), ["mind.a", "mind.b"]);
    assert_eq!(
        read["mind.a"],
        Tally { busy: Duration::from_millis(500), ..tally(5, &[("timeout", 3), ("busy", 1)], Some(9), now) }
    );
    assert_eq!(read["mind.b"], tally(1, &[], None, now), "no failure is no row");
    log.purge().await.expect("answers");
    assert_eq!(log.read().await.expect("answers"), read, "nothing of today is old");
}
