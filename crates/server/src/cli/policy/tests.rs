//! What the commands show, from files as people write them.

use super::explain::explain;
use super::message::Arguments;
use super::shown;
use crate::config::Routing;
use clap::{Args, Command, FromArgMatches};

const FILE: &str = r#"
threshold = 0.6

[[rules]]
name = "listings"
when = { type = "GROUP", channel = ["C1", "C2"] }
to = ["task_orchestrator", "receipt"]
threshold = 0.5

[[rules]]
name = "sales"
when = { key = "SALE_LISTING", channel = "C1" }
to = "receipt"

[[rules]]
name = "night"
when = { time = "22:00-06:00", confidence = { below = "threshold" } }
hold = { reason = "after_hours", expires_after_hours = 12 }
to = "task_orchestrator"

[[rules]]
name = "rest"
to = []
"#;

fn routing(text: &str) -> Routing {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, text).expect("written");
    let path = file.to_str().expect("Unicode").to_owned();
    let mut routing =
        Routing::from_env(&|name| (name == "DISPATCH_POLICY").then(|| path.clone())).expect("a valid policy");
    routing.origin.path = Some("policy.toml".into());
    routing
}

async fn told(options: &[&str]) -> String {
    let command = Arguments::augment_args(Command::new("explain").no_binary_name(true));
    let arguments = Arguments::from_arg_matches(&command.get_matches_from(options)).expect("understood");
    let routing = routing(FILE);
    let understood = arguments.understood(&routing.zone).await.expect("understood");
    shown::explanation(&explain(&routing, &understood))
}

/// Asserts that the text says each of these.
fn says(text: &str, all: &[&str]) {
    for one in all {
        assert!(text.contains(one), "{one:?} is not in\n{text}");
    }
}

#[test]
fn rules_and_warnings_are_shown() {
    let shown = shown::policy(&routing(FILE));
    says(
        &shown,
        &[
            "policy.toml: valid, threshold 0.6, hours and days in America/Toronto\n",
            "channel: C1 or C2",
            "from 0.5 on",
            "confidence: below the threshold (0.6)",
            "holds: after_hours, lapses after 12 h",
            "after a yes to task_orchestrator",
            "always",
            "\nwarning: rule `sales` never matches: the earlier rule `listings` takes everything it asks for",
        ],
    );
}

#[tokio::test]
async fn each_rule_is_explained() {
    let night = ["--key", "OPS_MISC_TASK", "--confidence", "0.4", "--at", "2026-11-20T23:30:00-05:00"];
    says(
        &told(&night).await,
        &[
            "message     STRAY OPS_MISC_TASK, confidence 0.4, 2026-11-20 23:30 in America/Toronto\n",
            "type: STRAY, not GROUP",
            "channel: -, not C1 or C2",
            "time: 23:30, as wanted 22:00-06:00",
            "decides",
            "too late",
            "\ndecision    held for a person (after_hours), by rule night: Below 0.6 threshold",
            "\nafter a yes storage supabase",
        ],
    );
    let text = "New listing at 44 Birch Ave, going live Friday, $899k";
    let listing = told(&[text, "--channel", "C1", "--at", "2026-11-20T10:00:00-05:00"]).await;
    says(
        &listing,
        &["dispatched, by rule listings", "\nplan        storage supabase", "44 Birch", "notification slack"],
    );
    let files = ["--type", "IGNORE", "--attachments", "--source", "sms", "--at", "2026-11-20T10:00:00-05:00"];
    says(&told(&files).await, &["nothing is done, by rule rest"]);
}

#[tokio::test]
async fn what_cannot_be_explained_is_said() {
    for (options, wrong) in [
        (vec!["--type", "GROUP"], "--type"),
        (vec!["--key", "NO_KEY"], "--key"),
        (vec!["--key", "BUYER_DEAL", "--confidence", "7"], "--confidence"),
        (vec!["lol", "--at", "noon"], "--at"),
    ] {
        let command = Arguments::augment_args(Command::new("explain").no_binary_name(true));
        let arguments = Arguments::from_arg_matches(&command.get_matches_from(options)).expect("parsed");
        let error = arguments.understood(&dispatch_mission::zone::Zone::toronto()).await.err().expect("refused");
        assert!(format!("{error:#}").contains(wrong), "{error:#}");
    }
}
