//! A night of a cut-over for tests: what is at hand, how the walk is started, and what is looked at afterwards.

use crate::BINARY;
use crate::legacy::OPERATIONS_CENTER;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::Value;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A night of a cut-over: an old database, a server at work on it, and a folder for the report.
pub struct Night {
    pub system: System,
    pub server: Server,
    pub folder: TempDir,
}

impl Night {
    pub async fn begin() -> Self {
        let system = System::on_legacy(BINARY, OPERATIONS_CENTER).await;
        assert!(system.launch().run(&["migrate"]).await.0);
        let server = system.serve().await;
        Self { system, server, folder: tempfile::tempdir().unwrap() }
    }

    pub fn words(&self) -> Vec<String> {
        let (url, report) = (self.server.base(), self.folder.path().join("night"));
        ["cutover", "run", "--url", url, "--watch", "1s", "--watch-every", "200ms", "--hold", "1s", "--report"]
            .into_iter()
            .map(str::to_owned)
            .chain([report.display().to_string()])
            .collect()
    }

    pub fn answers(&self) -> Vec<String> {
        let monitoring = format!("{}/livez?token=monitoring-secret", self.server.base());
        let answers = ["--yes", "--json", "--backup-proof", "snapshot 7", "--told", "on-call", "--monitoring-url"];
        answers.into_iter().map(str::to_owned).chain([monitoring]).collect()
    }

    /// Runs it, killed at a failpoint where one is given. Answers its lines.
    pub async fn run(&self, failpoint: Option<&str>, more: &[&str]) -> Vec<Value> {
        // Trusted for its address; what is in the URL must not be told all the same.
        let url = format!("{}&password=database-secret", self.system.database.url().expose());
        let mut launch = self.system.launch().env("DATABASE_URL", &url);
        if let Some(failpoint) = failpoint {
            launch = launch.env("DISPATCH_FAILPOINT", failpoint);
        }
        let words = with([self.words(), self.answers()].concat(), more);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (_, said) = launch.run(&words).await;
        assert!(!said.contains("database-secret"), "{said}");
        said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} in {said}"))).collect()
    }

    /// Starts it beside the test; it ends with its handle.
    pub fn begun(&self, more: &[&str]) -> Child {
        let mut walk = Command::new(BINARY);
        walk.args(with([self.words(), self.answers()].concat(), more));
        walk.env("DATABASE_URL", self.system.database.url().expose()).stdout(Stdio::piped());
        walk.kill_on_drop(true).spawn().unwrap()
    }

    /// How often its report has it begin this step.
    pub fn has_begun(&self, step: &str) -> usize {
        let text = std::fs::read_to_string(self.folder.path().join("night.md")).unwrap_or_default();
        text.matches(&format!("| {step} |")).count()
    }

    pub async fn ended(&self, failpoint: Option<&str>, more: &[&str]) -> Value {
        let lines = self.run(failpoint, more).await;
        lines.last().filter(|line| line.get("exit").is_some()).unwrap_or_else(|| panic!("{lines:?}")).clone()
    }

    pub async fn killed(&self, failpoint: &str) {
        let lines = self.run(Some(failpoint), &[]).await;
        assert!(lines.iter().all(|line| line.get("exit").is_none()), "not killed at {failpoint}: {lines:?}");
    }

    pub async fn rollback(&self, more: &[&str]) -> Value {
        let (_, said) = self.system.launch().run(&[&["cutover", "rollback", "--json"], more].concat()).await;
        serde_json::from_str(said.lines().last().unwrap()).unwrap_or_else(|_| panic!("{said}"))
    }

    pub async fn flag(&self) -> String {
        let (_, said) = self.system.launch().run(&["flag", "get", "--json"]).await;
        let shown: Value = serde_json::from_str(said.trim()).unwrap_or_else(|_| panic!("{said}"));
        shown["api_version"].as_str().unwrap().to_owned()
    }

    /// What stands under both names of both tables.
    pub async fn kinds(&self) -> String {
        let sql = "SELECT string_agg(coalesce((SELECT relkind::text FROM pg_class WHERE oid = to_regclass('public.' || n)), '-'), '' ORDER BY i) AS k
            FROM unnest(ARRAY['activities', 'dispatch_activities', 'agent_tasks', 'dispatch_agent_tasks']) WITH ORDINALITY AS x (n, i)";
        self.system.ledger().rows(sql).await[0]["k"].as_str().unwrap().to_owned()
    }

    pub fn report(&self) -> (Value, String) {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        let (json, markdown) = (read("night.json"), read("night.md"));
        for text in [&json, &markdown] {
            assert!(!text.contains("database-secret") && !text.contains("monitoring-secret"), "{text}");
        }
        let report: Value = serde_json::from_str(&json).unwrap();
        let stamps = ["sittings", "steps"].map(|part| report[part].as_array().unwrap().iter().map(|one| &one["began"]));
        for stamp in stamps.into_iter().flatten().map(|stamp| stamp.as_str().unwrap()) {
            assert!(stamp.len() == "2026-11-29T02:00:00.000Z".len() && stamp.ends_with('Z'), "{stamp}");
        }
        (report, markdown)
    }

    /// The server takes a message and stores what it comes to.
    pub async fn works(&self, missions: usize) {
        self.system.say(&self.server, &SlackMessage::new("U1", CLEAR_TASK)).await;
        self.system.settled().await;
        let (status, page) = self.system.get(&self.server, "/missions").await;
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(missions)), "{page}");
    }

    /// Killed at once, gone through, and repeated: three sittings of `rollback` in the report of the walk.
    pub fn tells_of_the_rollback(&self) {
        let (report, markdown) = self.report();
        let sittings: Vec<String> = report["sittings"].as_array().unwrap().iter().map(sitting).collect();
        assert_eq!(sittings, ["run", "rollback", "rollback 0", "rollback 0"], "{report}");
        assert!(report["sittings"][2]["who"].as_str().unwrap().starts_with("cli:"), "{report}");
        assert_eq!(report["outcome"], "rolled back");
        assert_eq!(report["answers"]["backup_proof"]["text"], "snapshot 7", "they belong to this night");
        let steps = report["steps"].as_array().unwrap();
        let of = |sitting: i64| steps.iter().filter(|step| step["sitting"] == sitting).collect::<Vec<_>>();
        assert_eq!(of(2)[0]["outcome"], "interrupted");
        let back = of(3)[0];
        assert_eq!((&back["step"], &back["outcome"]), (&"rollback".into(), &"done".into()));
        assert_eq!((&back["figures"]["from"], &back["figures"]["to"]), (&"switched".into(), &"expanded".into()));
        assert_eq!(back["figures"]["moved"].as_array().unwrap().len(), 2, "{back}");
        assert!(back["summary"].as_str().unwrap().contains("the flag says operations again"), "{back}");
        assert_eq!((of(4)[0]["outcome"].as_str(), of(4).len()), (Some("nothing changed"), 1));
        assert!(markdown.contains("| 3 | rollback | cli:") && markdown.contains("from: switched"), "{markdown}");
    }

    pub async fn end(self) {
        self.system.settled().await;
        self.system.finish().await;
    }
}

/// The command of a sitting, and how it was left.
pub fn sitting(sitting: &Value) -> String {
    let exit = sitting["exit"].as_i64().map(|exit| format!(" {exit}")).unwrap_or_default();
    format!("{}{exit}", sitting["command"].as_str().unwrap())
}

/// What is said more than once counts as it was said last.
pub fn with(mut words: Vec<String>, more: &[&str]) -> Vec<String> {
    for pair in more.chunks(2) {
        match words.iter().position(|word| word == pair[0]) {
            Some(at) => pair[1].clone_into(&mut words[at + 1]),
            None => words.extend(pair.iter().map(ToString::to_string)),
        }
    }
    words
}
