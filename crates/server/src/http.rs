//! The HTTP surface: which path is answered by which handler, and what wraps them all. Must not know adapters: it gets
//! its use cases ready made.

pub mod auth;
pub mod bearer;
pub mod caller;
pub mod docs;
pub mod headers;
pub mod intake;
pub mod missions;
pub mod observe;
pub mod path_id;
pub mod problem;
pub mod timestamp;
pub mod trace;

use actix_web::body::MessageBody;
use actix_web::dev::{HttpServiceFactory, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use actix_web::{App, Error, FromRequest, Handler, HttpResponse, Resource, Responder};
use auth::Access;
use dispatch_pipeline::intake::Intake;
use dispatch_pipeline::missions::Missions;
use dispatch_pipeline::observe::Observe;
use docs::Document;
use intake::slack::SlackDoor;
use problem::{Problem, kind};

/// Everything that handlers ask for; each one is its own `web::Data`.
#[derive(Clone)]
#[allow(missing_docs)] // one field, one use case
pub struct Surface {
    pub intake: Data<Intake>,
    pub missions: Data<Missions>,
    pub observe: Data<Observe>,
    pub slack: Data<SlackDoor>,
    pub access: Data<Access>,
    pub document: Data<Document>,
}

/// The application that every server thread runs.
pub fn app(
    surface: Surface,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(surface.intake)
        .app_data(surface.missions)
        .app_data(surface.observe)
        .app_data(surface.slack)
        .app_data(surface.access)
        .app_data(surface.document)
        .app_data(PayloadConfig::new(intake::LIMIT_BYTES))
        .service(web::scope("/dispatch").configure(routes))
        .configure(routes)
        .default_service(web::to(nothing_here))
        .wrap(from_fn(trace::trace))
        // Outermost, for `trace` gives errors a new answer.
        .wrap(headers::security())
}

/// Every route. They stand twice: at the root and below `/dispatch`. A route is guarded unless it says `open`: it carries
/// its own proof (a webhook's signature) or shows nothing of anybody (probes, documentation).
fn routes(config: &mut ServiceConfig) {
    config
        .service(open_post("/intake/slack", intake::slack::receive))
        .service(get("/missions", missions::list))
        .service(get("/missions/{mission_id}", missions::show))
        .service(open_get("/observe/health", observe::health))
        .service(get("/observe/logs/{id}", observe::story))
        .service(get("/observe/logs/{id}/text", observe::story_text))
        .service(open_get("/livez", observe::live))
        .service(open_get("/readyz", observe::ready))
        .service(open_get("/openapi.json", docs::openapi))
        .service(open_get("/docs", docs::to_index))
        .service(open_get("/docs/", docs::index))
        .service(open_get("/docs/{file}", docs::file));
}

/// A path that callers read.
fn get<F, Args>(path: &str, handler: F) -> impl HttpServiceFactory + use<F, Args>
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    open_get(path, handler).wrap(from_fn(auth::guard))
}

/// A path that everybody reads: GET, and HEAD, which differs only in the body that the server leaves out.
fn open_get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(|| refuse_method("GET, HEAD")))
}

/// A path that takes what is posted, by whomever: the handler checks a signature.
fn open_post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(web::to(|| refuse_method("POST")))
}

async fn refuse_method(allow: &'static str) -> Result<HttpResponse, Problem> {
    let allowed = actix_web::http::header::HeaderValue::from_static(allow);
    Err(Problem::new(&kind::METHOD_NOT_ALLOWED)
        .detail(format!("It takes {allow}."))
        .header(actix_web::http::header::ALLOW, allowed))
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::new(&kind::NOT_FOUND))
}

#[cfg(test)]
mod tests;
