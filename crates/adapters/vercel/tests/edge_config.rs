//! The contract of the flag's store over an Edge Config that stands where Vercel's would: both of its APIs, and their tokens.
#![allow(clippy::unwrap_used, missing_docs)]

use dispatch_outbound::{Outbound, OutboundOptions, authority};
use dispatch_pipeline::ports::flag::{ApiVersion, Change, FlagError, FlagStore, Steering};
use dispatch_pipeline::testing::flag_store_contract;
use dispatch_vercel::{Connection, EdgeConfig};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The items, how often they were changed, and how often they were read.
#[derive(Default)]
struct Config {
    items: Map<String, Value>,
    changes: u32,
    read: u32,
}

#[derive(Clone, Default)]
struct Vercel(Arc<Mutex<Config>>);

impl Respond for Vercel {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut config = self.0.lock().unwrap();
        let answer = match (request.method.as_str(), request.url.path()) {
            ("GET", "/ecfg_1/digest") => json!(format!("digest-{}", config.changes)),
            ("GET", "/ecfg_1/items") => {
                config.read += 1;
                json!(config.items)
            }
            _ => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                for item in body["items"].as_array().unwrap() {
                    assert_eq!(item["operation"], "upsert");
                    config.items.insert(item["key"].as_str().unwrap().to_owned(), item["value"].clone());
                }
                config.changes += 1;
                json!({ "status": "ok" })
            }
        };
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

async fn store(vercel: &Vercel, token: Option<&str>) -> (EdgeConfig, MockServer) {
    let server = MockServer::start().await;
    for (verb, at, token) in [
        ("GET", "/ecfg_1/digest", "Bearer read"),
        ("GET", "/ecfg_1/items", "Bearer read"),
        ("PATCH", "/v1/edge-config/ecfg_1/items", "Bearer write"),
    ] {
        let asked = Mock::given(method(verb)).and(path(at)).and(header("authorization", token));
        asked.respond_with(vercel.clone()).mount(&server).await;
    }
    let connection = Connection::parse(&format!("{}/ecfg_1?token=read", server.uri()), None).unwrap();
    let allow = authority(connection.url()).into_iter().collect();
    let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() }).unwrap();
    let token = token.map(|token| token.to_owned().into());
    (EdgeConfig::new(outbound, connection, server.uri().parse().unwrap(), token), server)
}

fn change(store: &EdgeConfig) -> Change {
    Change { flag: store.mint(Steering::all_to(ApiVersion::Dispatch)), by: "test".into(), reason: None }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let vercel = Vercel::default();
    let (store, _server) = store(&vercel, Some("write")).await;
    flag_store_contract(&store).await;
    assert_eq!(vercel.0.lock().unwrap().items["api_base"], "/dispatch");
}

#[tokio::test]
async fn items_are_read_only_when_the_digest_is_another_one() {
    let vercel = Vercel::default();
    let (store, _server) = store(&vercel, Some("write")).await;
    assert!(store.write(&change(&store), None).await.unwrap());
    for _ in 0..5 {
        store.read().await.unwrap();
    }
    assert_eq!(vercel.0.lock().unwrap().read, 1);
}

#[tokio::test]
async fn without_a_token_it_is_only_read_and_a_wrong_one_is_told() {
    let vercel = Vercel::default();
    let (reader, _server) = store(&vercel, None).await;
    assert!(
        matches!(reader.write(&change(&reader), None).await, Err(FlagError::Refused(why)) if why.contains("VERCEL_TOKEN"))
    );
    let (wrong, _server) = store(&vercel, Some("stolen")).await;
    assert!(matches!(wrong.write(&change(&wrong), None).await, Err(FlagError::Refused(why)) if why.contains("404")));
}

#[tokio::test]
async fn what_does_not_answer_is_unavailable() {
    let (store, server) = store(&Vercel::default(), None).await;
    server.reset().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    assert!(store.read().await.unwrap_err().is_retryable());
    drop(server);
    assert!(store.read().await.unwrap_err().is_retryable());
}
