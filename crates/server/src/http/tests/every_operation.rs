//! What every operation of the document refuses: methods that its path does not take, bodies that are too large, other media
//! types.

use super::*;

/// A server that hundreds of questions in a row may be asked.
fn asked_often() -> Surface {
    let front = front(&[("RATE_LIMIT_PER_CALLER", "0"), ("RATE_LIMIT_PER_ADDRESS", "0")]);
    Surface { front, ..surface(Fault::default()) }
}

/// Method and path of every operation of the document, with ids filled in.
fn operations() -> Vec<(String, String, Vec<String>)> {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").iter();
    paths
        .flat_map(|(path, item)| {
            let methods: Vec<String> = item.as_object().expect("operations").keys().map(|m| m.to_uppercase()).collect();
            let path = path.replace(['{', '}'], "");
            methods.clone().into_iter().map(move |method| (method, path.clone(), methods.clone()))
        })
        .collect()
}

#[actix_web::test]
async fn every_path_refuses_other_methods_and_says_which_it_takes() {
    let operations = operations();
    let app = init_service(app(asked_often())).await;
    for (_, path, methods) in &operations {
        for wrong in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MOVE"] {
            let taken = methods.iter().any(|method| method == wrong);
            let request =
                TestRequest::default().method(Method::from_bytes(wrong.as_bytes()).expect("a method")).uri(path);
            let request = request.insert_header(("authorization", token())).to_request();
            let answer = Answer::of(call_service(&app, request).await).await;
            if taken {
                assert_ne!(answer.status.as_u16(), 405, "{wrong} {path}");
                continue;
            }
            answer.problem(405, "method_not_allowed");
            for method in methods {
                assert!(answer.header("allow").contains(method.as_str()), "{path}: {}", answer.header("allow"));
            }
        }
    }
    assert!(operations.len() >= 8, "{}", operations.len());
}

#[actix_web::test]
async fn every_operation_refuses_a_body_that_is_too_large_whatever_its_method() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let app = init_service(app(asked_often())).await;
    for (method, path, _) in operations() {
        let declared = &document["paths"][&path][method.to_lowercase()]["responses"]["413"]["description"];
        let is_long = declared.as_str().is_some_and(|text| text.contains("1 MiB"));
        let limit =
            if is_long || path.starts_with("/intake/") { intake::LIMIT_BYTES } else { body_limit::OPERATION_BYTES };
        let ask_with = async |bytes: usize| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let request = TestRequest::default().method(method).uri(&path).insert_header(("authorization", token()));
            let request = request.insert_header(("content-length", bytes.to_string()));
            let request = request.insert_header(("content-type", "application/json")).to_request();
            Answer::of(call_service(&app, request).await).await
        };
        ask_with(limit + 1).await.problem(413, "payload_too_large");
        assert_ne!(ask_with(limit).await.status.as_u16(), 413, "{method} {path}");
    }
}

#[actix_web::test]
async fn every_operation_with_a_body_refuses_other_media_types() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let with_body = item.as_object().expect("operations").iter().filter(|(_, it)| it["requestBody"].is_object());
        for (method, _) in with_body {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let request = TestRequest::default().method(method).uri(&path.replace(['{', '}'], ""));
            let request = request.insert_header(("authorization", token())).insert_header(("idempotency-key", "a-key"));
            let answer =
                ask(Fault::default(), request.insert_header(("content-type", "text/csv")).set_payload("a,b")).await;
            answer.problem(415, "unsupported_media_type");
            asked += 1;
        }
    }
    assert!(asked > 0);
}
