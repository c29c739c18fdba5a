//! An id in a path. Ids are opaque, but no row can have just any text for one.

use super::problem::{Problem, kind};
use actix_web::dev::Payload;
use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use std::future::{Ready, ready};

/// Longest id that any table could hold a row under; the text itself is never looked at.
const LONGEST: usize = 255;

/// The one id of a path. What cannot be an id is answered 404 before a database is asked: it cannot hold a NUL.
#[derive(Debug)]
pub struct PathId(pub String);

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = Path::<String>::from_request(request, payload).into_inner().ok().map(Path::into_inner);
        let possible = |text: &String| !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
        ready(text.filter(possible).map(Self).ok_or_else(|| Problem::new(&kind::NOT_FOUND).detail("This is no id.")))
    }
}
