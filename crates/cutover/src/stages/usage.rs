//! Whether anybody still uses the old names: looked for in the locks, and in `pg_stat_statements` where that is. It must
//! not know what follows from it.

use crate::engine::{Engine, Survey};
use crate::gate::holders;
use crate::position::Position;
use crate::preflight::statements;
use crate::quote::shown;
use crate::report::{Blocker, Stop};
use crate::session::{DbError, Session};
use crate::spec::Table;
use std::time::{Duration, Instant};

/// How long the server looks before it is asked what it saw.
const LOOK: Duration = Duration::from_millis(500);

/// Refuses while somebody uses an old name.
pub(super) async fn unused(engine: &Engine<'_>, survey: &Survey, standing: &[(&Table, Position)]) -> Result<(), Stop> {
    let switched = standing.iter().filter(|(_, position)| *position == Position::Switched);
    let views = switched.filter_map(|(table, _)| survey.snapshot.relation(&table.from));
    let oids: Vec<i64> = views.map(|view| view.oid).collect();
    let names: Vec<&str> = standing.iter().map(|(table, _)| &*table.from).collect();
    let before = statements::calls(&engine.session, &names).await?;
    let (period, every) = window(engine.options.hold);
    engine.note(format!("looking for {:.0} s whether somebody uses the old names", period.as_secs_f64()));
    let since = Instant::now();
    while since.elapsed() < period {
        let look = (period - since.elapsed()).min(LOOK);
        if let Some(user) = seen(&engine.session, &oids, look, every).await? {
            return Err(Stop::Holding(format!(
                "an old name is still used ({user}); move that client to the new names first"
            )));
        }
    }
    if let (Some(before), Some(after)) = (before, statements::calls(&engine.session, &names).await?)
        && after > before
    {
        return Err(Stop::Holding(format!(
            "pg_stat_statements counted {} statements on the old names meanwhile; move those clients first",
            after - before
        )));
    }
    Ok(())
}

/// Somebody who holds a lock on one of these within this time. The server looks by itself: a statement is over in less time
/// than a question takes from here to there.
async fn seen(session: &Session, oids: &[i64], look: Duration, every: Duration) -> Result<Option<Blocker>, DbError> {
    let among = oids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "DO $look$
        DECLARE
            until timestamptz := clock_timestamp() + interval '{} milliseconds';
            user_pid text;
        BEGIN
            PERFORM set_config('dispatch_cutover.seen', '', false);
            WHILE clock_timestamp() < until LOOP
                SELECT coalesce(l.pid, 0)::text INTO user_pid FROM pg_catalog.pg_locks AS l
                WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
                    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                    AND l.relation::bigint IN ({among}) LIMIT 1;
                IF FOUND THEN
                    PERFORM set_config('dispatch_cutover.seen', user_pid, false);
                    RETURN;
                END IF;
                PERFORM pg_sleep({});
            END LOOP;
        END $look$",
        look.as_millis(),
        every.as_secs_f64(),
    );
    match session.execute("looking for users of the old names", &sql).await {
        Ok(()) => {}
        // Without the language: from here, as often as it goes.
        Err(error) if error.code().is_some_and(|code| code.code() == "42704") => {
            tokio::time::sleep(every).await;
            return Ok(holders(session, oids).await?.into_iter().next());
        }
        Err(error) => return Err(error),
    }
    let sql = "SELECT CASE current_setting('dispatch_cutover.seen') WHEN '' THEN 'null' ELSE
        json_build_object('pid', nullif(current_setting('dispatch_cutover.seen')::int, 0), 'user', a.usename,
            'app', a.application_name, 'state', a.state, 'query', left(a.query, 400))::text END
        FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_stat_activity AS a
            ON a.pid::text = current_setting('dispatch_cutover.seen')";
    let mut user: Option<Blocker> = session.json("asking who that is", sql).await?;
    if let Some(user) = &mut user {
        user.query = user.query.take().map(|query| shown(&query, 100));
    }
    Ok(user)
}

/// How long is looked, and how often: 30 s after the holding period, two dense seconds where that was lifted.
fn window(hold: Duration) -> (Duration, Duration) {
    let period = (hold / 60).clamp(Duration::from_secs(2), Duration::from_secs(30));
    let every = if period < Duration::from_secs(10) { 2 } else { 20 };
    (period, Duration::from_millis(every))
}
