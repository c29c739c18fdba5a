//! What people do to missions, over HTTP.

use super::*;
use crate::http::missions::changes::Refused;
use utoipa::IntoResponses;

fn change(method: Method, path: &str) -> TestRequest {
    as_service(TestRequest::default().method(method)).uri(path)
}

#[actix_web::test]
async fn a_mission_goes_through_its_life() {
    let app = init_service(app(surface(Fault::default()))).await;
    let ask = async |request: TestRequest| Answer::of(call_service(&app, request.to_request()).await).await;
    let body = json!({
        "title": " Book a showing ", "mission_type": "SHOWING", "due_at": "2026-11-27T17:00:00-05:00", "priority": 7,
    });
    let made = ask(change(Method::POST, "/missions").insert_header(("idempotency-key", "k-1")).set_json(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let mission = made.json();
    let expected = json!({"title": "Book a showing", "due_at": "2026-11-27T22:00:00.000Z", "status": "active",
        "kind": "agent_task", "mission_type": "SHOWING", "priority": 7, "version": 1});
    for (name, value) in expected.as_object().expect("members") {
        assert_eq!(&mission[name], value, "{name}");
    }
    let path = format!("/missions/{}", mission["mission_id"].as_str().expect("an id"));
    let post = |action: &str, body: Value| change(Method::POST, &format!("{path}/{action}")).set_json(body);
    for (request, status) in [
        (post("claim", json!({"staff_id": "staff-ann", "version": 1})), "claimed"),
        (post("assign", json!({"staff_id": "staff-bob"})), "claimed"),
        (change(Method::POST, &format!("{path}/complete")), "done"),
        (change(Method::POST, &format!("{path}/reopen")), "active"),
        (change(Method::PUT, &format!("{path}/type")).set_json(json!({"mission_type": "MARKETING"})), "active"),
        (post("claim", json!({"staff_id": "staff-ann"})), "claimed"),
        (post("unclaim", json!({})), "active"),
    ] {
        let answer = ask(request).await;
        assert_eq!(
            (answer.status, answer.json()["status"].clone()),
            (StatusCode::OK, json!(status)),
            "{}",
            answer.body
        );
    }
    ask(post("claim", json!({"staff_id": "staff-ann", "version": 1}))).await.problem(409, "mission_changed");
    ask(post("complete", json!({}))).await.problem(409, "mission_status_conflict");
    let deleted = ask(change(Method::DELETE, &path)).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (StatusCode::NO_CONTENT, ""));
    ask(post("claim", json!({"staff_id": "staff-ann"}))).await.problem(409, "mission_deleted");
}

#[actix_web::test]
async fn what_cannot_be_read_is_pointed_at() {
    let pointer = |answer: &Answer| answer.problem(400, "invalid_body")["errors"][0]["pointer"].clone();
    let create = |body: Value| change(Method::POST, "/missions").insert_header(("idempotency-key", "k")).set_json(body);
    for (body, at) in [
        (json!({}), "/title"),
        (json!({"title": "x", "due_at": "tomorrow"}), "/due_at"),
        (json!({"title": "x", "kind": "errand"}), "/kind"),
        (json!({"title": "x", "priority": "high"}), "/priority"),
        (json!({"title": "x", "priority": 11}), "/priority"),
        (json!({"title": "x", "realtor_id": "a\u{0}b"}), "/realtor_id"),
        (json!({"title": "x", "status": "done"}), "/status"),
    ] {
        assert_eq!(pointer(&ask(Fault::default(), create(body)).await), at);
    }
    let claim = change(Method::POST, "/missions/m-1/claim");
    assert_eq!(pointer(&ask(Fault::default(), claim).await), "/staff_id", "a service says for whom");
    let assign = change(Method::POST, "/missions/m-1/assign");
    ask(Fault::default(), assign).await.problem(415, "unsupported_media_type");
    let form = change(Method::POST, "/missions/m-1/claim").set_form([("staff_id", "x")]);
    ask(Fault::default(), form).await.problem(415, "unsupported_media_type");
    let long = json!({"title": "x", "description": "x".repeat(70_000)});
    ask(Fault::default(), create(long)).await.problem(413, "payload_too_large");
    let wrong_type = change(Method::PUT, "/missions/m-1/type").set_json(json!({"mission_type": "PHOTO"}));
    assert_eq!(pointer(&ask(Fault::default(), wrong_type).await), "/mission_type");
}

#[actix_web::test]
async fn everybody_does_what_is_his() {
    let stranger = TestRequest::post().uri("/missions/m-1/claim").insert_header(("authorization", bearer_of("nobody")));
    ask(Fault::default(), stranger).await.problem(403, "forbidden");
    ask(Fault::default(), TestRequest::post().uri("/missions/m-1/claim")).await.problem(401, "authentication_required");
    let taken = TestRequest::post().uri("/missions/m-1/claim").insert_header(("authorization", token()));
    ask(Fault::default(), taken).await.problem(409, "mission_claimed");
    let deletes = TestRequest::delete().uri("/missions/m-1").insert_header(("authorization", token()));
    ask(Fault::default(), deletes).await.problem(403, "forbidden");
    let due = Fault { expand_due: true, ..Fault::default() };
    ask(due, change(Method::POST, "/missions/m-1/unclaim")).await.problem(503, "cutover_expand_due");
    let wrong_method = ask(Fault::default(), change(Method::PATCH, "/missions/m-1")).await;
    wrong_method.problem(405, "method_not_allowed");
    assert_eq!(wrong_method.header("allow"), "GET, HEAD, DELETE");
}

#[test]
fn every_refusal_of_the_desk_is_declared() {
    let declared: String =
        Refused::responses().into_values().map(|response| serde_json::to_string(&response).expect("JSON")).collect();
    for kind in [
        &kind::MISSION_CLAIMED,
        &kind::MISSION_STATUS_CONFLICT,
        &kind::MISSION_DELETED,
        &kind::MISSION_CHANGED,
        &kind::MISSION_TYPE_FIXED,
        &kind::MISSION_NOT_FOUND,
        &kind::FORBIDDEN,
        &kind::INVALID_BODY,
    ] {
        assert!(declared.contains(&format!("`{}`", kind.code)), "{}", kind.code);
    }
}
