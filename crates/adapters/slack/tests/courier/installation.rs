//! What Slack is asked about a bot token, and what is made of each answer.

use crate::peer::outbound_to;
use dispatch_outbound::Url;
use dispatch_slack::{BotTokens, Installation, Unconfirmed};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// What becomes of `answer` to the token `xoxb-1`, by how `tokens` names it.
async fn confirmed(tokens: &str, answer: ResponseTemplate) -> Result<Vec<String>, Unconfirmed> {
    let server = MockServer::start().await;
    let asked = Mock::given(method("POST")).and(path("/api/auth.test")).and(header("authorization", "Bearer xoxb-1"));
    asked.respond_with(answer).expect(1).mount(&server).await;
    let url = Url::parse(&format!("{}/api", server.uri())).expect("a URL");
    let all = Installation::all(&outbound_to(&url), &url, &BotTokens::parse(tokens).expect("tokens"));
    assert!(!format!("{all:?}").contains("xoxb"), "no token is shown");
    all[0].confirmed().await
}

fn says(answer: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(answer)
}

#[tokio::test]
async fn a_token_that_slack_knows_names_its_workspace_and_an_organisation_s_names_all_it_can() {
    for (tokens, answer, expected) in [
        ("xoxb-1", json!({"ok": true, "team_id": "T1", "bot_id": "B1"}), vec!["T1"]),
        (
            "xoxb-1",
            json!({"ok": true, "team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": false}),
            vec!["T1"],
        ),
        (
            "xoxb-1",
            json!({"ok": true, "team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": true}),
            vec!["E1", "T1"],
        ),
        (
            "T9=xoxb-1",
            json!({"ok": true, "team_id": "E1", "enterprise_id": "E1", "is_enterprise_install": true}),
            vec!["E1", "T9"],
        ),
        // Configured for one workspace, and the token of another.
        ("T9=xoxb-1", json!({"ok": true, "team_id": "T1"}), vec!["T1"]),
    ] {
        assert_eq!(confirmed(tokens, says(&answer)).await.expect("confirmed"), expected, "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_confirmed_says_whether_it_may_pass() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "30");
    for (answer, code, may_pass, wait) in [
        (says(&json!({"ok": false, "error": "invalid_auth"})), "invalid_auth", false, None),
        (says(&json!({"ok": false, "error": "token_revoked"})), "token_revoked", false, None),
        (says(&json!({"ok": false, "error": "account_inactive"})), "account_inactive", false, None),
        (says(&json!({"ok": false, "error": "internal_error"})), "internal_error", true, None),
        (says(&json!({"ok": true})), "invalid_response", true, None),
        (says(&json!({"ok": true, "team_id": "no id"})), "invalid_response", true, None),
        (ResponseTemplate::new(502), "http_502", true, None),
        (busy, "rate_limited", true, Some(Duration::from_secs(30))),
    ] {
        let expected = Unconfirmed { code: code.into(), may_pass, retry_after: wait };
        assert_eq!(confirmed("xoxb-1", answer).await, Err(expected));
    }
}
