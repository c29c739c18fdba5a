//! The document of the old contract: apart from the new one, for its shapes (null where there is nothing, errors as FastAPI said
//! them) are just what generators of clients are spared there, and nobody is to generate new clients from it. Must not need a
//! database, a configuration or a network.

use crate::http::operations::{chat, classify, contract, root, slack, sms, status};
use utoipa::openapi::Deprecated;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Operations Center, as Dispatch speaks it",
        version = "1.0.0",
        description = "The contract of the system that Dispatch replaces, over the same use cases as the new one. All of it is \
            deprecated: every answer names its successor (`Link`) and until when it is there (`Sunset`). The same paths \
            without `/operations` answer so while the flag says `operations`. What differs from the old system on purpose \
            stands in docs/LEGACY.md.",
        contact(name = "Dispatch"),
    ),
    servers((url = "/", description = "This server")),
    tags((name = "operations", description = "The old contract")),
    paths(
        classify::classify,
        chat::chat,
        slack::receive,
        sms::receive,
        status::status,
        root::root,
    ),
    components(schemas(contract::Classification)),
    security(("bearer" = []), ("apiKey" = [])),
    modifiers(&Finish),
)]
struct OldContract;

/// Everything here is deprecated, and errors have one shape.
struct Finish;

impl Modify for Finish {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                operation.deprecated = Some(Deprecated::True);
                if operation.security.is_some() {
                    operation.security = Some(Vec::new());
                }
            }
        }
        // The version of the contract, not of the build.
        "1.0.0".clone_into(&mut document.info.version);
        let components = document.components.get_or_insert_with(Default::default);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    }
}

/// The document as JSON text, the same on every machine.
#[must_use]
pub fn json() -> String {
    let mut text = serde_json::to_string_pretty(&OldContract::openapi()).unwrap_or_default();
    text.push('\n');
    text
}
