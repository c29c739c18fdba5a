//! `dispatch dev` as its user runs it: first start, a message, `kill -9`, second start, Ctrl-C.

use crate::BINARY;
use dispatch_tests::harness::Server;
use dispatch_tests::harness::server::Launch;
use reqwest::Client;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const TASK: &str = "Please order a lockbox for 12 Elm St by Friday";

fn launch(folder: &Path) -> Launch {
    Launch::bare(BINARY, &["dev", "--port", "0", "--data-dir", folder.to_str().unwrap()]).in_folder(folder)
}

async fn titles(server: &Server) -> Vec<String> {
    let page: Value =
        Client::new().get(format!("{}/missions", server.base())).send().await.unwrap().json().await.unwrap();
    page["items"].as_array().unwrap().iter().map(|mission| mission["title"].as_str().unwrap().to_owned()).collect()
}

async fn eventually_one_mission(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while titles(server).await.len() != 1 {
        assert!(Instant::now() < deadline, "no mission:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn everything_on_one_machine_survives_kill_and_restart() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let server = launch(&folder).start().await;
    assert!(server.log().contains("/docs/"), "the banner names Swagger UI:\n{}", server.log());

    let place = ["--url", server.base(), "--data-dir", folder.to_str().unwrap()].map(str::to_owned);
    let place = place.each_ref().map(String::as_str);
    let (sent, said) = launch(&folder).run(&[&["send", TASK], &place[..]].concat()).await;
    assert!(sent && said.contains("queued"), "{said}");
    let event_id = said.split_whitespace().nth(1).unwrap().to_owned();
    let (texted, said) = launch(&folder).run(&[&["send", "--sms", "STOP"], &place[..]].concat()).await;
    assert!(texted && said.contains("ignored") && said.contains("trace"), "{said}");
    server.kill().await;

    let server = launch(&folder).start().await;
    eventually_one_mission(&server).await;
    let (traced, story) = launch(&folder).run(&["trace", &event_id, "--url", server.base()]).await;
    assert!(traced && story.contains("unit.classified"), "{story}");
    assert!(!story.contains("lockbox"), "a story never quotes the message");
    assert!(!server.log().contains("lockbox"), "nor does a log");

    let refused = launch(&folder).run(&["dev", "--port", "0", "--data-dir", folder.to_str().unwrap()]).await;
    assert!(!refused.0 && refused.1.contains("already"), "two at once do not fight: {}", refused.1);

    let (status, _) = server.terminate().await;
    assert!(status.success(), "an orderly end");
    let server = launch(&folder).start().await;
    assert_eq!(titles(&server).await.len(), 1, "a second start finds its data again");
    assert!(server.terminate().await.0.success());
}
