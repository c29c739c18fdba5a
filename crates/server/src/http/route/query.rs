//! The query string of `GET /route/held`: every mistake named at once.

use super::cursor;
use crate::http::problem::{Problem, ProblemField, kind};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use dispatch_pipeline::route::MAX_PAGE;
use dispatch_routing::held_work::{HeldCursor, HeldFilter};
use std::future::{Ready, ready};
use utoipa::IntoParams;

const DEFAULT_PAGE: u32 = 50;

/// What the document says about the parameters; [`HeldQuery`] is what reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its schema is used
pub struct HeldParameters {
    /// Only what waits for this reason; repeat it, or separate with commas.
    #[param(nullable = false, style = Form, explode, example = json!(["below_threshold", "realtor_unresolved"]))]
    reason: Option<Vec<String>>,
    /// Most units on the page: 1 to 200, 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 200, example = 50)]
    limit: Option<i32>,
    /// `next_cursor` of the page before.
    #[param(nullable = false, example = "aDE6MTc2MzY0NzM4NzEyMDAwMDowMTkzMGY1ZQ")]
    cursor: Option<String>,
}

/// A valid query.
#[derive(Debug, PartialEq)]
pub struct HeldQuery {
    /// What to show.
    pub filter: HeldFilter,
    /// Where the page before ended.
    pub after: Option<HeldCursor>,
    /// How many at most.
    pub limit: u32,
}

impl FromRequest for HeldQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = Self::read(request.query_string());
        ready(read.map_err(|errors| Problem::new(&kind::INVALID_PARAMETERS).errors(errors)))
    }
}

impl HeldQuery {
    fn read(query: &str) -> Result<Self, Vec<ProblemField>> {
        let mut read = Self { filter: HeldFilter::default(), after: None, limit: DEFAULT_PAGE };
        let (mut seen, mut errors) = (Vec::new(), Vec::new());
        let mut wrong = |name: &str, detail: &str| {
            let name: String = name.chars().take(64).collect();
            errors.push(ProblemField::parameter(&name, detail));
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let name = name.as_ref();
            if matches!(name, "limit" | "cursor") && seen.iter().any(|before| before == name) {
                wrong(name, "is given more than once");
                continue;
            }
            seen.push(name.to_owned());
            match name {
                "reason" if value.split(',').all(|word| is_code(word.trim())) => {
                    read.filter.reasons.extend(value.split(',').map(|word| word.trim().to_owned()));
                }
                "reason" => wrong(name, "must be codes such as below_threshold"),
                "limit" => match value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit)) {
                    Some(limit) => read.limit = limit,
                    None => wrong(name, "must be a whole number from 1 to 200"),
                },
                "cursor" => match cursor::decode(&value) {
                    Some(after) => read.after = Some(after),
                    None => wrong(name, "is not a next_cursor of this list"),
                },
                other => wrong(other, "is not a parameter of this operation; there are reason, limit, cursor"),
            }
        }
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }
}

/// Reasons are lower-case words and digits; which there are is the policy's to say.
fn is_code(word: &str) -> bool {
    (1..=64).contains(&word.len())
        && word.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_repeated_or_listed() {
        for query in ["reason=a&reason=b_c", "reason=a,b_c", "reason=a%2C%20b_c&limit=50"] {
            let read = HeldQuery::read(query).expect("valid");
            assert_eq!((read.filter.reasons, read.limit), (vec!["a".to_owned(), "b_c".to_owned()], 50), "{query}");
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let errors = HeldQuery::read("reason=&reason=A&limit=201&limit=3&cursor=!&state=held").expect_err("refused");
        let names: Vec<_> = errors.into_iter().filter_map(|field| field.parameter).collect();
        assert_eq!(names, ["reason", "reason", "limit", "limit", "cursor", "state"]);
    }
}
