//! The old contract, replayed: nothing differs but what is listed, and a difference is found.

use crate::{BINARY, system};
use dispatch_tests::harness::sms_message::{ACCOUNT, PUBLIC_URL, TOKEN};
use dispatch_tests::harness::{Server, System};
use dispatch_tests::parity::{Set, Target, replay};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity")
}

async fn served(system: &System) -> Server {
    system
        .launch()
        .env("TWILIO_ACCOUNT_SID", ACCOUNT)
        .env("TWILIO_AUTH_TOKEN", TOKEN)
        .env("PUBLIC_URL", PUBLIC_URL)
        .env("RATE_LIMIT_PER_ADDRESS", "0")
        .start()
        .await
}

#[tokio::test]
async fn nothing_differs_from_the_old_contract_but_what_is_listed_and_a_difference_is_found() {
    let system = system().await;
    let server = served(&system).await;
    let mut set = Set::read(&folder()).unwrap();
    let outcome = replay(&Target::of(&server), &set).await.unwrap();
    assert!(outcome.differences.is_empty(), "{:#?}", outcome.differences);
    assert_eq!(outcome.asked, set.requests.len() * 4);
    assert!(outcome.documented.len() >= set.documented.len(), "{:?}", outcome.documented);

    // Seeded: an answer that was never given, a documented difference that is not listed, and one that is not there.
    set.requests.retain(|one| ["slack_message", "sms_form", "root"].contains(&one.name.as_str()));
    set.requests[0].answer.json = Some(serde_json::json!({ "ok": "yes" }));
    set.documented.retain(|one| one.request != "sms_form");
    set.documented[0].request = "root".into();
    let target = Target { may_flip: false, ..Target::of(&server) };
    let found = replay(&target, &set).await.unwrap().differences;
    let places: Vec<(&str, &str)> = found.iter().map(|one| (one.request.as_str(), one.at.as_str())).collect();
    assert_eq!(places, [("slack_message", "/ok"), ("sms_form", "/message"), ("root", "documented")]);
    system.settled().await;
    system.finish().await;
}

#[test]
fn each_listed_difference_stands_in_the_documentation() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/LEGACY.md");
    let page = std::fs::read_to_string(page).unwrap();
    let words: Vec<&str> = page.split_whitespace().collect();
    let page = words.join(" ");
    for one in Set::read(&folder()).unwrap().documented {
        assert!(page.contains(&one.says), "docs/LEGACY.md does not say {:?} ({})", one.says, one.request);
    }
}

/// As `cargo xtask parity` runs it: a server and a database of its own, and an exit code that tells.
#[tokio::test]
async fn the_command_starts_what_it_needs_and_fails_at_a_difference() {
    let seeded = tempfile::tempdir().unwrap();
    for name in ["recorded.json", "documented.json"] {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        // The old stub's answer, as if somebody had forgotten to list what came instead.
        let text = text.replace("SMS queued", "SMS lost");
        std::fs::write(seeded.path().join(name), text).unwrap();
    }
    let recorded = seeded.path().to_string_lossy().into_owned();
    let arguments = ["--json", "--dispatch", BINARY, "--recorded", &recorded];
    let output = Command::new(env!("CARGO_BIN_EXE_parity")).args(arguments).output().await.unwrap();
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.code(), Some(1));
    let differences = said["differences"].as_array().unwrap();
    assert!(!differences.is_empty() && differences.iter().all(|one| one["found"] == "\"SMS queued\""), "{said}");
}
