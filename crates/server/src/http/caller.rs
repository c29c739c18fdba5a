//! Who calls, as far as a guarded handler needs to know. Must not know how it was proved.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use std::future::{Ready, ready};

use super::problem::{Problem, kind};

/// The caller of a guarded operation, put into the request by the guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    principal: String,
}

impl Caller {
    /// Whoever is at this machine, in `dispatch dev`.
    #[must_use]
    pub fn developer() -> Self {
        Self { principal: "dev".to_owned() }
    }

    /// The user or service that a token names.
    #[must_use]
    pub fn of_token(subject: Option<&str>, role: &str) -> Self {
        Self { principal: subject.map_or_else(|| format!("role:{role}"), |subject| format!("user:{subject}")) }
    }

    /// One text per principal, the same for ever: what idempotency keys, rate limits and audits are kept by.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        ready(caller.ok_or_else(|| Problem::new(&kind::INTERNAL).because("this route has no guard")))
    }
}
