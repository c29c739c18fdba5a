//! Every operation and every word of the document, asked for as the document says.

use super::*;

/// A sound change of a mission, or a new one.
fn sound_change(method: &str, path: &str) -> TestRequest {
    let request =
        TestRequest::default().method(Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"));
    let id = if path.ends_with("/reopen") { "m-done" } else { "m-1" };
    let request = as_service(request).uri(&path.replace("{mission_id}", id)).insert_header(("idempotency-key", "k"));
    match path.rsplit('/').next() {
        Some("missions") => request.set_json(json!({"title": "Order a yard sign"})),
        Some("claim" | "assign") => request.set_json(json!({"staff_id": "staff-bob"})),
        Some("type") => request.set_json(json!({"mission_type": "ADMIN"})),
        _ => request,
    }
}

#[actix_web::test]
async fn every_operation_of_the_document_answers_as_it_declares() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let responses = operation["responses"].as_object().expect("responses");
            // Each with credentials and sound input, and each with neither.
            let sound = match method.as_str() {
                "post" if path == "/intake/slack" => {
                    slack::signed(slack::message("Please order a yard sign").to_string())
                }
                "post" if path == "/intake/slack/interactions" => interactions::signed(&interactions::click()),
                "post" if path == "/intake/sms" => sms::sound("/intake/sms", sms::MESSAGE),
                "post" if path == "/intake/sms/status" => sms::sound("/intake/sms/status", sms::REPORT),
                "get" if path.starts_with("/reason/") => get_as_user(&reason::sound_path(path)),
                "post" if path.starts_with("/reason/") => reason::sound(path),
                "put" if path == "/route/flag" => {
                    as_service(TestRequest::put().uri(path).set_json(json!({ "api_version": "dispatch" })))
                }
                "get" | "post" if path.starts_with("/route/") => route::sound(method, path),
                "get" => get_as_user(&path.replace("{mission_id}", "m-1").replace("{id}", "m-1")),
                "post" | "put" | "delete" if path.starts_with("/missions") => sound_change(method, path),
                _ => panic!("{method} {path} is new: say here how to call it"),
            };
            let bare = TestRequest::default()
                .method(Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"))
                .uri(&format!("/dispatch{}", path.replace(['{', '}'], "")));
            for (is_sound, request) in [(true, sound), (false, bare)] {
                let answer = ask(Fault::default(), request).await;
                let (status, place) = (answer.status.as_u16(), format!("{method} {path}"));
                assert!(status != 405 && (status != 404 || responses.contains_key("404")), "{place}: {status}");
                assert!(responses.contains_key(&status.to_string()), "{place}: {status} is not declared");
                assert!(!is_sound || answer.status.is_success(), "{place}: {status} {}", answer.body);
                if is_sound {
                    let breaches = contract::breaches_of(&document, operation, status, &answer.body);
                    assert_eq!(breaches, [""; 0], "{place}");
                }
                asked += 1;
            }
        }
    }
    assert!(asked >= 16, "{asked}");
}

#[actix_web::test]
async fn every_word_of_the_document_is_read_as_a_parameter() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let mut asked = 0;
    for parameter in document["paths"]["/missions"]["get"]["parameters"].as_array().expect("parameters") {
        let schema = contract::resolve(&document, &parameter["schema"]);
        let schema = schema.get("items").map_or(schema, |items| contract::resolve(&document, items));
        for word in schema["enum"].as_array().into_iter().flatten() {
            let query =
                format!("/missions?{}={}", parameter["name"].as_str().expect("a name"), word.as_str().expect("text"));
            assert_eq!(ask(Fault::default(), get_as_user(&query)).await.status, StatusCode::OK, "{query}");
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
}
