//! Who is let in, to what, and what the others are told.

use super::*;
use crate::testing::identity::{bearer, bearer_of};

fn get_with(path: &str, header: (&'static str, &str)) -> TestRequest {
    TestRequest::get().uri(path).insert_header(header)
}

async fn status(request: TestRequest) -> u16 {
    ask(Fault::default(), request).await.status.as_u16()
}

#[actix_web::test]
async fn every_scope_opens_its_own_operations() {
    for (key, missions, observe) in
        [("dsp_missions", 200, 403), ("dsp_observe", 403, 200), ("dsp_admin", 200, 200), ("dsp_intake", 403, 403)]
    {
        let authorization = format!("Bearer {key}");
        for header in [("authorization", authorization.as_str()), ("x-api-key", key)] {
            assert_eq!(status(get_with("/missions", header)).await, missions, "{header:?}");
            assert_eq!(status(get_with("/dispatch/observe/logs/m-1", header)).await, observe, "{header:?}");
        }
    }
}

#[actix_web::test]
async fn a_missing_scope_is_named() {
    let answer = ask(Fault::default(), get_with("/missions", ("x-api-key", "dsp_observe"))).await;
    let problem = answer.problem(403, "scope_missing");
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"missions\"");
    assert!(problem["detail"].as_str().expect("told").contains("missions"));
}

#[actix_web::test]
async fn what_does_not_count_is_told_without_repeating_it() {
    let expired = bearer(&json!({"sub": "u", "role": "authenticated", "aud": "authenticated", "exp": 1}));
    let anon = bearer(&json!({"role": "anon", "aud": "authenticated"}));
    for (header, told) in [
        (("authorization", "Bearer a.b.c"), "not a JSON Web Token"),
        (("authorization", "bearer   secret-thing"), "not a JSON Web Token"),
        (("authorization", expired.as_str()), "expired"),
        (("authorization", anon.as_str()), "role"),
        (("authorization", "Bearer dsp_unheard_of"), "not known"),
        (("authorization", "Bearer dsp_revoked"), "revoked"),
        (("x-api-key", "dsp_revoked"), "revoked"),
        (("x-api-key", "a.b.c"), "not known"),
    ] {
        let answer = ask(Fault::default(), get_with("/missions", header)).await;
        answer.problem(401, "authentication_required");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"", "{header:?}");
        assert!(answer.body.contains(told), "{}", answer.body);
        let sent = header.1.rsplit(' ').next().expect("something");
        assert!(!answer.body.contains(sent), "{}", answer.body);
    }
    for header in [("authorization", "Basic c2FtOng="), ("authorization", "Bearer"), ("authorization", "")] {
        let answer = ask(Fault::default(), get_with("/missions", header)).await;
        answer.problem(401, "authentication_required");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{header:?}");
    }
}

#[actix_web::test]
async fn of_two_credentials_none_counts() {
    let good = bearer_of("admin");
    let both = get_with("/missions", ("authorization", &good)).insert_header(("x-api-key", "dsp_admin"));
    let twice = get_with("/missions", ("authorization", &good)).append_header(("authorization", good.as_str()));
    for request in [both, twice] {
        let answer = ask(Fault::default(), request).await;
        answer.problem(400, "bad_request");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_request\"");
    }
}

#[actix_web::test]
async fn groups_see_their_own_missions() {
    let service = bearer(&json!({"role": "service_role", "iss": "supabase"}));
    for (authorization, seen) in [
        (bearer_of("admin"), 200),
        (bearer_of("operations"), 200),
        (bearer_of("support"), 200),
        (bearer_of("marketing"), 404),
        (bearer_of("stranger"), 404),
        (service, 200),
        ("Bearer dsp_missions".to_owned(), 200),
    ] {
        assert_eq!(status(get_with("/missions/m-agent", ("authorization", &authorization))).await, seen);
        assert_eq!(status(get_with("/missions/m-1", ("authorization", &authorization))).await, 200);
    }
}

#[actix_web::test]
async fn who_is_no_active_staff_reads_missions_and_changes_nothing() {
    let (stranger, member) = (bearer_of("stranger"), bearer_of("support"));
    assert_eq!(status(get_with("/missions", ("authorization", &stranger))).await, 200);
    // A story names authors, and in a text message that is a phone number.
    for path in ["/observe/logs/m-1", "/observe/logs/m-1/text"] {
        assert_eq!(status(get_with(path, ("authorization", &member))).await, 200);
        ask(Fault::default(), get_with(path, ("authorization", &stranger))).await.problem(403, "scope_missing");
    }
    let claim = TestRequest::post().uri("/missions/m-1/claim").insert_header(("authorization", stranger.as_str()));
    ask(Fault::default(), claim).await.problem(403, "forbidden");
}

#[actix_web::test]
async fn nobody_is_let_in_while_it_cannot_be_known_who_that_is() {
    for authorization in [bearer_of("down"), "Bearer dsp_down".to_owned()] {
        let answer = ask(Fault::default(), get_with("/missions", ("authorization", &authorization))).await;
        answer.problem(503, "database_unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        assert!(!answer.body.contains("refused"), "the inner error stays inside");
    }
}

#[actix_web::test]
async fn a_development_server_does_not_look_at_credentials() {
    let here: SocketAddr = "127.0.0.1:50000".parse().expect("valid");
    let dev = Fault { this_machine: true, ..Fault::default() };
    let request = get_with("/missions/m-agent", ("authorization", "Bearer nonsense"));
    let answer = ask(dev, request.peer_addr(here).insert_header(("host", "localhost"))).await;
    assert_eq!(answer.status, StatusCode::OK);
}
