//! What every operation has alike: a problem on every error, bearer security, one licence. Must not name an operation.

use crate::http::problem::{Kind, MEDIA_TYPE, TYPE_BASE, kind};
use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Info, Ref, RefOr, Required, Response, ResponseBuilder};

/// The parameter components of the header, for operations that need a key and for those that take one.
const REQUIRED_KEY: &str = "RequiredIdempotencyKey";
const OPTIONAL_KEY: &str = "IdempotencyKey";
/// What a handler says of a body that it can do without; an optional type would say "or null".
const OPTIONAL_BODY: &str = "May be left out";

/// Finishes the document after the macros.
pub struct Finish;

impl Modify for Finish {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        normalise(&mut document.info);
        for item in document.paths.paths.values_mut() {
            [&mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten().for_each(keyed);
            let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in all.into_iter().flatten() {
                guarded(operation);
                problems(operation);
            }
        }
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "A Supabase access token, or an API key (`dsp_…`). Not needed on the machine that runs `dispatch dev`.",
            ))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let key = ApiKeyValue::with_description(
            "X-API-Key",
            "An API key (`dispatch key create`). For programs, not for browsers.",
        );
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
        for (name, required) in [(REQUIRED_KEY, Required::True), (OPTIONAL_KEY, Required::False)] {
            components.parameters.insert(name.to_owned(), RefOr::T(key_parameter(required)));
        }
    }
}

fn normalise(info: &mut Info) {
    // The version of the contract, not of the build: the file must not change with every release of the server.
    info.version = "1.0.0".to_owned();
}

/// What changes something, and is no webhook, takes an Idempotency-Key, and is refused for its sake. One that says that it
/// refuses requests without a key requires it.
fn keyed(operation: &mut Operation) {
    if is_open(operation) {
        return;
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && body.description.as_deref() == Some(OPTIONAL_BODY)
    {
        body.required = Some(Required::False);
    }
    let needs = operation.responses.responses.get("400").is_some_and(|response| {
        matches!(response, RefOr::T(response) if response.description.contains("`idempotency_key_required`"))
    });
    let name = if needs { REQUIRED_KEY } else { OPTIONAL_KEY };
    let parameter = RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")));
    operation.parameters.get_or_insert_default().push(parameter);
    for (status, words) in [
        ("400", "`idempotency_key_invalid`"),
        ("409", "`idempotency_in_progress`: come again after `Retry-After`"),
        ("422", "`idempotency_key_reused`: another body had this key"),
    ] {
        match operation.responses.responses.get_mut(status) {
            Some(RefOr::T(response)) => response.description = format!("{}; {words}", response.description),
            _ => {
                let response = RefOr::T(ResponseBuilder::new().description(words).build());
                operation.responses.responses.insert(status.to_owned(), response);
            }
        }
    }
}

/// What asks for a credential refuses one that is good for other things.
fn guarded(operation: &mut Operation) {
    const WORDS: &str = "`scope_missing`: the API key is for other operations";
    if is_open(operation) {
        return;
    }
    match operation.responses.responses.get_mut("403") {
        Some(RefOr::T(response)) => response.description = format!("{}; {WORDS}", response.description),
        _ => {
            let response = RefOr::T(ResponseBuilder::new().description(WORDS).build());
            operation.responses.responses.insert("403".to_owned(), response);
        }
    }
}

fn key_parameter(required: Required) -> Parameter {
    let description = "What you call this one request: a string or a bare word of 1 to 255 visible ASCII characters, such as a UUID. \
                       A repeat with the same key and body is not done again: it gets the same answer, with `Idempotent-Replayed: true`. \
                       A key is remembered for 72 hours.";
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(257))))
        .example(Some(json!("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"")))
        .build()
}

/// `security(())` says "nothing is asked" as one empty alternative.
fn is_open(operation: &Operation) -> bool {
    operation.security.as_ref().is_some_and(|all| all.iter().all(|one| *one == SecurityRequirement::default()))
}

/// Gives every error the problem as its body, with an example, and adds `default`.
fn problems(operation: &mut Operation) {
    // An empty list says that nothing is asked in one way only.
    if is_open(operation) {
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
