//! Whether anybody still uses the old names: looked for in the locks, and in `pg_stat_statements` where that is. It must
//! not know what follows from it.

use crate::engine::{Engine, Survey};
use crate::gate::holders;
use crate::position::Position;
use crate::preflight::statements;
use crate::report::Stop;
use crate::spec::Table;
use std::time::{Duration, Instant};

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
        if let Some(user) = holders(&engine.session, &oids).await?.into_iter().next() {
            return Err(Stop::Holding(format!(
                "an old name is still used ({user}); move that client to the new names first"
            )));
        }
        tokio::time::sleep(every).await;
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

/// How long is looked, and how often: 30 s at 10 Hz after the holding period, two dense seconds where that was lifted.
fn window(hold: Duration) -> (Duration, Duration) {
    let period = (hold / 60).clamp(Duration::from_secs(2), Duration::from_secs(30));
    let every = if period < Duration::from_secs(10) { 10 } else { 100 };
    (period, Duration::from_millis(every))
}
