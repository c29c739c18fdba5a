//! The query string of `GET /route/dead-letters`: every mistake named at once.

use super::cursor;
use super::words::{DeadOrderDto, FaultClassDto};
use crate::http::problem::{Problem, ProblemField, kind};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use dispatch_pipeline::track::MAX_PAGE;
use dispatch_routing::dead_letters::{DeadCursor, DeadFilter, FaultClass};
use std::future::{Ready, ready};
use utoipa::IntoParams;

const DEFAULT_PAGE: u32 = 50;

/// What the document says about the parameters; [`DeadQuery`] is what reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its schema is used
pub struct DeadParameters {
    /// Only what ended for this reason; repeat it, or separate with commas.
    #[param(nullable = false, style = Form, explode, example = json!(["channel_not_found", "http_503"]))]
    reason: Option<Vec<String>>,
    /// Only `unit`s, or deliveries to this kind of destination: `storage`, `slack`, `sms`, …; repeat it, or separate with commas.
    #[param(nullable = false, style = Form, explode, example = json!(["slack"]))]
    kind: Option<Vec<String>>,
    /// Only deliveries to this channel, table or configured name; repeat it, or separate with commas.
    #[param(nullable = false, style = Form, explode, example = json!(["C1"]))]
    destination: Option<Vec<String>>,
    /// Only what is this one's fault.
    #[param(nullable = false, inline = false, example = "pipeline")]
    class: Option<FaultClassDto>,
    /// What comes first; `newest` unless said otherwise.
    #[param(nullable = false, inline = false, example = "newest")]
    order: Option<DeadOrderDto>,
    /// Most dead letters on the page: 1 to 200, 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 200, example = 50)]
    limit: Option<i32>,
    /// `next_cursor` of the page before.
    #[param(nullable = false, example = "ZDE6MTc2MzY0NzM4NzEyMDAwMDowMTkzMGY1ZQ")]
    cursor: Option<String>,
}

/// A valid query.
#[derive(Debug, PartialEq)]
pub struct DeadQuery {
    /// What to show.
    pub filter: DeadFilter,
    /// Where the page before ended.
    pub after: Option<DeadCursor>,
    /// How many at most.
    pub limit: u32,
}

impl FromRequest for DeadQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = Self::read(request.query_string());
        ready(read.map_err(|errors| Problem::new(&kind::INVALID_PARAMETERS).errors(errors)))
    }
}

impl DeadQuery {
    fn read(query: &str) -> Result<Self, Vec<ProblemField>> {
        let filter = DeadFilter { newest_first: true, ..DeadFilter::default() };
        let mut read = Self { filter, after: None, limit: DEFAULT_PAGE };
        let (mut seen, mut errors) = (Vec::new(), Vec::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let once = matches!(name.as_ref(), "class" | "order" | "limit" | "cursor");
            let outcome =
                if once && seen.contains(&name) { Err("is given more than once") } else { read.take(&name, &value) };
            if let Err(detail) = outcome {
                errors.push(ProblemField::parameter(&name.chars().take(64).collect::<String>(), detail));
            }
            seen.push(name);
        }
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match name {
            "reason" => self.filter.reasons.extend(words(value, is_code).ok_or("must be codes such as http_503")?),
            "kind" => self.filter.kinds.extend(words(value, is_code).ok_or("must be kinds such as slack or unit")?),
            "destination" => {
                let names = words(value, is_name).ok_or("must be names such as C1, listings, or a configured one")?;
                self.filter.destinations.extend(names);
            }
            "class" => {
                let class = FaultClass::ALL.into_iter().find(|class| class.as_str() == value);
                self.filter.class = Some(class.ok_or("must be pipeline or target")?);
            }
            "order" => {
                self.filter.newest_first = match value {
                    "newest" => true,
                    "oldest" => false,
                    _ => return Err("must be newest or oldest"),
                };
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
                self.limit = limit.ok_or("must be a whole number from 1 to 200")?;
            }
            "cursor" => {
                self.after = Some(cursor::decode_dead(value).ok_or("is not a next_cursor of this list")?);
            }
            _ => {
                return Err(
                    "is not a parameter of this operation; there are reason, kind, destination, class, order, limit, cursor",
                );
            }
        }
        Ok(())
    }
}

/// The words between the commas, when each of them is one.
pub(super) fn words(value: &str, is_word: fn(&str) -> bool) -> Option<Vec<String>> {
    value.split(',').map(str::trim).map(|word| is_word(word).then(|| word.to_owned())).collect()
}

/// Reasons and kinds are lower-case words; which reasons there are is the destinations' to say.
pub(super) fn is_code(word: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    (1..=64).contains(&word.len()) && word.bytes().all(is_letter)
}

/// A channel, a table or a configured name.
pub(super) fn is_name(word: &str) -> bool {
    (1..=128).contains(&word.len()) && word.bytes().all(|letter| letter.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_repeated_or_listed() {
        let read = DeadQuery::read(
            "reason=a&reason=http_503&kind=unit,slack&destination=C1&class=target&order=oldest&limit=7",
        )
        .expect("valid");
        let filter = DeadFilter {
            reasons: vec!["a".into(), "http_503".into()],
            kinds: vec!["unit".into(), "slack".into()],
            destinations: vec!["C1".into()],
            class: Some(FaultClass::Target),
            newest_first: false,
        };
        assert_eq!(read, DeadQuery { filter, after: None, limit: 7 });
        assert!(DeadQuery::read("").expect("valid").filter.newest_first);
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let query = "reason=A&kind=&destination=a%20b&class=mine&order=up&limit=0&cursor=!&colour=red&limit=3";
        let errors = DeadQuery::read(query).expect_err("refused");
        let names: Vec<_> = errors.into_iter().filter_map(|field| field.parameter).collect();
        let expected = ["reason", "kind", "destination", "class", "order", "limit", "cursor", "colour", "limit"];
        assert_eq!(names, expected);
    }
}
