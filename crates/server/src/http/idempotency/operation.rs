//! What a handler learns about the key of its request. Must not know how it is kept.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use dispatch_mission::ids::OperationId;
use std::convert::Infallible;
use std::future::{Ready, ready};

/// The operation that a request belongs to. Effects carry its id, so that they happen once however often it is resumed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Operation {
    id: Option<OperationId>,
    follows: Option<String>,
}

impl Operation {
    pub(super) fn new(id: OperationId) -> Self {
        Self { id: Some(id), follows: None }
    }

    pub(super) fn follow(stream: String) -> Self {
        Self { id: None, follows: Some(stream) }
    }

    /// The same for every repeat. None where no key was sent: no repeat will come.
    #[must_use]
    pub fn id(&self) -> Option<OperationId> {
        self.id
    }

    /// The stream that was the answer before: a repeat follows it and begins nothing.
    #[must_use]
    pub fn follows(&self) -> Option<&str> {
        self.follows.as_deref()
    }
}

impl FromRequest for Operation {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get::<Self>().cloned().unwrap_or_default()))
    }
}

/// Put into the extensions of an answer that is a stream: its id is what is kept of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Streamed(pub String);
