//! The statements behind `/missions`. Each table gives its own page by its own index; then the two are merged.
//!
//! Rows come as JSON, for a real database may lack a column. It must not judge what they hold.

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_types::{Array, BigInt, Bool, Float, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::{MissionKind, MissionType, Visibility};
use dispatch_mission::mission_store::{Deleted, MissionCursor, MissionFilter, MissionOrder};
use dispatch_mission::people::Sight;
use dispatch_mission::status::MissionStatus;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::brokerage::expanded;
use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Which table holds which kind.
pub(crate) const KINDS: [(MissionKind, &str); 2] =
    [(MissionKind::Activity, "dispatch_activities"), (MissionKind::AgentTask, "dispatch_agent_tasks")];

/// A row of either table, and what Dispatch knows about it.
#[derive(Debug, QueryableByName)]
pub(crate) struct MissionRow {
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) mission_id: String,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) sorted_at: OffsetDateTime,
    #[diesel(sql_type = Jsonb)]
    pub(crate) mission: Value,
    #[diesel(sql_type = BigInt)]
    pub(crate) version: i64,
    #[diesel(sql_type = Nullable<Float>)]
    pub(crate) confidence: Option<f32>,
    #[diesel(sql_type = Nullable<Bool>)]
    pub(crate) auto_dispatch: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) reason: Option<String>,
    #[diesel(sql_type = Bool)]
    pub(crate) waits: bool,
}

impl MissionRow {
    /// Where a page that ends here is continued.
    pub(crate) fn cursor(&self) -> MissionCursor {
        MissionCursor { at: self.sorted_at, mission_id: MissionId(self.mission_id.clone()) }
    }
}

#[derive(QueryableByName)]
struct Expanded {
    #[diesel(sql_type = Bool)]
    expanded: bool,
}

pub(crate) async fn is_expanded(connection: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    let answer: Expanded = sql(concat!("SELECT ", expanded!(), " AS expanded")).get_result(connection).await?;
    Ok(answer.expanded)
}

/// Rows of one page, `limit` at most.
pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    sight: Sight,
    filter: &MissionFilter,
    order: MissionOrder,
    after: Option<&MissionCursor>,
    limit: i64,
) -> Result<Vec<MissionRow>, StoreError> {
    let sorted_by = match order {
        MissionOrder::Newest => "created_at",
        MissionOrder::Updated => "updated_at",
    };
    let mut wheres = Wheres::default();
    if let Some(after) = after {
        let (at, id) = (wheres.bind(Bind::At(after.at)), wheres.bind(Bind::Text(after.mission_id.0.clone())));
        wheres.and(format!("(m.{sorted_by}, m.mission_id) < ({at}, {id})"));
    }
    wheres.filter(filter);
    let limit = wheres.bind(Bind::Count(limit));
    let tables: Vec<String> = KINDS
        .iter()
        .filter(|(kind, _)| filter.kind.is_none_or(|wanted| wanted == *kind))
        .map(|(kind, table)| {
            format!(
                "({} ORDER BY m.{sorted_by} DESC, m.mission_id DESC LIMIT {limit})",
                select(*kind, table, sorted_by, sight, &wheres.text())
            )
        })
        .collect();
    let text = format!(
        "SELECT * FROM ({}) AS missions ORDER BY sorted_at DESC, mission_id DESC LIMIT {limit}",
        tables.join(" UNION ALL ")
    );
    Ok(wheres.onto(diesel::sql_query(text).into_boxed()).load(connection).await?)
}

/// One row by its id.
pub(crate) async fn one(
    connection: &mut AsyncPgConnection,
    sight: Sight,
    id: &MissionId,
) -> Result<Option<MissionRow>, StoreError> {
    let mut names = vec![id.0.clone()];
    // Some clients write UUIDs in upper case.
    names.extend(Uuid::parse_str(&id.0).ok().map(|id| id.to_string()).filter(|lower| *lower != id.0));
    let tables: Vec<String> = KINDS
        .iter()
        .map(|(kind, table)| select(*kind, table, "created_at", sight, "m.mission_id = ANY ($1)"))
        .collect();
    let text = format!("{} LIMIT 1", tables.join(" UNION ALL "));
    let mut rows: Vec<MissionRow> = diesel::sql_query(text).bind::<Array<Text>, _>(names).load(connection).await?;
    Ok(rows.pop())
}

fn select(kind: MissionKind, table: &str, sorted_by: &str, sight: Sight, wheres: &str) -> String {
    format!(
        "SELECT '{}' AS kind, m.mission_id::text AS mission_id, m.{sorted_by} AS sorted_at, to_jsonb(m) AS mission,
             coalesce(f.version, 1) AS version, f.confidence, f.auto_dispatch, f.reason,
             f.needs_info IS NOT NULL AS waits
         FROM public.{table} AS m LEFT JOIN dispatch.mission_facts AS f ON f.mission_id = m.mission_id
         WHERE {} AND ({wheres})",
        kind.as_str(),
        is_seen(kind, sight),
    )
}

/// Only activities belong to a group. What is not on the list is hidden, a group that nobody knows too.
pub(crate) fn is_seen(kind: MissionKind, sight: Sight) -> String {
    if kind == MissionKind::AgentTask || sight.is_all() {
        return "true".to_owned();
    }
    let groups = [Visibility::Both, Visibility::Agent, Visibility::Marketing].into_iter();
    let seen: Vec<String> =
        groups.filter(|group| sight.sees(*group)).map(|group| format!("'{}'", group.as_str())).collect();
    format!("coalesce(m.visibility_group, '{}') IN ({})", Visibility::Both.as_str(), seen.join(", "))
}

enum Bind {
    Text(String),
    At(OffsetDateTime),
    Count(i64),
}

/// Conditions and the values they speak of. Values that are ours (statuses, types) stand in the text.
#[derive(Default)]
struct Wheres {
    conditions: Vec<String>,
    binds: Vec<Bind>,
}

impl Wheres {
    fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    fn and(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    fn filter(&mut self, filter: &MissionFilter) {
        let texts = [
            ("realtor_id", filter.realtor_id.as_ref().map(|id| &id.0)),
            ("listing_id", filter.listing_id.as_ref().map(|id| &id.0)),
            ("assigned_staff_id", filter.assigned_to.as_ref().map(|id| &id.0)),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                let value = self.bind(Bind::Text(value.clone()));
                self.and(format!("m.{column} = {value}"));
            }
        }
        if !filter.statuses.is_empty() {
            let any: Vec<String> = filter.statuses.iter().map(|status| has_status(*status)).collect();
            self.and(format!("({})", any.join(" OR ")));
        }
        if !filter.types.is_empty() {
            let any: Vec<String> = filter.types.iter().map(|kind| has_type(*kind)).collect();
            self.and(format!("({})", any.join(" OR ")));
        }
        match filter.deleted {
            Deleted::Exclude => self.and("m.deleted_at IS NULL".to_owned()),
            Deleted::Only => self.and("m.deleted_at IS NOT NULL".to_owned()),
            Deleted::Include => {}
        }
    }

    fn text(&self) -> String {
        if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" AND ") }
    }

    fn onto<Q>(self, query: BoxedSqlQuery<'static, Pg, Q>) -> BoxedSqlQuery<'static, Pg, Q> {
        self.binds.into_iter().fold(query, |query, bind| match bind {
            Bind::Text(text) => query.bind::<Text, _>(text),
            Bind::At(at) => query.bind::<Timestamptz, _>(at),
            Bind::Count(count) => query.bind::<BigInt, _>(count),
        })
    }
}

pub(crate) fn has_status(status: MissionStatus) -> String {
    let stored = status.stored();
    match status {
        MissionStatus::Active => format!("m.mission_status = '{stored}' AND f.needs_info IS NULL"),
        MissionStatus::NeedsInfo => {
            format!("m.mission_status = 'NEEDS_INFO' OR m.mission_status = '{stored}' AND f.needs_info IS NOT NULL")
        }
        _ => format!("m.mission_status = '{stored}'"),
    }
}

/// Older rows say `X_TASKS` for `X`.
fn has_type(kind: Option<MissionType>) -> String {
    match kind {
        None => "m.mission_type IS NULL".to_owned(),
        Some(kind) => format!("m.mission_type IN ('{0}', '{0}_TASKS')", kind.as_str()),
    }
}
