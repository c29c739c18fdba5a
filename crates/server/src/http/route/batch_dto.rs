//! Many replays on the wire. What is absent is left out, never null.

use super::dead_query::{is_code, is_name};
use super::words::{BatchStateDto, FaultClassDto, StageDto};
use crate::http::problem::{Problem, ProblemField, kind};
use crate::http::timestamp::Timestamp;
use dispatch_mission::ids::ReplayId;
use dispatch_routing::dead_letters::DeadFilter;
use dispatch_routing::held_work::Decider;
use dispatch_routing::replay_batches::{Batch, BatchChoice, NewBatch, Preview};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Replays in a second, unless said otherwise.
const RATE: u32 = 10;
const HIGHEST_RATE: u32 = 100;
/// The most in one, unless said otherwise.
const LIMIT: u32 = 1000;
const HIGHEST_LIMIT: u32 = 10_000;
/// The state of what succeeded.
const SUCCEEDED: &str = "delivered";
/// More ids do not fit a body.
const MOST_IDS: usize = 1000;

/// What is to be replayed: `ids`, or dead letters by one or several filters, or `all` of them; or, with `force`, what succeeded: `states`
/// is `["delivered"]`, and `since` says from when on.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ReplaysRequest, example = json!({
    "reasons": ["http_503"], "kinds": ["slack"], "since": "2026-11-20T14:00:00.000Z", "per_second": 10, "reason": "Slack is back",
}))]
pub struct BatchRequestDto {
    /// Events, units, classifications, dispatches or deliveries. At most 1,000.
    #[schema(nullable = false, max_items = 1000)]
    pub ids: Option<Vec<String>>,
    /// Every dead letter.
    #[schema(default = false)]
    pub all: bool,
    /// Those that ended then or later; of what succeeded, those that were planned then or later.
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub since: Option<Timestamp>,
    /// Those that ended before then; of what succeeded, those that were planned before then.
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub until: Option<Timestamp>,
    /// Those that ended for one of these reasons.
    #[schema(required = false)]
    pub reasons: Vec<String>,
    /// Those of one of these kinds: `unit`, `storage`, `slack`, `sms`, …
    #[schema(required = false)]
    pub kinds: Vec<String>,
    /// Those to one of these channels, tables or configured names.
    #[schema(required = false)]
    pub destinations: Vec<String>,
    /// Those that ended in one of these ways: `dead` (a unit), `exhausted`, `failed`, `unknown`; or `delivered`, alone.
    #[schema(required = false)]
    pub states: Vec<String>,
    /// Those that are this one's fault.
    #[schema(nullable = false)]
    pub class: Option<FaultClassDto>,
    /// From where on; as for each alone unless said otherwise.
    #[schema(nullable = false)]
    pub from: Option<StageDto>,
    /// Whether also what succeeded is done once more.
    #[schema(default = false)]
    pub force: bool,
    /// Begin nothing: answer what would be replayed.
    #[schema(default = false)]
    pub dry_run: bool,
    /// Replays in a second: 1 to 100, 10 unless said otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 100)]
    pub per_second: Option<i64>,
    /// The most that are replayed: 1 to 10,000, 1,000 unless said otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 10000)]
    pub limit: Option<i64>,
    /// What there is to say about it: at most 500 characters; it stands in the stories.
    #[schema(nullable = false, max_length = 500)]
    pub reason: Option<String>,
}

/// How far many replays are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Replays, example = json!({
    "replay_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d70", "state": "running", "forced": false, "per_second": 10, "more": false,
    "total": 120, "pending": 80, "done": 38, "skipped": 1, "refused": 1, "created_at": "2026-11-20T15:03:07.120Z",
}))]
pub struct BatchDto {
    /// Its id.
    pub replay_id: String,
    /// Whether it goes on.
    pub state: BatchStateDto,
    /// From where on, where somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<StageDto>,
    /// Whether also what had succeeded is done once more.
    pub forced: bool,
    /// Replays in a second.
    #[schema(format = Int32)]
    pub per_second: u32,
    /// Whether more fit the filters than the limit let in: ask again for the rest.
    pub more: bool,
    /// How many it is about.
    #[schema(format = Int32)]
    pub total: u32,
    /// Not replayed yet.
    #[schema(format = Int32)]
    pub pending: u32,
    /// Replayed.
    #[schema(format = Int32)]
    pub done: u32,
    /// Left alone, for they had succeeded or were under way.
    #[schema(format = Int32)]
    pub skipped: u32,
    /// Refused, as each alone would have been with 404 or 409.
    #[schema(format = Int32)]
    pub refused: u32,
    /// When somebody asked for it.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub ended_at: Option<Timestamp>,
}

/// What many replays would be about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = ReplaysPreview, example = json!({
    "total": 120, "more": false, "kinds": { "storage": 60, "slack": 60 }, "first": ["01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62"],
}))]
pub struct BatchPreviewDto {
    /// How many.
    #[schema(format = Int32)]
    pub total: u32,
    /// Whether more fit the filters than the limit lets in.
    pub more: bool,
    /// How many of each kind: `unit`, `storage`, `slack`, …; `other` for what is named by another id.
    #[schema(value_type = BTreeMap<String, i32>)]
    pub kinds: BTreeMap<String, u32>,
    /// The first of them, at most 20: `POST /route/replay/{id}` with `dry_run` shows what would become of one.
    pub first: Vec<String>,
}

/// Whether a word may stand in a list.
type IsWord = fn(&str) -> bool;

impl BatchRequestDto {
    pub(super) fn read(&self, by: Decider) -> Result<NewBatch, Problem> {
        let mut errors = Vec::new();
        let ids = self.ids(&mut errors);
        self.look_at_words(&mut errors);
        let filtered = self.is_filtered();
        let ways = [ids.is_some(), self.all, filtered].into_iter().filter(|way| *way).count();
        if ways == 0 {
            errors.push(ProblemField::pointer("", "must say what: ids, filters, or all"));
        } else if ids.is_some() && ways > 1 {
            errors.push(ProblemField::pointer("/ids", "cannot be combined with filters or all"));
        }
        let succeeded = self.succeeded(&mut errors);
        if !errors.is_empty() {
            return Err(Problem::new(&kind::INVALID_BODY).errors(errors));
        }
        let limit = bounded(self.limit, LIMIT, HIGHEST_LIMIT, "limit")?;
        let choice = match (ids, succeeded) {
            (Some(ids), _) if ids.len() > MOST_IDS => {
                return Err(Problem::new(&kind::LIMIT_EXCEEDED).detail("Name at most 1,000 ids."));
            }
            (Some(ids), _) => BatchChoice::These(ids),
            (None, Some(since)) => BatchChoice::Succeeded {
                kinds: self.kinds.clone(),
                destinations: self.destinations.clone(),
                since,
                until: self.until.map(|at| at.0),
            },
            (None, None) => BatchChoice::Dead {
                filter: DeadFilter {
                    reasons: self.reasons.clone(),
                    kinds: self.kinds.clone(),
                    destinations: self.destinations.clone(),
                    class: self.class.map(Into::into),
                    newest_first: false,
                },
                states: self.states.clone(),
                since: self.since.map(|at| at.0),
                until: self.until.map(|at| at.0),
            },
        };
        Ok(NewBatch {
            batch_id: ReplayId::mint(),
            limit,
            choice,
            stage: self.from.map(Into::into),
            force: self.force,
            per_second: bounded(self.per_second, RATE, HIGHEST_RATE, "per_second")?,
            by,
        })
    }

    /// From when on what succeeded is wanted, where it is. Nobody does everything once more by a slip of the pen.
    fn succeeded(&self, errors: &mut Vec<ProblemField>) -> Option<OffsetDateTime> {
        if !self.states.iter().any(|state| state == SUCCEEDED) {
            return None;
        }
        if self.states.len() > 1 {
            errors.push(ProblemField::pointer("/states", "delivered stands alone: the others are of dead letters"));
        }
        if self.all || self.class.is_some() || !self.reasons.is_empty() {
            errors.push(ProblemField::pointer("/states", "all, class and reasons are of dead letters"));
        }
        if !self.force {
            errors.push(ProblemField::pointer("/force", "must be true: what succeeded is left alone otherwise"));
        }
        if self.since.is_none() {
            errors.push(ProblemField::pointer("/since", "must say from when on"));
        }
        self.since.map(|at| at.0)
    }

    fn ids(&self, errors: &mut Vec<ProblemField>) -> Option<Vec<Uuid>> {
        let read = |(index, text): (usize, &String)| {
            let id = Uuid::try_parse(text).ok();
            if id.is_none() {
                errors.push(ProblemField::pointer(&format!("/ids/{index}"), "is no id of Dispatch's"));
            }
            id
        };
        self.ids.as_ref().map(|ids| ids.iter().enumerate().filter_map(read).collect())
    }

    fn look_at_words(&self, errors: &mut Vec<ProblemField>) {
        let is_end = |word: &str| matches!(word, "dead" | "exhausted" | "failed" | "unknown" | SUCCEEDED);
        let lists: [(&str, &[String], IsWord); 4] = [
            ("reasons", &self.reasons, is_code),
            ("kinds", &self.kinds, is_code),
            ("destinations", &self.destinations, is_name),
            ("states", &self.states, is_end),
        ];
        for (name, words, is_word) in lists {
            for (index, _) in words.iter().enumerate().filter(|(_, word)| !is_word(word)) {
                errors.push(ProblemField::pointer(&format!("/{name}/{index}"), "is not a word of this list"));
            }
        }
    }

    fn is_filtered(&self) -> bool {
        let lists = [&self.reasons, &self.kinds, &self.destinations, &self.states];
        lists.iter().any(|list| !list.is_empty())
            || self.since.is_some()
            || self.until.is_some()
            || self.class.is_some()
    }
}

fn bounded(given: Option<i64>, usual: u32, highest: u32, name: &str) -> Result<u32, Problem> {
    let given = given.map_or(Some(usual), |given| u32::try_from(given).ok());
    given.filter(|given| (1..=highest).contains(given)).ok_or_else(|| {
        let field = ProblemField::pointer(&format!("/{name}"), format!("must be a whole number from 1 to {highest}"));
        Problem::new(&kind::INVALID_BODY).errors(vec![field])
    })
}

impl From<Preview> for BatchPreviewDto {
    fn from(preview: Preview) -> Self {
        Self {
            total: preview.kinds.values().sum(),
            more: preview.more,
            kinds: preview.kinds,
            first: preview.first.iter().map(Uuid::to_string).collect(),
        }
    }
}

impl From<Batch> for BatchDto {
    fn from(batch: Batch) -> Self {
        Self {
            replay_id: batch.batch_id.to_string(),
            state: batch.state.into(),
            from: batch.stage.map(Into::into),
            forced: batch.force,
            per_second: batch.per_second,
            more: batch.more,
            total: batch.progress.total,
            pending: batch.progress.pending,
            done: batch.progress.done,
            skipped: batch.progress.skipped,
            refused: batch.progress.refused,
            created_at: batch.created_at.into(),
            ended_at: batch.ended_at.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<NewBatch, Problem> {
        let by = Decider { principal: "user:ann".into(), operation: None, note: None };
        serde_json::from_value::<BatchRequestDto>(body).expect("its shape").read(by)
    }

    #[test]
    fn somebody_says_what() {
        let batch = read(json!({"all": true})).expect("every dead letter");
        assert_eq!((batch.per_second, batch.limit), (RATE, LIMIT));
        let id = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62";
        let these = BatchChoice::These(vec![Uuid::try_parse(id).expect("a UUID")]);
        assert_eq!(read(json!({"ids": [id]})).expect("one").choice, these);
        let again =
            json!({"states": ["delivered"], "since": "2026-11-20T14:00:00.000Z", "force": true, "kinds": ["slack"]});
        let again = read(again).expect("a range of what succeeded");
        assert!(matches!(again.choice, BatchChoice::Succeeded { until: None, .. }) && again.force, "{again:?}");
        for wrong in [
            json!({}),
            json!({"ids": ["x"]}),
            json!({"ids": [id], "all": true}),
            json!({"ids": [id], "reasons": ["http_503"]}),
            json!({"reasons": ["HTTP 503"]}),
            json!({"states": ["delivered"]}),
            json!({"states": ["delivered"], "since": "2026-11-20T14:00:00.000Z"}),
            json!({"states": ["delivered"], "force": true}),
            json!({"states": ["delivered", "failed"], "since": "2026-11-20T14:00:00.000Z", "force": true}),
            json!({"states": ["delivered"], "since": "2026-11-20T14:00:00.000Z", "force": true, "reasons": ["http_503"]}),
            json!({"all": true, "per_second": 0}),
            json!({"all": true, "limit": 10_001}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
