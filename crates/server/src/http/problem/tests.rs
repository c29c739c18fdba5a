//! Problems as they leave the house.

use super::answer::chain;
use super::*;
use actix_web::body::to_bytes;
use serde_json::{Value, json};

async fn body_of(problem: &Problem) -> (HttpResponse, Value) {
    let trace = TraceContext::of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").expect("valid");
    let (head, body) = problem.render(&trace, Some("/missions/x")).into_parts();
    let bytes = to_bytes(body).await.expect("in memory");
    (head.set_body(BoxBody::new("")), serde_json::from_slice(&bytes).expect("JSON"))
}

#[actix_web::test]
async fn an_inner_error_never_gets_out() {
    let secret = "password authentication failed for user dispatch";
    let problem = Problem::from(MissionStoreError::Unavailable(secret.into()));
    let (head, body) = body_of(&problem).await;
    assert!(!body.to_string().contains("password"));
    assert_eq!(head.headers().get("retry-after").expect("set"), "5");
    assert_eq!(head.headers().get("content-type").expect("set"), MEDIA_TYPE);
    let expected = json!({
        "type": "https://dispatch.archieos.com/problems/database_unavailable",
        "title": "The database does not answer", "status": 503, "instance": "/missions/x",
        "code": "database_unavailable", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "retryable": true,
    });
    assert_eq!(body, expected);
}

#[actix_web::test]
async fn a_rejected_event_is_never_asked_for_again() {
    let rejected = || Problem::from(SignalLogError::Rejected("\\u0000".into()));
    let (head, body) = body_of(&rejected().for_slack()).await;
    assert_eq!((head.status().as_u16(), body["retryable"].clone()), (422, json!(false)));
    assert_eq!(head.headers().get("x-slack-no-retry").expect("set"), "1");
    let (head, _) = body_of(&rejected()).await;
    assert!(head.headers().get("x-slack-no-retry").is_none(), "nobody else knows that header");
    let later = Problem::from(SignalLogError::Unavailable("down".into())).for_slack();
    let (head, _) = body_of(&later).await;
    assert!(head.headers().get("x-slack-no-retry").is_none(), "what may be stored later is asked for again");
}

#[actix_web::test]
async fn wrong_parameters_are_named() {
    let field = ProblemField::parameter("limit", "must be from 1 to 200");
    let (_, body) = body_of(&Problem::new(&kind::INVALID_PARAMETERS).errors(vec![field])).await;
    assert_eq!(body["errors"], json!([{"parameter": "limit", "detail": "must be from 1 to 200"}]));
}

#[test]
fn the_log_gets_the_whole_chain() {
    let error = MissionStoreError::Unavailable("connection refused".into());
    assert_eq!(chain(&error), "the mission store is unavailable: connection refused");
}
