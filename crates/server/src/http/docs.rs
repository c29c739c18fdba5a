//! `/openapi.json` and Swagger UI at `/docs`, the same below `/operations`, from files inside the binary. Must not know any operation.

use super::headers::PAGE_POLICY;
use super::problem::{Problem, kind};
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ContentType, LOCATION};
use actix_web::web::{Data, Path};
use std::sync::Arc;
use utoipa_swagger_ui::{Config, serve};

/// The OpenAPI documents as JSON text, made once.
#[derive(Clone)]
pub struct Document {
    new: Arc<str>,
    old: Arc<str>,
}

impl Document {
    /// The documents of this build.
    #[must_use]
    pub fn of_this_build() -> Self {
        Self { new: crate::openapi::json().into(), old: crate::openapi::operations::json().into() }
    }
}

/// The document.
pub async fn openapi(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.new.to_string())
}

/// The document of the old contract.
pub async fn old_openapi(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.old.to_string())
}

/// `/docs` lacks the slash that its pages' relative links hang on.
pub async fn to_index() -> HttpResponse {
    // Relative, so that it holds behind a proxy and under `/dispatch` alike.
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "docs/")).finish()
}

/// Swagger UI's first page.
pub async fn index() -> Result<HttpResponse, Problem> {
    page("index.html")
}

/// Swagger UI's other files.
pub async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    page(&name)
}

fn page(name: &str) -> Result<HttpResponse, Problem> {
    let config = Config::from("../openapi.json").try_it_out_enabled(true).persist_authorization(false);
    let found =
        serve(name, Arc::new(config)).map_err(|error| Problem::new(&kind::INTERNAL).because(error.to_string()))?;
    let file = found.ok_or_else(|| Problem::new(&kind::NOT_FOUND))?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(file.content_type).insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY));
    answer.insert_header((CACHE_CONTROL, "no-cache"));
    if file.gzpipped {
        answer.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(answer.body(file.bytes.into_owned()))
}
