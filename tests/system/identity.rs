//! Who is let in by a server that runs for real: tokens of an issuer that changes its keys, API keys from the command
//! line, and staff who see what is theirs.

use crate::{BINARY, system};
use dispatch_tests::harness::issuer::{Issuer, IssuerKey};
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::token::bearer;
use dispatch_tests::harness::{Server, System};
use serde_json::Value;

/// GETs with any credential; answers status, challenge and body.
async fn get(system: &System, server: &Server, path: &str, credential: &str) -> (u16, String, Value) {
    let request = system.client.get(format!("{}{path}", server.base())).bearer_auth(credential);
    let response = request.send().await.unwrap();
    let challenge = response.headers().get("www-authenticate").map_or("", |value| value.to_str().unwrap()).to_owned();
    (response.status().as_u16(), challenge, response.json().await.unwrap())
}

async fn status(system: &System, server: &Server, path: &str, credential: &str) -> u16 {
    get(system, server, path, credential).await.0
}

#[tokio::test]
async fn keys_of_an_issuer_come_and_go_while_the_server_runs() {
    let system = system().await;
    let (rsa, old, new) = (IssuerKey::rsa("rsa"), IssuerKey::ec("old"), IssuerKey::ec("new"));
    let issuer = Issuer::start(&[&rsa, &old]).await;
    // No shared secret: published keys alone are enough, and then an HS256 token is nobody's.
    let launch = system.launch().env("SUPABASE_JWT_SECRET", "").env("JWKS_URL", &issuer.url());
    // This test asks until it is let in, far more often than an address may fail.
    let server = launch.env("RATE_LIMIT_PER_ADDRESS", "0").start().await;
    for key in [&rsa, &old] {
        assert_eq!(status(&system, &server, "/missions", &key.token("u-1")).await, 200);
    }
    assert_eq!(status(&system, &server, "/missions", &bearer()).await, 401);
    let fetched = issuer.fetched().await;
    assert_eq!(fetched, 1, "all of them by one set");

    let token = new.token("u-1");
    let (refused, challenge, problem) = get(&system, &server, "/missions", &token).await;
    assert_eq!((refused, challenge.as_str()), (401, "Bearer error=\"invalid_token\""));
    assert!(!problem.to_string().contains(&token));
    issuer.publish(&[&new]);
    system.eventually("the new key counts", async || status(&system, &server, "/missions", &token).await == 200).await;
    assert_eq!(status(&system, &server, "/missions", &old.token("u-1")).await, 401, "what is not published is over");
    assert!(!server.log().contains(&token), "no token in a log");
    system.finish().await;
}

/// `dispatch key` on the system's database; answers what it printed.
async fn key_command(system: &System, words: &[&str]) -> String {
    let (succeeded, output) = system.launch().run(&[&["key"], words].concat()).await;
    assert!(succeeded, "{output}");
    output
}

#[tokio::test]
async fn a_key_is_made_used_seen_and_revoked() {
    let system = system().await;
    let server = system.serve().await;
    let made =
        key_command(&system, &["create", "--name", "wall display", "--scope", "observe", "--expires", "1d", "--json"]);
    let made: Value = serde_json::from_str(&made.await).unwrap();
    let (key, id) = (made["key"].as_str().unwrap(), made["key_id"].as_str().unwrap());

    assert_eq!(status(&system, &server, "/observe/logs/nothing", key).await, 404, "it is let in");
    let (refused, challenge, problem) = get(&system, &server, "/missions", key).await;
    assert_eq!((refused, problem["code"].as_str()), (403, Some("scope_missing")));
    assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"missions\"");
    let as_tools_do = system.client.get(format!("{}/observe/logs/nothing", server.base())).header("x-api-key", key);
    assert_eq!(as_tools_do.send().await.unwrap().status(), 404);

    let listed = async || -> Value { serde_json::from_str(&key_command(&system, &["list", "--json"]).await).unwrap() };
    system.eventually("its use is noted", async || listed().await[0]["last_used_at"].is_string()).await;
    assert_eq!((&listed().await[0]["state"], &listed().await[0]["name"]), (&"active".into(), &"wall display".into()));
    let secret = key.rsplit('_').next().unwrap();
    let table = key_command(&system, &["list"]).await;
    assert!(table.contains(&key[..16]) && !table.contains(secret), "{table}");

    assert!(key_command(&system, &["revoke", id]).await.contains("revoked"));
    system
        .eventually("the revocation counts", async || {
            status(&system, &server, "/observe/logs/nothing", key).await == 401
        })
        .await;
    assert_eq!(listed().await[0]["state"], "revoked");
    let kept = system.ledger().rows("SELECT * FROM dispatch.api_keys").await;
    assert!(!format!("{kept:?}{}", server.log()).contains(secret), "the key is kept nowhere");
    system.finish().await;
}

const STAFF: &str = "
INSERT INTO public.staff (staff_id, email, name, role, status) VALUES
    ('ann', 'ann@example.com', 'Ann', 'admin', 'active'), ('oli', 'oli@example.com', 'Oli', 'operations', 'active'),
    ('mia', 'mia@example.com', 'Mia', 'marketing', 'active'), ('eve', 'eve@example.com', 'Eve', 'admin', 'suspended');
INSERT INTO public.listings (listing_id, address_string) VALUES ('l-1', '12 Elm St');
INSERT INTO public.dispatch_activities (mission_id, listing_id, name, visibility_group) VALUES
    ('m-both', 'l-1', 'Take listing photos', 'BOTH'), ('m-agent', 'l-1', 'Run background checks', 'AGENT'),
    ('m-marketing', 'l-1', 'Order yard sign', 'MARKETING')";

#[tokio::test]
async fn staff_see_the_missions_of_their_group() {
    let system = system().await;
    system.database.execute(STAFF).await;
    let key = IssuerKey::ec("k");
    let issuer = Issuer::start(&[&key]).await;
    let server = system.launch().env("JWKS_URL", &issuer.url()).start().await;
    for (who, sees) in [
        ("ann", ["m-agent", "m-both", "m-marketing"].as_slice()),
        ("oli", &["m-agent", "m-both"]),
        ("mia", &["m-both", "m-marketing"]),
        ("eve", &["m-both"]),
        ("stranger", &["m-both"]),
    ] {
        let (_, _, page) = get(&system, &server, "/missions", &key.token(who)).await;
        let mut listed: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|mission| mission["mission_id"].as_str().unwrap()).collect();
        listed.sort_unstable();
        assert_eq!(listed, sees, "{who}");
        for mission in ["m-both", "m-agent", "m-marketing"] {
            let found = status(&system, &server, &format!("/missions/{mission}"), &key.token(who)).await;
            assert_eq!(found, if sees.contains(&mission) { 200 } else { 404 }, "{who} {mission}");
        }
    }
    system.finish().await;
}

#[tokio::test]
async fn without_authentication_configured_it_does_not_start() {
    let system = system().await;
    let url = system.database.url();
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let launch = Launch::bare(BINARY, &[]).env("DATABASE_URL", url.expose()).env("DISPATCH_ADDR", address);
        let (started, output) = launch.run(&["serve"]).await;
        assert!(!started && output.contains("SUPABASE_JWT_SECRET") && output.contains("JWKS_URL"), "{output}");
    }
    system.finish().await;
}
