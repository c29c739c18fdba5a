//! What every operation has alike: a problem on every error, bearer security, one licence. Must not name an operation.

use crate::http::problem::{Kind, MEDIA_TYPE, TYPE_BASE, kind};
use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Info, Ref, RefOr, Response, ResponseBuilder};

/// Finishes the document after the macros.
pub struct Finish;

impl Modify for Finish {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        normalise(&mut document.info);
        for item in document.paths.paths.values_mut() {
            let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            all.into_iter().flatten().for_each(problems);
        }
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A Supabase access token. Not needed on the machine that runs `dispatch dev`."))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

fn normalise(info: &mut Info) {
    // The version of the contract, not of the build: the file must not change with every release of the server.
    info.version = "1.0.0".to_owned();
}

/// Gives every error the problem as its body, with an example, and adds `default`.
fn problems(operation: &mut Operation) {
    // `security(())` says "nothing is asked" as one empty alternative; an empty list says the same in one way only.
    if operation.security.as_ref().is_some_and(|all| all.iter().all(|one| *one == SecurityRequirement::default())) {
        operation.security = Some(Vec::new());
    }
    let responses = &mut operation.responses.responses;
    responses.entry("default".to_owned()).or_insert_with(|| {
        RefOr::T(ResponseBuilder::new().description("Any other problem, such as `internal_error`").build())
    });
    for (status, response) in responses.iter_mut() {
        if let (false, RefOr::T(response)) = (status.starts_with('2'), response) {
            describe(status, response);
        }
    }
}

fn describe(status: &str, response: &mut Response) {
    let mut content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let kinds = spoken_of(&response.description);
    let fallback = kind::of_status(status.parse().unwrap_or(500));
    content.example = Some(example(kinds.first().copied().unwrap_or(fallback)));
    if kinds.len() > 1 {
        let named = |kind: &&'static Kind| {
            (kind.code.to_owned(), RefOr::T(ExampleBuilder::new().value(Some(example(kind))).build()))
        };
        content.example = None;
        content.examples = kinds.iter().map(named).collect();
    }
    response.content.clear();
    response.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(content));
}

/// The kinds whose code the description names, in backticks as people write it.
fn spoken_of(description: &str) -> Vec<&'static Kind> {
    kind::ALL.iter().copied().filter(|kind| description.contains(&format!("`{}`", kind.code))).collect()
}

fn example(kind: &Kind) -> Value {
    json!({
        "type": format!("{TYPE_BASE}{}", kind.code), "title": kind.title, "status": kind.status, "code": kind.code,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "retryable": kind.retryable,
    })
}
