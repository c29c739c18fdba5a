//! The system under test: a database of its own, a Slack of its own, and as many servers as the test starts.

use crate::harness::event::{SlackMessage, signed};
use crate::harness::ledger::Ledger;
use crate::harness::server::{Launch, PATIENCE, Server};
use crate::harness::slack_peer::SlackPeer;
use crate::harness::token::service_bearer;
use dispatch_postgres::testing::TestDatabase;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A clear message that is certainly one task, whoever classifies it.
pub const CLEAR_TASK: &str = "Please order the lockbox and sign for our new listing at 12 Elm St by Friday";

/// A database, a Slack and a client. A test ends with [`System::finish`], which fails when work is left over.
pub struct System {
    binary: &'static str,
    /// The database, migrated, with nothing in it.
    pub database: TestDatabase,
    /// The Slack that receipts go to.
    pub slack: SlackPeer,
    /// For requests that are no Slack message.
    pub client: Client,
    finished: bool,
}

impl System {
    /// Over a fresh database; `binary` is the server to start.
    ///
    /// # Panics
    /// When there is no database to be had.
    pub async fn new(binary: &'static str) -> Self {
        Self::over(binary, TestDatabase::new().await).await
    }

    /// Over a database that somebody else has begun with `sql`; nothing of Dispatch is in it yet.
    ///
    /// # Panics
    /// When there is no database to be had, or the SQL fails.
    pub async fn on_legacy(binary: &'static str, sql: &str) -> Self {
        Self::over(binary, TestDatabase::legacy(sql).await).await
    }

    async fn over(binary: &'static str, database: TestDatabase) -> Self {
        // The process-wide default; a second test thread finds it set, which is what we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { binary, database, slack: SlackPeer::start().await, client: Client::new(), finished: false }
    }

    /// How its servers are started.
    #[must_use]
    pub fn launch(&self) -> Launch {
        Launch::serve(self.binary, self.database.url().expose())
            .env("SLACK_API_URL", &self.slack.url())
            .env("SLACK_BOT_TOKEN", "xoxb-test")
    }

    /// Starts one server with worker.
    pub async fn serve(&self) -> Server {
        self.launch().start().await
    }

    /// Starts one server that kills itself at `failpoint`.
    pub async fn serve_until(&self, failpoint: &str) -> Server {
        self.launch().env("DISPATCH_FAILPOINT", failpoint).start().await
    }

    /// Counts.
    #[must_use]
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.database)
    }

    /// Sends `message` and expects it to be accepted. Answers its `event_id`.
    ///
    /// # Panics
    /// When it is not.
    pub async fn say(&self, server: &Server, message: &SlackMessage) -> String {
        let response = message.request(&self.client, server.base()).send().await.expect("the server answers");
        assert_eq!(response.status(), StatusCode::OK, "a signed message is accepted");
        let body: Value = response.json().await.expect("JSON");
        body["event_id"].as_str().expect("every receipt has an event_id").to_owned()
    }

    /// Sends any event, signed, and expects it to be stored. Answers the receipt.
    ///
    /// # Panics
    /// When it is not.
    pub async fn send(&self, server: &Server, event: &Value) -> Value {
        let request = signed(&self.client, server.base(), event.to_string().into_bytes());
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status(), StatusCode::OK, "a signed event is accepted");
        response.json().await.expect("JSON")
    }

    /// An authenticated GET; answers status and body.
    ///
    /// # Panics
    /// When the server does not answer JSON.
    pub async fn get(&self, server: &Server, path: &str) -> (StatusCode, Value) {
        let request = self.client.get(format!("{}{path}", server.base())).bearer_auth(service_bearer());
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        (status, response.json().await.expect("JSON"))
    }

    /// Waits until nothing is due any more.
    ///
    /// # Panics
    /// When that takes longer than [`PATIENCE`].
    pub async fn settled(&self) {
        self.eventually("all work is settled", async || self.ledger().due().await == 0).await;
    }

    /// Waits until `condition` holds.
    ///
    /// # Panics
    /// When that takes longer than [`PATIENCE`].
    pub async fn eventually(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition().await {
            if Instant::now() > deadline {
                let units = self.ledger().rows("SELECT state, reason, attempts FROM dispatch.units").await;
                let deliveries = self
                    .ledger()
                    .rows("SELECT kind, state, reason, attempts, next_attempt_at FROM dispatch.deliveries")
                    .await;
                panic!("waited in vain until {what}; units {units:?}; deliveries {deliveries:?}");
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Ends the test: nothing may be due.
    ///
    /// # Panics
    /// When something is.
    pub async fn finish(mut self) {
        assert_eq!(self.ledger().due().await, 0, "work is left over");
        self.finished = true;
    }
}

impl Drop for System {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test of the system ends with finish()");
    }
}
