//! Looking before one queues: who holds a table, and for how long. It must not take a lock itself.

use crate::quote::shown;
use crate::report::Blocker;
use crate::session::{DbError, Session};
use std::collections::HashSet;
use std::time::Duration;

/// A transaction that has been open for longer may go on for long; a younger one is over in a moment.
pub(crate) const YOUNG: Duration = Duration::from_millis(40);

/// Whoever holds a lock on one of these relations and has done so for more than a moment.
///
/// When the age of a transaction may not be seen (it takes `pg_read_all_stats`), it is the same transaction in two looks
/// a moment apart that counts as old.
pub(crate) async fn old_holders(session: &Session, oids: &[i64]) -> Result<Vec<Blocker>, DbError> {
    let first = holders(session, oids).await?;
    let hidden = |blocker: &&Blocker| blocker.age_ms.is_none();
    let unseen: HashSet<String> = first.iter().filter(hidden).map(|blocker| blocker.transaction.clone()).collect();
    let looked_at = if unseen.is_empty() {
        first
    } else {
        tokio::time::sleep(YOUNG).await;
        holders(session, oids).await?
    };
    let old = |blocker: &Blocker| match blocker.age_ms {
        Some(age) => age > YOUNG.as_secs_f64() * 1000.0,
        None => unseen.contains(&blocker.transaction),
    };
    Ok(looked_at.into_iter().filter(old).collect())
}

/// Whoever holds a lock on one of these relations at this moment.
pub(crate) async fn holders(session: &Session, oids: &[i64]) -> Result<Vec<Blocker>, DbError> {
    let oids: Vec<String> = oids.iter().map(ToString::to_string).collect();
    let sql = format!(
        "SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('pid', l.pid, 'user', a.usename,
            'app', a.application_name, 'age_ms', CASE WHEN l.pid IS NULL THEN 1e9
                ELSE extract(epoch FROM clock_timestamp() - a.xact_start) * 1000 END,
            'state', a.state, 'query', left(a.query, 400), 'transaction', l.virtualtransaction)), '[]')::text
        FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
            AND l.relation::bigint IN ({})",
        oids.join(", ")
    );
    let mut found: Vec<Blocker> = session.json("looking for lock holders", &sql).await?;
    let mut seen = HashSet::new();
    found.retain(|blocker| seen.insert(blocker.transaction.clone()));
    for blocker in &mut found {
        blocker.query = blocker.query.take().map(|query| shown(&query, 100));
    }
    Ok(found)
}
