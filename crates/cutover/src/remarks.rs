//! What whoever walks the stages wants kept with the run: what was done beside the tables, so that another process knows it
//! too. It must not know what a remark means.

use crate::options::Options;
use crate::quote::literal;
use crate::report::Stop;
use crate::session::{Connector, DbError, Session};
use crate::state;
use serde::Deserialize;
use serde_json::Value;

/// What stands in the column `stage` of events that are remarks.
const WALK: &str = "walk";

/// Something that somebody wanted kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Remark {
    /// A word for it.
    pub what: String,
    /// The rest.
    #[serde(default)]
    pub detail: Value,
}

/// Keeps a remark with the newest run of the spec. Committed, and on disk, before this returns.
///
/// # Errors
///
/// When the database does not take it, or there is no run yet.
pub async fn remark(connector: &dyn Connector, options: &Options, what: &str, detail: &Value) -> Result<(), Stop> {
    let session = Session::open(connector, "dispatch cutover remark").await?;
    let run = state::load(&session, &options.spec).await?;
    let run = run.ok_or_else(|| Stop::Failed("there is no run yet that a remark could be kept with".to_owned()))?;
    Ok(state::event(&session, run.id, WALK, what, detail).await?)
}

/// Every remark of the newest run, the oldest first; none where there are no records.
///
/// # Errors
///
/// When the database does not answer.
pub async fn remarks(connector: &dyn Connector, options: &Options) -> Result<Vec<Remark>, Stop> {
    let session = Session::open(connector, "dispatch cutover remark").await?;
    Ok(read(&session, options).await?)
}

async fn read(session: &Session, options: &Options) -> Result<Vec<Remark>, DbError> {
    let Some(run) = state::load(session, &options.spec).await? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT coalesce(json_agg(json_build_object('what', what, 'detail', detail) ORDER BY id), '[]')::text
        FROM dispatch_cutover.event WHERE run_id = '{}' AND stage = {}",
        run.id,
        literal(WALK)
    );
    session.json("reading remarks", &sql).await
}
