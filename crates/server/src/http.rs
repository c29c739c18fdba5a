//! The HTTP surface: which path is answered by which handler, and what wraps them all. Must not know adapters: it gets
//! its use cases ready made.

pub mod auth;
pub mod body_limit;
pub mod caller;
pub mod cors;
pub mod docs;
pub mod front;
pub mod headers;
pub mod idempotency;
pub mod intake;
pub mod json;
pub mod legacy;
pub mod limits;
pub mod missions;
pub mod observe;
pub mod operations;
pub mod path_id;
pub mod problem;
pub mod reason;
pub mod route;
pub mod server;
pub mod socket;
pub mod sse;
pub mod timestamp;
pub mod trace;

use crate::config;
use actix_web::body::MessageBody;
use actix_web::dev::{HttpServiceFactory, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use actix_web::{App, Error, FromRequest, Handler, HttpResponse, Resource, Responder, Route};
use auth::Access;
use dispatch_pipeline::agents::Agents;
use dispatch_pipeline::answers::Answers;
use dispatch_pipeline::classify::Classify;
use dispatch_pipeline::desk::Desk;
use dispatch_pipeline::helm::Helm;
use dispatch_pipeline::intake::Intake;
use dispatch_pipeline::missions::Missions;
use dispatch_pipeline::observe::Observe;
use dispatch_pipeline::ports::identity::Scope;
use dispatch_pipeline::query::Query;
use dispatch_pipeline::replay::{Batches, Replay};
use dispatch_pipeline::reports::Reports;
use dispatch_pipeline::route::Route as Routing;
use dispatch_pipeline::streams::Streams;
use dispatch_pipeline::track::Track;
use docs::Document;
use front::Front;
use idempotency::{Keys, Need};
use intake::slack::SlackDoor;
use intake::sms_door::SmsDoor;
use operations::Farewell;
use operations::status::Integrations;
use problem::{Problem, kind};

/// Everything that handlers ask for; each one is its own `web::Data`.
#[derive(Clone)]
#[allow(missing_docs)] // one field, one use case
pub struct Surface {
    pub intake: Data<Intake>,
    pub answers: Data<Answers>,
    pub missions: Data<Missions>,
    pub desk: Data<Desk>,
    pub keys: Data<Keys>,
    pub observe: Data<Observe>,
    pub agents: Data<Agents>,
    pub streams: Data<Streams>,
    pub classify: Data<Classify>,
    pub query: Data<Query>,
    pub route: Data<Routing>,
    pub track: Data<Track>,
    pub replay: Data<Replay>,
    pub batches: Data<Batches>,
    pub policy: Data<config::Routing>,
    pub slack: Data<SlackDoor>,
    pub sms: Data<SmsDoor>,
    pub reports: Data<Reports>,
    pub access: Data<Access>,
    pub document: Data<Document>,
    pub front: Data<Front>,
    pub helm: Data<Helm>,
    pub farewell: Data<Farewell>,
    pub integrations: Data<Integrations>,
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
    let security = headers::security(surface.front.https);
    App::new()
        .app_data(surface.intake)
        .app_data(surface.answers)
        .app_data(surface.missions)
        .app_data(surface.desk)
        .app_data(surface.keys)
        .app_data(surface.observe)
        .app_data(surface.agents)
        .app_data(surface.streams)
        .app_data(surface.classify)
        .app_data(surface.query)
        .app_data(surface.route)
        .app_data(surface.track)
        .app_data(surface.replay)
        .app_data(surface.batches)
        .app_data(surface.policy)
        .app_data(surface.slack)
        .app_data(surface.sms)
        .app_data(surface.reports)
        .app_data(surface.access)
        .app_data(surface.document)
        .app_data(surface.front)
        .app_data(surface.helm)
        .app_data(surface.farewell)
        .app_data(surface.integrations)
        .app_data(PayloadConfig::new(intake::LIMIT_BYTES))
        .service(web::scope("/dispatch").configure(routes))
        .configure(routes)
        .configure(old_routes)
        .default_service(web::to(nothing_here))
        .wrap(from_fn(front::pass))
        .wrap(from_fn(trace::trace))
        // Answers of the old contract say so, errors too.
        .wrap(from_fn(operations::farewell))
        // Outside whatever looks at the route.
        .wrap(from_fn(legacy::steer))
        // Outermost, for `trace` gives errors a new answer.
        .wrap(security)
        .wrap(from_fn(front::frame))
}

/// Every route. They stand twice: at the root and below `/dispatch`. A route is guarded unless it says `open`: it carries
/// its own proof (a webhook's signature) or shows nothing of anybody (probes, documentation).
fn routes(config: &mut ServiceConfig) {
    config
        .service(open_post("/intake/slack", intake::slack::receive))
        .service(open_post("/intake/slack/interactions", intake::slack_interactions::receive))
        .service(open_post("/intake/sms", intake::sms::receive))
        .service(open_post("/intake/sms/status", intake::sms_status::receive))
        .service(
            guarded("/missions", Scope::Missions)
                .get(missions::list)
                .post(Need::Required, missions::changes::create)
                .done(),
        )
        .service(
            guarded("/missions/{mission_id}", Scope::Missions)
                .get(missions::show)
                .delete(missions::changes::delete)
                .done(),
        )
        .service(post("/missions/{mission_id}/claim", Scope::Missions, missions::changes::claim))
        .service(post("/missions/{mission_id}/unclaim", Scope::Missions, missions::changes::unclaim))
        .service(post("/missions/{mission_id}/assign", Scope::Missions, missions::changes::assign))
        .service(post("/missions/{mission_id}/complete", Scope::Missions, missions::changes::complete))
        .service(post("/missions/{mission_id}/reopen", Scope::Missions, missions::changes::reopen))
        .service(guarded("/missions/{mission_id}/type", Scope::Missions).put(missions::changes::set_type).done())
        .service(post("/reason/classify", Scope::Reason, reason::classify::classify))
        .service(post("/reason/query", Scope::Reason, reason::query::query))
        .service(post("/reason/classifications", Scope::Reason, reason::classifications::create))
        .service(get("/reason/classifications/{classification_id}", Scope::Reason, reason::classifications::show))
        .service(get("/reason/stream/{stream_id}", Scope::Reason, reason::stream::follow))
        .service(get("/route/held", Scope::Route, route::held::list))
        .service(get("/route/held/{unit_id}", Scope::Route, route::held::show))
        .service(post("/route/held/{unit_id}/dismiss", Scope::Route, route::held::dismiss))
        .service(post("/route/dispatch", Scope::Route, route::dispatch::create))
        .service(get("/route/status/{id}", Scope::Route, route::status::show))
        .service(get("/route/dead-letters", Scope::Route, route::dead::list))
        .service(post("/route/replay/{id}", Scope::Route, route::replay::create))
        .service(post("/route/replays", Scope::Route, route::batches::create))
        .service(get("/route/replays/{replay_id}", Scope::Route, route::batches::show))
        .service(post("/route/replays/{replay_id}/cancel", Scope::Route, route::batches::cancel))
        .service(get("/route/policy", Scope::Route, route::policy::show))
        .service(guarded("/route/flag", Scope::Route).get(route::flag::show).put(route::flag::set).done())
        .service(get("/route/flag/history", Scope::Route, route::flag::history))
        .service(open_get("/observe/health", observe::health))
        .service(get("/observe/agents", Scope::Observe, observe::agents))
        .service(get("/observe/logs/{id}", Scope::Observe, observe::story))
        .service(get("/observe/logs/{id}/text", Scope::Observe, observe::story_text))
        .service(open_get("/livez", observe::live))
        .service(open_get("/readyz", observe::ready))
        .service(open_get("/openapi.json", docs::openapi))
        .service(open_get("/docs", docs::to_index))
        .service(open_get("/docs/", docs::index))
        .service(open_get("/docs/{file}", docs::file));
}

/// The old contract, under its prefix. The flag decides which of these the unprefixed legacy paths lead to.
fn old_routes(config: &mut ServiceConfig) {
    config
        .service(open_get("/operations", operations::root::root))
        .service(open_get("/operations/", operations::root::root))
        .service(open_get("/operations/openapi.json", docs::old_openapi))
        .service(open_get("/operations/docs", docs::to_index))
        .service(open_get("/operations/docs/", docs::index))
        .service(open_get("/operations/docs/{file}", docs::file))
        .service(open_get("/operations/status", operations::status::status))
        .service(open_post("/operations/webhooks/slack", operations::slack::receive))
        .service(open_post("/operations/api/slack_webhook", operations::slack::receive))
        .service(open_post("/operations/webhooks/sms", operations::sms::receive))
        .service(post("/operations/classify", Scope::Reason, operations::classify::classify))
        .service(post("/operations/chat", Scope::Reason, operations::chat::chat));
}

/// A path that callers read.
fn get<F, Args>(path: &str, scope: Scope, handler: F) -> impl HttpServiceFactory + use<F, Args>
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    guarded(path, scope).get(handler).done()
}

/// A path that callers post to; a repeat does no harm, with or without a key.
fn post<F, Args>(path: &str, scope: Scope, handler: F) -> impl HttpServiceFactory + use<F, Args>
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    guarded(path, scope).post(Need::Optional, handler).done()
}

/// A path for callers with this scope, method by method.
fn guarded(path: &str, scope: Scope) -> Guarded {
    Guarded { resource: web::resource(path), scope, methods: Vec::new() }
}

/// What a guarded path takes. Whatever changes something by POST or DELETE takes an Idempotency-Key: there is no way round.
struct Guarded {
    resource: Resource,
    scope: Scope,
    methods: Vec<&'static str>,
}

impl Guarded {
    fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args> + Clone,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.extend(["GET", "HEAD"]);
        self.resource = self.resource.route(web::get().to(handler.clone())).route(web::head().to(handler));
        self
    }

    /// Means the same however often it is sent, so that it needs no key.
    fn put<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push("PUT");
        self.resource = self.resource.route(web::put().to(handler));
        self
    }

    fn post<F, Args>(self, need: Need, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.keyed("POST", need, web::post().to(handler))
    }

    fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.keyed("DELETE", Need::Optional, web::delete().to(handler))
    }

    fn keyed(mut self, method: &'static str, need: Need, route: Route) -> Self {
        self.methods.push(method);
        self.resource =
            self.resource.route(route.wrap(from_fn(move |request, next| idempotency::protect(need, request, next))));
        self
    }

    fn done(self) -> impl HttpServiceFactory + use<> {
        let (allow, scope) = (self.methods.join(", "), self.scope);
        self.resource
            .default_service(web::to(move || refuse_method(allow.clone())))
            .wrap(from_fn(front::per_caller))
            .wrap(from_fn(move |request, next| auth::guard(scope, request, next)))
    }
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
        .default_service(web::to(|| refuse_method("GET, HEAD".to_owned())))
}

/// A path that takes what is posted, by whomever: the handler checks a signature.
fn open_post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(web::to(|| refuse_method("POST".to_owned())))
}

async fn refuse_method(allow: String) -> Result<HttpResponse, Problem> {
    let problem = Problem::new(&kind::METHOD_NOT_ALLOWED).detail(format!("It takes {allow}."));
    Err(match actix_web::http::header::HeaderValue::from_str(&allow) {
        Ok(allowed) => problem.header(actix_web::http::header::ALLOW, allowed),
        Err(_) => problem,
    })
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::new(&kind::NOT_FOUND))
}

#[cfg(test)]
mod tests;
