//! `switch --watch`: looks on after the switch, and goes back by itself when two looks in a row find things wrong. It must
//! not know how one goes back.

use super::{canary, roles, rollback};
use crate::engine::Engine;
use crate::generate::{drift, expected_view};
use crate::position::Position;
use crate::preflight::statements::{self, Spent};
use crate::quote::{literal, qualified};
use crate::report::{Event, Stop};
use crate::session::{DbError, Session};
use crate::state::{self, Run};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Rolled back transactions a second that are nobody's concern, beyond what was usual.
const ROLLBACKS: f64 = 20.0;
/// Seconds over which they are counted: the server's own counts come up to a second late.
const WINDOW: f64 = 4.0;
/// Deadlocks between two looks that are.
const DEADLOCKS: i64 = 1;
/// How often going back is tried.
const TRIES: u32 = 60;

/// What the server counts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Counters {
    at: f64,
    rollbacks: i64,
    deadlocks: i64,
    conflicts: i64,
    /// Statements on the names, and the time they took.
    #[serde(default)]
    calls: Option<Spent>,
    /// Rollbacks a second before the switch.
    #[serde(default)]
    usual: f64,
    /// Milliseconds that 95 of 100 statements stayed below before the switch.
    #[serde(default)]
    usual_ms: Option<f64>,
    /// Whether the canary worked before the switch.
    #[serde(default)]
    canary: bool,
}

async fn counters(engine: &Engine<'_>) -> Result<Counters, Stop> {
    let sql = "SELECT json_build_object('at', extract(epoch FROM clock_timestamp()), 'rollbacks', xact_rollback,
        'deadlocks', deadlocks, 'conflicts', conflicts)
        FROM pg_catalog.pg_stat_database WHERE datname = current_database()";
    let mut counters: Counters = engine.session.json("reading counters", sql).await?;
    let names: Vec<&str> = engine.tables().iter().flat_map(|table| [&*table.from, &*table.to]).collect();
    counters.rollbacks -= engine.session.rolled_back();
    counters.calls = statements::spent(&engine.session, &names).await?;
    Ok(counters)
}

/// What is usual, for the time after the switch to be compared with.
pub(super) async fn remember_counters(engine: &Engine<'_>, run: &Run) -> Result<(), Stop> {
    let mut now = counters(engine).await?;
    let before: Option<Counters> = run.counters.clone().and_then(|value| serde_json::from_value(value).ok());
    if let Some(before) = before {
        let seconds = now.at - before.at;
        #[allow(clippy::cast_precision_loss)]
        if seconds > 10.0 && now.rollbacks >= before.rollbacks {
            now.usual = (now.rollbacks - before.rollbacks) as f64 / seconds;
        }
        now.usual_ms = p95(before.calls, now.calls);
    }
    let survey = engine.survey().await?;
    now.canary = true;
    for (table, position) in survey.standing(engine.tables())? {
        now.canary &= canary::sing(&engine.session, &survey, table, position).await?.is_empty();
    }
    let text = serde_json::to_string(&now).unwrap_or_default();
    Ok(state::update(&engine.session, run.id, &format!("counters = {}", literal(&text))).await?)
}

/// What is counted from the moment of expand on tells what is usual by the time of the switch.
pub(super) async fn begin_counting(engine: &Engine<'_>, run: Uuid) -> Result<(), Stop> {
    let text = serde_json::to_string(&counters(engine).await?).unwrap_or_default();
    let set = format!("counters = coalesce(counters, {})", literal(&text));
    Ok(state::update(&engine.session, run, &set).await?)
}

/// What 95 of 100 statements between the two stayed below, if their times lie about their mean as most do: the extension
/// keeps no more than mean and deviation.
#[allow(clippy::cast_precision_loss)]
fn p95(before: Option<Spent>, after: Option<Spent>) -> Option<f64> {
    let ((calls, time, squares), (calls_now, time_now, squares_now)) = (before?, after?);
    let calls = (calls_now > calls).then(|| (calls_now - calls) as f64)?;
    let mean = (time_now - time) / calls;
    let variance = ((squares_now - squares) / calls - mean * mean).max(0.0);
    Some(mean + 1.645 * variance.sqrt())
}

/// Looks on for this long.
pub(super) async fn run(engine: &Engine<'_>, period: Duration) -> Result<(), Stop> {
    let since = Instant::now();
    let mut last = counters(engine).await?;
    let mut failed = 0;
    loop {
        let problems = sample(engine, &mut last).await?;
        let left = period.saturating_sub(since.elapsed());
        engine.tell(&Event::Sample { good: problems.is_empty(), problems: problems.clone(), left_s: left.as_secs() });
        failed = if problems.is_empty() { 0 } else { failed + 1 };
        if failed == 2 && engine.options.auto_rollback {
            return Err(back(engine, &problems).await?);
        }
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(engine.options.watch_every.min(left)).await;
    }
    if failed >= 2 {
        return Err(Stop::Failed("things are wrong, and --no-auto-rollback was said: run `rollback`".to_owned()));
    }
    Ok(())
}

async fn back(engine: &Engine<'_>, problems: &[String]) -> Result<Stop, Stop> {
    let reason = problems.join("; ");
    if let Some(run) = engine.survey().await?.run {
        engine.event(run.id, "auto_rollback", &json!({ "problems": problems })).await?;
    }
    engine.note(format!("going back: {reason}"));
    for _ in 1..TRIES {
        match rollback::go(engine, Some(Position::Expanded)).await {
            Ok(_) => return Ok(Stop::RolledBack(reason)),
            Err(Stop::TryAgain { blockers, .. }) => {
                engine.tell(&Event::Waiting { table: String::new(), attempt: 0, blockers });
            }
            Err(error) => return Err(error),
        }
    }
    rollback::go(engine, Some(Position::Expanded)).await.map(|_| Stop::RolledBack(reason))
}

/// One look.
async fn sample(engine: &Engine<'_>, last: &mut Counters) -> Result<Vec<String>, Stop> {
    let session = &engine.session;
    let survey = engine.survey().await?;
    let mut problems = Vec::new();
    let Some(run) = &survey.run else { return Ok(vec!["the records are gone".to_owned()]) };
    state::beat(session, run.id).await?;
    let usual: Counters = run.counters.clone().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    match survey.standing(engine.tables()) {
        Err(stop) => problems.push(stop.to_string()),
        Ok(standing) => {
            for (table, position) in standing {
                if position != Position::Switched {
                    problems.push(format!("{} is {}, not switched", table.from, position.as_str()));
                    continue;
                }
                let Some(view) = expected_view(&survey.snapshot, table, position, &survey.memory(table)) else {
                    continue;
                };
                problems.extend(drift(&survey.snapshot, &view));
                let Some(base) = survey.snapshot.relation(&view.base) else { continue };
                problems.extend(roles::compare(session, base, &view).await?);
                problems.extend(readable(session, &base.dependants).await?);
                problems.extend(readable(session, &[qualified(&base.schema, &view.name)]).await?);
                if usual.canary {
                    problems.extend(canary::sing(session, &survey, table, position).await?);
                }
            }
        }
    }
    if run.verified_fingerprint.as_ref().is_some_and(|then| *then != survey.fingerprint(engine.options)) {
        problems.push("the tables are not what they were when they were verified".to_owned());
    }
    let now = counters(engine).await?;
    problems.extend(compared(&usual, last, &now));
    if now.at - last.at >= WINDOW {
        *last = now;
    }
    Ok(problems)
}

/// Views over the table that cannot be read any more.
async fn readable(session: &Session, views: &[String]) -> Result<Vec<String>, DbError> {
    let mut problems = Vec::new();
    for view in views {
        match session.execute(&format!("reading {view}"), &format!("SELECT FROM {view} LIMIT 0")).await {
            Ok(()) => {}
            Err(error) if error.is_lost() => return Err(error),
            Err(error) if error.is_lock_trouble() => {}
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok(problems)
}

#[allow(clippy::cast_precision_loss)]
fn compared(usual: &Counters, last: &Counters, now: &Counters) -> Vec<String> {
    let mut problems = Vec::new();
    let seconds = now.at - last.at;
    if seconds >= WINDOW {
        let rate = (now.rollbacks - last.rollbacks) as f64 / seconds;
        if rate > usual.usual * 3.0 + ROLLBACKS {
            problems.push(format!("{rate:.1} transactions a second are rolled back, {:.1} were usual", usual.usual));
        }
        if now.deadlocks - last.deadlocks > DEADLOCKS {
            problems.push(format!("{} deadlocks since the last look", now.deadlocks - last.deadlocks));
        }
        if now.conflicts > last.conflicts {
            problems.push(format!("{} queries were cancelled on a standby", now.conflicts - last.conflicts));
        }
    }
    if let (Some(usual), Some(took)) = (usual.usual_ms, p95(last.calls, now.calls))
        && took > usual * 3.0 + 20.0
    {
        problems.push(format!("statements take {took:.1} ms (p95), {usual:.1} ms were usual"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_five_of_a_hundred_are_told_from_mean_and_deviation() {
        // A hundred statements of 10 ms after ten of 500 ms that do not count.
        let before = Some((10, 5_000.0, 10.0 * 500.0 * 500.0));
        let same = Some((110, 6_000.0, 10.0 * 500.0 * 500.0 + 100.0 * 100.0));
        assert!((p95(before, same).unwrap() - 10.0).abs() < 0.001);
        // Half of them 0, half of them 20 ms: the mean is the same, and the slow ones show.
        let mixed = Some((110, 6_000.0, 10.0 * 500.0 * 500.0 + 50.0 * 400.0));
        assert!((p95(before, mixed).unwrap() - 26.45).abs() < 0.001);
        assert_eq!((p95(before, before), p95(None, same)), (None, None));
    }
}
