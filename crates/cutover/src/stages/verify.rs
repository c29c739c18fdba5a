//! `verify`: both names show the same, row by row, in one snapshot for each range; each view is the one that was made; and
//! each role sees the same by either name. `switch` wants one that is young and of the same fingerprint.

use super::ranges::{Key, Pace, estimate, next_key, within};
use super::{dry, roles, switch};
use crate::catalogue::Relation;
use crate::engine::{Engine, Survey};
use crate::generate::{drift, expected_view};
use crate::ops::View;
use crate::position::Position;
use crate::quote::{ident, qualified};
use crate::report::{Done, Stop};
use crate::session::DbError;
use crate::state;
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What one range may take. Short, for `switch` and autovacuum wait for whoever reads for long.
const RANGE: Duration = Duration::from_millis(40);

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    engine.lock().await?;
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    if standing.iter().all(|(_, position)| *position == Position::Contracted) {
        return Ok(Done::new("contracted: there is one name, and nothing to compare it with", false));
    }
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position == Position::Legacy) {
        return Err(switch::not_expanded(table));
    }
    let run = survey.same_plan(engine.options)?.id;
    if engine.options.dry_run {
        return Ok(dry(engine));
    }
    // Until this one has succeeded, none counts.
    state::update(&engine.session, run, "verified_at = NULL, verified_fingerprint = NULL").await?;
    let (mut problems, mut rows) = (Vec::new(), 0);
    for (table, position) in standing {
        let Some(view) = expected_view(&survey.snapshot, table, position, &survey.memory(table)) else { continue };
        let Some(base) = survey.snapshot.relation(&view.base) else { continue };
        problems.extend(drift(&survey.snapshot, &view));
        let compared = Comparison { engine, run, base, view: &view }.whole().await?;
        rows += compared.rows;
        problems.extend(compared.problems);
        problems.extend(roles::compare(&engine.session, base, &view).await?);
    }
    finish(engine, run, &survey, rows, &problems).await
}

async fn finish(engine: &Engine<'_>, run: Uuid, before: &Survey, rows: u64, problems: &[String]) -> Result<Done, Stop> {
    let mut problems = problems.to_vec();
    let after = engine.survey().await?;
    let fingerprint = after.fingerprint(engine.options);
    if fingerprint != before.fingerprint(engine.options) {
        problems.push("the tables were changed meanwhile".to_owned());
    }
    if !problems.is_empty() {
        engine.event(run, "verify_failed", &json!({ "problems": problems })).await?;
        return Err(Stop::Failed(format!("the names do not show the same: {}", problems.join("; "))));
    }
    let set = format!("verified_at = clock_timestamp(), verified_fingerprint = '{fingerprint}'");
    state::update(&engine.session, run, &set).await?;
    engine.event(run, "verified", &json!({ "rows": rows, "fingerprint": fingerprint })).await?;
    let detail = json!({ "rows": rows, "fingerprint": fingerprint });
    Ok(Done::new(format!("verified: {rows} rows show the same by both names"), false).with(detail))
}

/// One table and its view.
struct Comparison<'a> {
    engine: &'a Engine<'a>,
    run: Uuid,
    base: &'a Relation,
    view: &'a View,
}

#[derive(Default)]
struct Compared {
    rows: u64,
    problems: Vec<String>,
}

impl Comparison<'_> {
    async fn whole(&self) -> Result<Compared, Stop> {
        let session = &self.engine.session;
        let mut compared = Compared::default();
        let total = estimate(session, self.base).await?;
        let mut pace = Pace::new(RANGE, 1_000);
        let keyed = !self.base.key.is_empty();
        if !keyed {
            self.engine.note(format!("{} has no key: it is compared in one statement", self.base.name));
        }
        let mut after: Option<Key> = None;
        loop {
            let since = Instant::now();
            let upto = if keyed { next_key(session, self.base, after.as_ref(), pace.size()).await? } else { None };
            let (rows, same) = match self.range(after.as_ref(), upto.as_ref()).await {
                Ok(answer) => answer,
                Err(error) if error.code().is_some_and(|code| code.code().starts_with("42")) => {
                    compared.problems.push(error.to_string());
                    return Ok(compared);
                }
                Err(error) => return Err(error.into()),
            };
            compared.rows += rows;
            if !same {
                let keys = self.differing(after.as_ref(), upto.as_ref()).await?;
                compared.problems.push(format!(
                    "rows of {} and {} differ, keys {}",
                    self.view.base,
                    self.view.name,
                    keys.join(", ")
                ));
                return Ok(compared);
            }
            pace.tell(self.engine, self.run, self.base, rows, total).await?;
            if upto.is_none() {
                return Ok(compared);
            }
            after = upto;
            pace.rest(since.elapsed()).await;
        }
    }

    /// Rows of one range, and whether both names show the same.
    async fn range(&self, after: Option<&Key>, upto: Option<&Key>) -> Result<(u64, bool), DbError> {
        let sum = |side: &Side| {
            let (row, from, range) = (&side.row, &side.name, within(&self.base.key_columns(), &side.key, after, upto));
            format!(
                "(SELECT json_build_array(count(*), coalesce(sum(hashtextextended({row}::text, 0)), 0)::text)
                  FROM {from} WHERE {range})"
            )
        };
        let (base, view) = self.sides();
        let sql = format!("SELECT json_build_array({}, {})", sum(&base), sum(&view));
        let [left, right]: [(u64, String); 2] = self.engine.session.json("comparing", &sql).await?;
        Ok((left.0, left == right))
    }

    async fn differing(&self, after: Option<&Key>, upto: Option<&Key>) -> Result<Vec<String>, DbError> {
        let rows = |side: &Side| {
            let range = within(&self.base.key_columns(), &side.key, after, upto);
            let key =
                if side.key.is_empty() { "''".to_owned() } else { format!("concat_ws('/', {})", side.key.join(", ")) };
            format!("SELECT {key} AS key, {}::text AS row FROM {} WHERE {range}", side.row, side.name)
        };
        let (base, view) = self.sides();
        let (base, view) = (rows(&base), rows(&view));
        let sql = format!(
            "SELECT coalesce(json_agg(DISTINCT key), '[]') FROM (SELECT key FROM
                (({base} EXCEPT {view}) UNION ALL ({view} EXCEPT {base})) AS differing LIMIT 5) AS few"
        );
        self.engine.session.json("naming what differs", &sql).await
    }

    fn sides(&self) -> (Side, Side) {
        let key = self.base.key_columns();
        let side = |name: &str, columns: Vec<String>, key: Vec<String>| Side {
            name: qualified(&self.base.schema, name),
            row: format!("ROW({})", columns.join(", ")),
            key,
        };
        let columns = &self.view.columns;
        (
            side(
                &self.view.base,
                columns.iter().map(|(from, _)| ident(from)).collect(),
                key.iter().map(|column| ident(&column.name)).collect(),
            ),
            side(
                &self.view.name,
                columns.iter().map(|(_, to)| ident(to)).collect(),
                key.iter().map(|column| ident(self.view.alias(&column.name))).collect(),
            ),
        )
    }
}

/// One of the two names.
struct Side {
    name: String,
    row: String,
    key: Vec<String>,
}
