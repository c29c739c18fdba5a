//! What the engine remembers, in its own schema `dispatch_cutover`. It must not know how tables are moved.

use crate::generate::Memory;
use crate::lock::host;
use crate::position::Position;
use crate::quote::{ident, literal};
use crate::report::Stop;
use crate::session::{DbError, Session};
use crate::spec::Spec;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

pub(crate) const SCHEMA: &str = "dispatch_cutover";
const TABLES: &str = include_str!("state.sql");

/// The newest run of a spec.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) spec_digest: String,
    pub(crate) plan_hash: String,
    /// The last stage that was completed, or `rolling_back`.
    pub(crate) stage: String,
    pub(crate) target: Option<String>,
    pub(crate) verified_age_s: Option<f64>,
    pub(crate) verified_fingerprint: Option<String>,
    /// Rows that the last `verify` has compared.
    pub(crate) verified_rows: Option<u64>,
    pub(crate) switched_age_s: Option<f64>,
    pub(crate) heartbeat_age_s: f64,
    pub(crate) host: String,
    pub(crate) pid: i32,
    pub(crate) paused: bool,
    pub(crate) counters: Option<Value>,
    #[serde(default)]
    pub(crate) steps: HashMap<String, Step>,
}

/// What is remembered of one table.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Step {
    pub(crate) position: String,
    #[serde(default)]
    pub(crate) memory: Memory,
    pub(crate) filled_key: Option<Value>,
    #[serde(default)]
    pub(crate) filled: i64,
    #[serde(default)]
    pub(crate) complete: bool,
}

impl Run {
    pub(crate) fn memory(&self, table: &str) -> Memory {
        self.steps.get(table).map(|step| step.memory.clone()).unwrap_or_default()
    }

    /// Whether the engine has made a view for this table.
    pub(crate) fn knows(&self, table: &str) -> bool {
        self.steps.get(table).is_some_and(|step| matches!(&*step.position, "expanded" | "switched"))
    }
}

/// The newest run of this spec, if there is any.
pub(crate) async fn load(session: &Session, spec: &Spec) -> Result<Option<Run>, DbError> {
    let there = "SELECT to_json(to_regclass('dispatch_cutover.event') IS NOT NULL)";
    if !session.json::<bool>("looking for the records", there).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT coalesce((SELECT to_jsonb(r) || jsonb_build_object(
            'verified_age_s', extract(epoch FROM clock_timestamp() - r.verified_at),
            'verified_rows', (SELECT (e.detail ->> 'rows')::bigint FROM dispatch_cutover.event AS e
                WHERE e.run_id = r.id AND e.what = 'verified' ORDER BY e.id DESC LIMIT 1),
            'switched_age_s', extract(epoch FROM clock_timestamp() - r.switched_at),
            'heartbeat_age_s', extract(epoch FROM clock_timestamp() - r.heartbeat),
            'steps', coalesce((SELECT jsonb_object_agg(s.relation, to_jsonb(s)
                    || jsonb_build_object('complete', s.filled_at IS NOT NULL))
                FROM dispatch_cutover.step AS s WHERE s.run_id = r.id), '{{}}'))
        FROM dispatch_cutover.run AS r WHERE r.spec = {} ORDER BY r.id DESC LIMIT 1), 'null')::text",
        literal(&spec.name)
    );
    session.json("reading the records", &sql).await
}

/// Another rename of this database that is not finished, if there is one: its name and stage.
pub(crate) async fn other_open(session: &Session, spec: &Spec) -> Result<Option<String>, DbError> {
    let there = "SELECT to_json(to_regclass('dispatch_cutover.event') IS NOT NULL)";
    if !session.json::<bool>("looking for the records", there).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT coalesce(to_json((SELECT spec || ' (' || stage || ')' FROM (
            SELECT DISTINCT ON (spec) spec, stage FROM dispatch_cutover.run ORDER BY spec, id DESC) AS newest
        WHERE spec <> {} AND stage NOT IN ('contracted', 'legacy') LIMIT 1)), 'null')::text",
        literal(&spec.name)
    );
    session.json("looking for other runs", &sql).await
}

/// Makes schema and tables where they are not, closed to everybody else whatever the default privileges are.
pub(crate) async fn prepare(session: &Session, grantees: &[Option<String>]) -> Result<(), Stop> {
    let there: Value = session
        .json(
            "looking for the records",
            "SELECT json_build_object('schema', to_regnamespace('dispatch_cutover') IS NOT NULL,
                'tables', to_regclass('dispatch_cutover.event') IS NOT NULL)",
        )
        .await?;
    if there["tables"] == true {
        return Ok(());
    }
    let mut sql = String::from("BEGIN; SET LOCAL lock_timeout = '3s';");
    if there["schema"] != true {
        sql.push_str("CREATE SCHEMA dispatch_cutover;");
    }
    sql.push_str(TABLES);
    for role in grantees {
        let role = role.as_deref().map_or_else(|| "PUBLIC".to_owned(), ident);
        sql.push_str(&format!(
            "REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {role}; \
             REVOKE ALL ON ALL SEQUENCES IN SCHEMA {SCHEMA} FROM {role}; REVOKE ALL ON SCHEMA {SCHEMA} FROM {role};"
        ));
    }
    sql.push_str("COMMIT");
    if let Err(error) = session.execute("making the records", &sql).await {
        session.rollback().await?;
        return Err(error.into());
    }
    Ok(())
}

/// Begins a run.
pub(crate) async fn begin(session: &Session, spec: &Spec, plan_hash: &str, stage: &str) -> Result<Uuid, DbError> {
    let id = Uuid::now_v7();
    let sql = format!(
        "INSERT INTO dispatch_cutover.run (id, spec, spec_digest, plan_hash, stage, host, pid)
         VALUES ('{id}', {}, {}, {}, {}, {}, {})",
        literal(&spec.name),
        literal(&spec.digest()),
        literal(plan_hash),
        literal(stage),
        literal(&host()),
        std::process::id(),
    );
    session.execute("beginning the run", &sql).await?;
    Ok(id)
}

/// The statement that records where a table stands now, for the transaction that puts it there.
pub(crate) fn stepped(run: Uuid, table: &str, position: Position, memory: &Memory, stage: &str) -> String {
    let memory = serde_json::to_string(memory).unwrap_or_else(|_| "{}".to_owned());
    let (table, position) = (literal(table), literal(position.as_str()));
    let switched = if position == "'switched'" && stage == "switch" { ", switched_at = clock_timestamp()" } else { "" };
    format!(
        "INSERT INTO {SCHEMA}.step (run_id, relation, position, memory) VALUES ('{run}', {table}, {position}, {})
         ON CONFLICT (run_id, relation) DO UPDATE SET position = excluded.position, memory = excluded.memory,
            changed_at = now();
         UPDATE {SCHEMA}.run SET updated_at = now(), heartbeat = clock_timestamp(){switched} WHERE id = '{run}';
         INSERT INTO {SCHEMA}.event (run_id, stage, what, detail)
         VALUES ('{run}', {}, 'moved', jsonb_build_object('table', {table}, 'to', {position}))",
        literal(&memory),
        literal(stage),
    )
}

/// Changes the run itself: `set` is the SET list.
pub(crate) async fn update(session: &Session, run: Uuid, set: &str) -> Result<(), DbError> {
    let (host, pid) = (literal(&host()), std::process::id());
    let sql = format!(
        "UPDATE {SCHEMA}.run SET {set}, host = {host}, pid = {pid}, updated_at = now(), heartbeat = clock_timestamp()
         WHERE id = '{run}'"
    );
    session.execute("recording", &sql).await
}

/// Says that the runner lives; answers whether somebody wants it to pause.
pub(crate) async fn beat(session: &Session, run: Uuid) -> Result<bool, DbError> {
    let sql =
        format!("UPDATE {SCHEMA}.run SET heartbeat = clock_timestamp() WHERE id = '{run}' RETURNING to_json(paused)");
    session.json("the heartbeat", &sql).await
}

/// Adds an event. Its commit waits for the disk, and so makes everything before it durable too.
pub(crate) async fn event(
    session: &Session,
    run: Uuid,
    stage: &str,
    what: &str,
    detail: &Value,
) -> Result<(), DbError> {
    let sql = format!(
        "INSERT INTO {SCHEMA}.event (run_id, stage, what, detail) VALUES ('{run}', {}, {}, {})",
        literal(stage),
        literal(what),
        literal(&detail.to_string()),
    );
    session.execute("recording", &sql).await
}
