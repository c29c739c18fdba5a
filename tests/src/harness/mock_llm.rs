//! A mock of language models' providers that we did not write (`@copilotkit/aimock`): it speaks the wire formats of OpenAI,
//! Anthropic and Gemini, and answers by fixtures.

use crate::harness::server::PATIENCE;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Names its script; `cargo xtask test` sets it.
pub const AIMOCK: &str = "DISPATCH_TEST_AIMOCK";

/// One process of it. It ends with this.
pub struct MockLlm {
    child: Child,
    base: String,
    client: reqwest::Client,
}

impl MockLlm {
    /// Starts it on a free port with `fixtures` and nothing else to say.
    ///
    /// # Panics
    /// When it is not installed, or does not take the fixtures.
    pub async fn start(fixtures: &[Value]) -> Self {
        // The process-wide default; a second test thread finds it set, which is what we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (child, base) = tokio::time::timeout(PATIENCE, listening()).await.expect("the mock says where it listens");
        let mock = Self { child, base, client: reqwest::Client::new() };
        // It comes with examples of its own.
        let url = format!("{}/__aimock/fixtures", mock.base);
        mock.client.delete(&url).send().await.and_then(reqwest::Response::error_for_status).expect("emptied");
        mock.also(fixtures).await;
        mock
    }

    /// More fixtures; earlier ones win.
    ///
    /// # Panics
    /// When it does not take them.
    pub async fn also(&self, fixtures: &[Value]) {
        let url = format!("{}/__aimock/fixtures", self.base);
        let answer = self.client.post(&url).json(&json!({ "fixtures": fixtures })).send().await.expect("an answer");
        let taken = answer.status().is_success();
        assert!(taken, "the mock does not take the fixtures: {}", answer.text().await.unwrap_or_default());
    }

    /// Where it listens, without a path.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Every request so far that asked for an answer.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn requests(&self) -> Vec<Value> {
        let url = format!("{}/__aimock/journal", self.base);
        let answer = self.client.get(&url).send().await.expect("an answer");
        answer.json().await.expect("a list")
    }

    /// SIGKILL.
    ///
    /// # Panics
    /// When there is nobody to kill.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }
}

/// Starts the process and waits until it listens.
async fn listening() -> (Child, String) {
    let script = script();
    assert!(
        script.is_file(),
        "no mock at {}: `cargo xtask test --fast -p dispatch-tests` installs it",
        script.display()
    );
    let mut child = Command::new("node")
        .arg(&script)
        .args(["--port", "0"])
        // Where its examples are; it does not start without any.
        .current_dir(script.ancestors().nth(2).expect("the package"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let base = loop {
        let line = lines.next_line().await.expect("readable").expect("the mock listens before it ends");
        if let Some((_, base)) = line.split_once("listening on ") {
            break base.trim().to_owned();
        }
    };
    // A full pipe would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, base)
}

fn script() -> PathBuf {
    let installed = "../target/peers-node/node_modules/@copilotkit/aimock/dist/cli.js";
    std::env::var_os(AIMOCK).map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(installed), PathBuf::from)
}
