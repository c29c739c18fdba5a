//! The front door: who comes too often, whose page asks, what is too large, and a server that is about to stop.

use super::*;

const STRANGER: &str = "203.0.113.7:4711";

/// One server with a front door of its own.
struct House(Surface);

impl House {
    fn with(settings: &[(&str, &str)]) -> Self {
        Self(Surface { front: front(settings), ..surface(Fault::default()) })
    }

    async fn ask(&self, request: TestRequest) -> Answer {
        ask_surface(self.0.clone(), request).await
    }

    async fn from(&self, peer: &str, request: TestRequest) -> Answer {
        self.ask(request.peer_addr(peer.parse().expect("an address"))).await
    }
}

fn get_bare(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn forged() -> TestRequest {
    slack::signed(slack::message("hello").to_string())
        .insert_header(("x-slack-signature", format!("v0={}", "0".repeat(64))))
}

#[actix_web::test]
async fn a_stranger_has_so_many_and_then_waits() {
    let house = House::with(&[("RATE_LIMIT_PER_ADDRESS", "1:2")]);
    for path in ["/openapi.json", "/no/such/path"] {
        assert_ne!(house.from(STRANGER, get_bare(path)).await.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    for path in ["/openapi.json", "/no/such/path", "/missions", "/dispatch/docs/"] {
        let answer = house.from(STRANGER, get_bare(path)).await;
        assert_eq!(answer.problem(429, "rate_limited")["retryable"], true);
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(house.from("203.0.113.8:1", get_bare("/openapi.json")).await.status, StatusCode::OK, "somebody else");
    for path in ["/livez", "/readyz", "/observe/health", "/dispatch/readyz"] {
        assert_eq!(
            house.from(STRANGER, get_bare(path)).await.status,
            StatusCode::OK,
            "a probe is never refused: {path}"
        );
    }
}

#[actix_web::test]
async fn whoever_proves_who_he_is_does_not_pay_for_strangers_at_his_address() {
    let house = House::with(&[("RATE_LIMIT_PER_ADDRESS", "1:1"), ("RATE_LIMIT_PER_CALLER", "1:3")]);
    house.from(STRANGER, get_bare("/openapi.json")).await;
    house.from(STRANGER, get_bare("/openapi.json")).await.problem(429, "rate_limited");
    for _ in 0..3 {
        assert_eq!(house.from(STRANGER, get_as_user("/missions")).await.status, StatusCode::OK);
    }
    let often = house.from("203.0.113.8:1", get_as_user("/missions")).await;
    often.problem(429, "rate_limited");
    assert_eq!(often.header("retry-after"), "1", "he has one bucket wherever he is");
    for number in 0..9 {
        let signed = slack::signed(slack::message(&format!("hello {number}")).to_string());
        assert_eq!(house.from(STRANGER, signed).await.status, StatusCode::OK, "a good signature is never refused");
    }
}

#[actix_web::test]
async fn who_fails_to_prove_who_he_is_pays_for_it() {
    let bad_token = || get_bare("/missions").insert_header(("authorization", "Bearer a.b.c"));
    // A token that nobody looks at buys nothing either.
    let idle_token = || get_bare("/openapi.json").insert_header(("authorization", "Bearer a.b.c"));
    let unread = || TestRequest::post().uri("/dispatch/intake/slack").set_payload("x");
    let cases: [(&dyn Fn() -> TestRequest, u16); 4] =
        [(&bad_token, 401), (&idle_token, 200), (&forged, 401), (&unread, 415)];
    for (request, first) in cases {
        let house = House::with(&[("RATE_LIMIT_PER_ADDRESS", "1:1")]);
        assert_eq!(house.from(STRANGER, request()).await.status.as_u16(), first);
        house.from(STRANGER, request()).await.problem(429, "rate_limited");
    }
    let signed_but_useless = || slack::signed(b"{}".as_slice());
    let house = House::with(&[("RATE_LIMIT_PER_ADDRESS", "1:1")]);
    for _ in 0..3 {
        house.from(STRANGER, signed_but_useless()).await.problem(400, "invalid_body");
    }
}

#[actix_web::test]
async fn nobody_pays_for_a_fault_of_ours() {
    let house = House::with(&[("RATE_LIMIT_PER_ADDRESS", "1:1")]);
    for _ in 0..3 {
        let unknowable = get_bare("/missions").insert_header(("authorization", bearer_of("down")));
        house.from(STRANGER, unknowable).await.problem(503, "database_unavailable");
    }
    assert_eq!(house.from(STRANGER, get_bare("/openapi.json")).await.status, StatusCode::OK, "his bucket is full");
}

#[actix_web::test]
async fn addresses_are_those_that_listed_proxies_tell() {
    let from = |client: &'static str| get_bare("/openapi.json").insert_header(("x-forwarded-for", client));
    let house = House::with(&[("RATE_LIMIT_PER_ADDRESS", "1:1"), ("TRUSTED_PROXIES", "10.0.0.0/8")]);
    for client in ["198.51.100.1", "198.51.100.2", "2001:db8::1"] {
        assert_eq!(house.from("10.0.0.1:1", from(client)).await.status, StatusCode::OK, "{client}");
    }
    for client in ["198.51.100.1", "1.2.3.4, 198.51.100.1", "2001:db8::2"] {
        house.from("10.0.0.1:1", from(client)).await.problem(429, "rate_limited");
    }
    assert_eq!(house.from(STRANGER, from("192.0.2.1")).await.status, StatusCode::OK);
    house.from(STRANGER, from("192.0.2.2")).await.problem(429, "rate_limited");
}

#[actix_web::test]
async fn nobody_is_limited_in_dev_unless_asked_for() {
    let house = House::with(&[]);
    for _ in 0..300 {
        assert_eq!(house.from("127.0.0.1:1", get_bare("/docs")).await.status.as_u16(), 307);
    }
}

#[actix_web::test]
async fn pages_of_listed_sites_may_ask() {
    const PAGE: &str = "https://app.example";
    let house = House::with(&[("CORS_ALLOWED_ORIGINS", "https://app.example, https://*.preview.example")]);
    let preflight = |origin: &'static str, path: &str| {
        TestRequest::default()
            .method(Method::OPTIONS)
            .uri(path)
            .insert_header(("origin", origin))
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("access-control-request-headers", "authorization, idempotency-key"))
    };
    for origin in [PAGE, "https://a.preview.example"] {
        let answer = house.ask(preflight(origin, "/missions")).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, origin));
        for name in ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "traceparent"] {
            assert!(answer.header("access-control-allow-headers").contains(name), "{name}");
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(answer.header("access-control-allow-methods").contains(method), "{method}");
        }
        assert_eq!((answer.header("access-control-allow-credentials"), answer.header("vary")), ("", "Origin"));
    }
    let with_origin = |request: TestRequest, origin: &'static str| request.insert_header(("origin", origin));
    for (request, status) in
        [(get_as_user("/missions"), 200), (get_bare("/missions"), 401), (get_bare("/nothing"), 404)]
    {
        let answer = house.ask(with_origin(request, PAGE)).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (status, PAGE));
        let exposed = answer.header("access-control-expose-headers").to_owned();
        for name in ["Dispatch-Trace-Id", "Dispatch-Event-Id", "Retry-After", "Idempotent-Replayed", "Location"] {
            assert!(exposed.contains(name), "{name}");
        }
        assert_eq!(answer.header("vary"), "Origin");
    }
    for other in ["https://evil.example", "http://app.example", "https://preview.example", "null"] {
        let answer = house.ask(preflight(other, "/missions")).await;
        assert!(answer.status.is_client_error() && answer.header("access-control-allow-origin").is_empty(), "{other}");
        let answer = house.ask(with_origin(get_as_user("/missions"), other)).await;
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("", "Origin"), "{other}");
    }
    assert_eq!(house.ask(preflight(PAGE, "/intake/slack")).await.status.as_u16(), 405, "no page calls a webhook");
    let closed = House::with(&[]).ask(preflight(PAGE, "/missions")).await;
    assert!(closed.status.is_client_error());
    assert_eq!((closed.header("access-control-allow-origin"), closed.header("vary")), ("", ""));
}

#[actix_web::test]
async fn any_page_may_ask_when_that_is_configured() {
    let house = House::with(&[("CORS_ALLOWED_ORIGINS", "*")]);
    let answer = house.ask(get_as_user("/missions").insert_header(("origin", "https://any.example"))).await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("*", ""));
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[actix_web::test]
async fn every_answer_carries_what_protects_browsers() {
    let house = House::with(&[("PUBLIC_URL", "https://dispatch.example")]);
    for path in ["/livez", "/missions", "/docs/", "/nothing"] {
        let answer = house.ask(get_bare(path)).await;
        for (name, value) in [
            ("strict-transport-security", "max-age=63072000"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(answer.header("permissions-policy").contains("camera=()"), "{path}");
        assert_eq!(answer.header("cache-control"), if path == "/docs/" { "no-cache" } else { "no-store" }, "{path}");
        assert_eq!(answer.header("server"), "", "nobody is told what this is made of");
    }
    let plain = House::with(&[("PUBLIC_URL", "http://dispatch.example")]).ask(get_bare("/livez")).await;
    assert_eq!(plain.header("strict-transport-security"), "", "it would lock everybody out");
}

#[actix_web::test]
async fn a_head_that_is_too_large_is_refused_with_words() {
    let house = House::with(&[]);
    house.ask(get_bare(&format!("/missions?cursor={}", "x".repeat(9000)))).await.problem(414, "uri_too_long");
    let fat = get_as_user("/missions").insert_header(("x-fat", "x".repeat(40_000)));
    house.ask(fat).await.problem(431, "headers_too_large");
    let sound = get_as_user("/missions").insert_header(("x-large", "x".repeat(20_000)));
    assert_eq!(house.ask(sound).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_server_that_is_leaving_says_so_and_still_answers() {
    let house = House::with(&[]);
    house.0.front.leave();
    let ready = house.ask(get_bare("/readyz")).await;
    ready.problem(503, "not_ready");
    assert_eq!(ready.header("retry-after"), "5");
    assert_eq!(house.ask(get_bare("/livez")).await.status, StatusCode::OK, "no reason to kill it");
    let app = init_service(app(house.0.clone())).await;
    let answer = call_service(&app, get_as_user("/missions").to_request()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.response().head().connection_type(), actix_http::ConnectionType::Close);
}
