//! The query string of `GET /route/flag/history`, and its cursor: every mistake named at once. Must not know who keeps it.

use crate::http::problem::{Problem, ProblemField, kind};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_pipeline::ports::flag::{ChangeCursor, FlagChange};
use std::future::{Ready, ready};
use time::OffsetDateTime;
use utoipa::IntoParams;

const DEFAULT_PAGE: u32 = 50;
const MOST: u32 = 200;

/// What the document says about the parameters; [`HistoryQuery`] is what reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its schema is used
pub struct HistoryParameters {
    /// Most changes on the page: 1 to 200, 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 200, example = 50)]
    limit: Option<i32>,
    /// `next_cursor` of the page before.
    #[param(nullable = false, example = "ZjE6MTc2MzY0NzM4NzEyMDAwMDowMTkzMGY1ZQ")]
    cursor: Option<String>,
}

/// A valid query.
#[derive(Debug, PartialEq)]
pub struct HistoryQuery {
    /// Where the page before ended.
    pub after: Option<ChangeCursor>,
    /// How many at most.
    pub limit: u32,
}

impl FromRequest for HistoryQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = Self::read(request.query_string());
        ready(read.map_err(|errors| Problem::new(&kind::INVALID_PARAMETERS).errors(errors)))
    }
}

impl HistoryQuery {
    fn read(query: &str) -> Result<Self, Vec<ProblemField>> {
        let mut read = Self { after: None, limit: DEFAULT_PAGE };
        let (mut seen, mut errors) = (Vec::new(), Vec::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let wrong = match name.as_ref() {
                name if seen.iter().any(|before| before == name) => Some("is given more than once"),
                "limit" => match value.parse().ok().filter(|limit| (1..=MOST).contains(limit)) {
                    Some(limit) => {
                        read.limit = limit;
                        None
                    }
                    None => Some("must be a whole number from 1 to 200"),
                },
                "cursor" => {
                    read.after = decode(&value);
                    read.after.is_none().then_some("is not a next_cursor of this list")
                }
                _ => Some("is not a parameter of this operation; there are limit, cursor"),
            };
            let named: String = name.chars().take(64).collect();
            errors.extend(wrong.map(|wrong| ProblemField::parameter(&named, wrong)));
            seen.push(name.into_owned());
        }
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }
}

/// Opaque: `f1:<microseconds>:<mark>`, base64url without padding. Microseconds, for that is what the database compares.
pub fn encode(change: &FlagChange) -> String {
    let micros = change.at.unix_timestamp_nanos().div_euclid(1000);
    URL_SAFE_NO_PAD.encode(format!("f1:{micros}:{}", change.flag.mark))
}

fn decode(text: &str) -> Option<ChangeCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (micros, mark) = std::str::from_utf8(&bytes).ok()?.strip_prefix("f1:")?.split_once(':')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let is_sound = at.year() >= 1970 && !mark.contains('\0');
    is_sound.then(|| ChangeCursor { at, mark: mark.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_pipeline::ports::flag::{ApiVersion, Flag, Steering};

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let flag = Flag { steering: Steering::all_to(ApiVersion::Dispatch), mark: "dispatch:m-1".into() };
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(1_763_647_387_120_001);
        let cursor = encode(&FlagChange { flag, by: "a".into(), reason: None, at });
        assert_eq!(decode(&cursor), Some(ChangeCursor { at, mark: "dispatch:m-1".into() }));
        for wrong in ["", "!", "ZjE6MQ", "aDE6MTow"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
