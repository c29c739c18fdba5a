//! A stage goes on when the server ends its session in the middle: somebody ended it, or the server was restarted. Every
//! stage may be run again, so that is what is done, over a new session. It must not know what a stage does.

use super::once;
use crate::engine::Engine;
use crate::options::Options;
use crate::report::{Done, Event, Reporter, Stage, Stop};
use crate::session::{Connector, DbError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many sessions may be lost: more, and it is the stage itself that ends them.
const SESSIONS: u32 = 5;
/// Between two attempts to connect anew.
const PAUSE: Duration = Duration::from_millis(200);

/// Passes everything on, and notices whether anything was moved.
struct Noticing<'a> {
    reporter: &'a dyn Reporter,
    moved: AtomicBool,
}

impl Reporter for Noticing<'_> {
    fn tell(&self, event: &Event) {
        if matches!(event, Event::Moved { .. }) {
            self.moved.store(true, Ordering::Relaxed);
        }
        self.reporter.tell(event);
    }
}

/// Runs the stage, over as many sessions as it takes.
pub(super) async fn carried_out(
    connector: &dyn Connector,
    stage: Stage,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Done, Stop> {
    let noticing = Noticing { reporter, moved: AtomicBool::new(false) };
    let mut engine = match Engine::open(connector, options, &noticing, stage, None).await {
        // No connection at all is a mistake of whoever starts it; one that is lost at once is not.
        Err(Stop::Database(error)) if error.is_lost() && !matches!(error, DbError::Connect(_)) => {
            anew(connector, options, &noticing, stage, &error, None).await?
        }
        opened => opened?,
    };
    for _ in 1..SESSIONS {
        match once(&engine).await {
            Err(Stop::Database(error)) if error.is_lost() => {
                let backend = engine.session.backend;
                engine = anew(connector, options, &noticing, stage, &error, Some(backend)).await?;
            }
            outcome => {
                return outcome.map(|done| {
                    let changed = done.changed || noticing.moved.load(Ordering::Relaxed);
                    Done { changed, ..done }
                });
            }
        }
    }
    once(&engine).await
}

/// Another session, as soon as the server gives one; that one was lost is told, whenever it was.
async fn anew<'a>(
    connector: &dyn Connector,
    options: &'a Options,
    reporter: &'a dyn Reporter,
    stage: Stage,
    error: &DbError,
    lost: Option<i64>,
) -> Result<Engine<'a>, Stop> {
    reporter.tell(&Event::Note { text: format!("the session was lost ({error}); connecting anew") });
    let since = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        match Engine::open(connector, options, reporter, stage, lost).await {
            Err(Stop::Database(error)) if error.is_lost() && since.elapsed() < options.max_wait => {}
            outcome => return outcome,
        }
    }
}
