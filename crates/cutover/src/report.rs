//! What a stage tells while it runs, and how it ends. It must not know terminals or JSON lines: whoever listens does.

use crate::position::Position;
use crate::session::DbError;
use crate::spec::SpecError;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Hears what a stage does.
pub trait Reporter: Send + Sync {
    /// Something happened.
    fn tell(&self, event: &Event);
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// `preflight` found something.
    Finding(Finding),
    /// A statement of the plan, or one that a dry run would send.
    Statement {
        /// The stage it belongs to.
        stage: Stage,
        /// The table.
        table: String,
        /// The SQL.
        sql: String,
        /// The strongest lock it takes, and on what.
        lock: String,
        /// How long it should take.
        expected_ms: f64,
    },
    /// How far a long stage is.
    Progress {
        /// The table.
        table: String,
        /// Rows done.
        done: u64,
        /// Rows in all, as far as the statistics know.
        total: u64,
        /// Seconds to go, once it can be told.
        #[serde(skip_serializing_if = "Option::is_none")]
        eta_s: Option<f64>,
    },
    /// An attempt had to give way.
    Waiting {
        /// The table.
        table: String,
        /// Which attempt it was.
        attempt: u32,
        /// Who was in the way.
        blockers: Vec<Blocker>,
    },
    /// A table stands elsewhere now.
    Moved {
        /// The table, by its old name.
        table: String,
        /// Where it stood.
        from: Position,
        /// Where it stands.
        to: Position,
        /// How often it was tried.
        attempts: u32,
        /// How long the message took that held exclusive locks, from here.
        took_ms: f64,
    },
    /// One sample of `switch --watch`.
    Sample {
        /// Whether all was well.
        good: bool,
        /// What was not.
        problems: Vec<String>,
        /// Seconds to go.
        left_s: u64,
    },
    /// A sentence for people.
    Note {
        /// It.
        text: String,
    },
    /// Where everything stands (`status`).
    Status(Box<Value>),
}

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The rename would do harm.
    Block,
    /// Somebody should know.
    Warn,
}

/// Something that `preflight` found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How it is meant.
    pub level: Level,
    /// A stable word for it.
    pub code: &'static str,
    /// What it is about.
    pub subject: String,
    /// What is the matter.
    pub reason: String,
    /// What to do.
    pub cure: String,
}

/// A session that holds a lock.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct Blocker {
    /// Its process; none for a prepared transaction.
    pub pid: Option<i32>,
    /// Who it is, where that may be seen.
    pub user: Option<String>,
    /// What it calls itself.
    pub app: Option<String>,
    /// How long its transaction has been open.
    pub age_ms: Option<f64>,
    /// What it does.
    pub state: Option<String>,
    /// Its last statement, without texts.
    pub query: Option<String>,
    /// Its transaction, as `pg_locks` names it.
    #[serde(default)]
    pub transaction: String,
}

/// The stages of a cut-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Shows what would be done.
    Plan,
    /// Looks for what stands in the way.
    Preflight,
    /// Makes the new names.
    Expand,
    /// Fills columns that the spec adds.
    Backfill,
    /// Compares both names.
    Verify,
    /// Renames the tables.
    Switch,
    /// Says where everything stands.
    Status,
    /// Goes back.
    Rollback,
    /// Removes the old names.
    Contract,
}

impl Stage {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Preflight => "preflight",
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Verify => "verify",
            Self::Switch => "switch",
            Self::Status => "status",
            Self::Rollback => "rollback",
            Self::Contract => "contract",
        }
    }
}

/// A stage that did what it should.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// In one sentence.
    pub summary: String,
    /// Whether anything was changed by this run.
    pub changed: bool,
    /// Figures of the stage.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl Done {
    pub(crate) fn new(summary: impl Into<String>, changed: bool) -> Self {
        Self { summary: summary.into(), changed, detail: Value::Null }
    }

    pub(crate) fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// Why a stage ended early. Each has its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// It failed.
    #[error("{0}")]
    Failed(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The spec cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The command cannot be meant so.
    #[error("{0}")]
    Usage(String),
    /// `switch --watch` saw that things went wrong and went back.
    #[error("rolled back by itself: {0}")]
    RolledBack(String),
    /// Something stands in the way.
    #[error("blocked: {}", listed(.0))]
    Blocked(Vec<Finding>),
    /// Locks could not be had in time.
    #[error("{what} could not get its locks in {waited_ms} ms; nothing is left half done, run it again. In the way: {}", in_the_way(.blockers))]
    TryAgain {
        /// What was tried.
        what: String,
        /// For how long.
        waited_ms: u64,
        /// Who was in the way.
        blockers: Vec<Blocker>,
    },
    /// Somebody else is at it.
    #[error("another runner is at work ({0}); `dispatch cutover status` says what it does")]
    AnotherRunner(String),
    /// It is too early.
    #[error("{0}")]
    Holding(String),
}

impl Stop {
    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Database(_) | Self::Spec(_) => 1,
            Self::Usage(_) => 2,
            Self::RolledBack(_) => 3,
            Self::Blocked(_) => 64,
            Self::TryAgain { .. } => 75,
            Self::AnotherRunner(_) => 77,
            Self::Holding(_) => 78,
        }
    }

    /// What is known about it, for JSON.
    #[must_use]
    pub fn detail(&self) -> Value {
        match self {
            Self::Blocked(findings) => serde_json::json!({ "findings": findings }),
            Self::TryAgain { blockers, waited_ms, .. } => {
                serde_json::json!({ "blockers": blockers, "waited_ms": waited_ms })
            }
            _ => Value::Null,
        }
    }

    pub(crate) fn blocked(
        code: &'static str,
        subject: &str,
        reason: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        let (reason, cure) = (reason.into(), cure.into());
        Self::Blocked(vec![Finding { level: Level::Block, code, subject: subject.to_owned(), reason, cure }])
    }
}

fn listed(findings: &[Finding]) -> String {
    let listed: Vec<String> = findings.iter().map(ToString::to_string).collect();
    listed.join("; ")
}

fn in_the_way(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        return "nobody for long, only much traffic (give --max-wait more)".to_owned();
    }
    blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}. {}", self.code, self.subject, self.reason, self.cure)
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => write!(f, "a prepared transaction ({})", self.transaction)?,
        }
        let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(user) = known(&self.user) {
            write!(f, ", user {user}")?;
        }
        if let Some(app) = known(&self.app) {
            write!(f, ", {app}")?;
        }
        if let Some(age) = self.age_ms {
            write!(f, ", transaction open for {:.1} s", age / 1000.0)?;
        }
        if let Some(state) = known(&self.state) {
            write!(f, ", {state}")?;
        }
        match known(&self.query) {
            Some(query) => write!(f, ", {query}"),
            None => Ok(()),
        }
    }
}
