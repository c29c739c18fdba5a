//! The one connection of a run. Everything goes by the simple protocol: nothing is prepared, and several statements can
//! be one message. It must not know what is asked.

use crate::quote::literal;
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

/// How the engine gets its connection: from whoever knows URLs and TLS. It must be a session of its own, not one that a
/// transaction pooler lends.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Connects, under this name in `pg_stat_activity`, and sees to it that the driver runs.
    ///
    /// # Errors
    ///
    /// Why there is no connection, with the cure in its text.
    async fn connect(&self, application_name: &str) -> Result<Client, Box<dyn std::error::Error + Send + Sync>>;
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// There is no connection.
    #[error("{0}")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement failed.
    #[error("{what} failed: {}", told(.source))]
    Statement {
        /// What was being done.
        what: String,
        /// What the server said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The answer was not as expected.
    #[error("{what} gave an answer that cannot be read: {why}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The server's own words, which name no row: details and hints stay out.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => format!("{} ({})", answer.message(), answer.code().code()),
        None => error.to_string(),
    }
}

impl DbError {
    /// The SQLSTATE, if the server answered.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Statement { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Somebody else was in the way for a moment; the same may work soon.
    pub(crate) fn is_lock_trouble(&self) -> bool {
        let transient = [
            &SqlState::LOCK_NOT_AVAILABLE,
            &SqlState::QUERY_CANCELED,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::OBJECT_IN_USE,
        ];
        self.code().is_some_and(|code| transient.contains(&code) || code.code() == "XX000" && self.is_concurrent())
    }

    /// "tuple concurrently updated": two changed the same row of the catalogue.
    fn is_concurrent(&self) -> bool {
        self.to_string().contains("concurrently")
    }

    /// The session is gone.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Statement { source, .. } => {
                source.is_closed()
                    || source
                        .code()
                        .is_some_and(|code| code.code().starts_with("57P") || matches!(code.code(), "25P03" | "25P04"))
            }
            Self::Connect(_) => true,
            Self::Answer { .. } => false,
        }
    }
}

/// A session that is set up for the engine.
pub(crate) struct Session {
    client: Client,
    /// The schemas that unqualified names are looked up in by default, before the engine turned that off.
    pub(crate) search_path: Vec<String>,
    pub(crate) backend: i64,
    rollbacks: AtomicI64,
}

/// Every name is written with its schema; nothing runs longer or waits longer than it is told to; and the server looks
/// now and then whether we are still there, so that what a killed runner asked for does not outlive it.
/// Whatever role and database have set: each of these is set here.
const SET_UP: &str = "SET search_path = ''; SET standard_conforming_strings = on; SET client_min_messages = warning; \
    SET statement_timeout = 0; SET lock_timeout = '3s'; SET idle_in_transaction_session_timeout = '5s'; \
    SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed'; \
    SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; \
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET jit = off; SET max_parallel_workers_per_gather = 0; SET row_security = on; \
    SET quote_all_identifiers = off; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// From which version on a server knows a setting.
const IDLE_SESSION_TIMEOUT: i32 = 140_000;
pub(crate) const TRANSACTION_TIMEOUT: i32 = 170_000;

/// How often the first words are said when a role's own timeout cuts them off.
const TRIES: u32 = 20;

/// What a session of this version is told. What it does not know would be an error, and undo the rest.
fn set_up(version: i32) -> String {
    let known = |since: i32, setting: &'static str| (version >= since).then_some(setting);
    let lifted = [
        known(TRANSACTION_TIMEOUT, "SET transaction_timeout = 0; "),
        known(IDLE_SESSION_TIMEOUT, "SET idle_session_timeout = 0; "),
    ];
    lifted.into_iter().flatten().chain([SET_UP]).collect()
}

impl Session {
    pub(crate) async fn open(connector: &dyn Connector, application_name: &str) -> Result<Self, DbError> {
        let client = connector.connect(application_name).await.map_err(DbError::Connect)?;
        let mut session = Self { client, search_path: Vec::new(), backend: 0, rollbacks: AtomicI64::new(0) };
        session.unhurried().await?;
        let version: i32 = session.json("asking for the version", "SHOW server_version_num").await?;
        session.search_path =
            session.json("looking up the search path", "SELECT to_json(current_schemas(true))").await?;
        session.execute("setting the session up", &set_up(version)).await?;
        // Not every platform can, and then a killed runner is noticed a little later.
        let _where_it_is_possible = session.execute("setting", "SET client_connection_check_interval = '100ms'").await;
        session.backend = session.json("asking for the process", "SELECT pg_backend_pid()").await?;
        Ok(session)
    }

    /// Before anything is asked: the role's own timeout may be shorter than a question, and even than these words.
    async fn unhurried(&self) -> Result<(), DbError> {
        let (what, sql) = ("lifting the timeout", "SET statement_timeout = 0");
        for _ in 1..TRIES {
            match self.execute(what, sql).await {
                Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {}
                outcome => return outcome,
            }
        }
        self.execute(what, sql).await
    }

    /// Runs statements that answer nothing, as one message.
    pub(crate) async fn execute(&self, what: &str, sql: &str) -> Result<(), DbError> {
        self.client.batch_execute(sql).await.map_err(|source| failed(what, source))
    }

    /// Ends a transaction that failed. What the server has ended by itself is ended.
    pub(crate) async fn rollback(&self) -> Result<(), DbError> {
        self.rollbacks.fetch_add(1, Ordering::Relaxed);
        self.execute("ending the transaction", "ROLLBACK").await
    }

    /// How many transactions this session has rolled back itself.
    pub(crate) fn rolled_back(&self) -> i64 {
        self.rollbacks.load(Ordering::Relaxed)
    }

    /// The first column of the first row, which holds JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, what: &str, sql: &str) -> Result<T, DbError> {
        let rows = self.rows(what, sql).await?;
        let unreadable = |why: String| DbError::Answer { what: what.to_owned(), why };
        let text = rows.into_iter().next().and_then(|row| row.into_iter().next().flatten());
        let text = text.ok_or_else(|| unreadable("no row".to_owned()))?;
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
    }

    /// Rows as text.
    pub(crate) async fn rows(&self, what: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, DbError> {
        let messages = self.client.simple_query(sql).await.map_err(|source| failed(what, source))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Whether the server process changes between statements, which only a pooler does.
    pub(crate) async fn is_pooled(&self) -> Result<bool, DbError> {
        for _ in 0..4 {
            let backend: i64 = self.json("asking for the process", "SELECT pg_backend_pid()").await?;
            if backend != self.backend {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // A pooler that resets its sessions between transactions gives itself away by what it forgot.
        let path: String = self.json("asking for the path", "SELECT to_json(current_setting('search_path'))").await?;
        Ok(!matches!(&*path, "" | "\"\""))
    }

    pub(crate) async fn name(&self, application_name: &str) -> Result<(), DbError> {
        self.execute("naming the session", &format!("SET application_name = {}", literal(application_name))).await
    }
}

fn failed(what: &str, source: tokio_postgres::Error) -> DbError {
    DbError::Statement { what: what.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_only_what_it_knows() {
        let told = |version| {
            let sql = set_up(version);
            assert!(sql.ends_with(SET_UP), "{sql}");
            ["transaction_timeout = 0", "idle_session_timeout = 0"].map(|one| sql.contains(&format!("SET {one}; ")))
        };
        assert_eq!(told(130_022), [false, false]);
        assert_eq!(told(140_000), [false, true]);
        assert_eq!(told(160_009), [false, true]);
        assert_eq!(told(170_000), [true, true]);
    }
}
