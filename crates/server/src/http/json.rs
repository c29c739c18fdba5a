//! JSON bodies of operations: one extractor, and for every mistake a pointer to where it is. Must not know any body, and
//! never repeats one: what was sent may be a message.

use super::problem::{Problem, ProblemField, kind};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use std::future::Future;
use std::pin::Pin;

/// A body that must be there.
#[derive(Clone, Debug)]
pub struct JsonBody<T>(pub T);

/// A body that may be left out, and then is what its type is by default.
#[derive(Clone, Debug)]
pub struct OptionalJsonBody<T>(pub T);

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let readable = readable(request);
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| unread(&error))?;
            readable?;
            parse(&bytes).map(Self).map_err(invalid)
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJsonBody<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let readable = readable(request);
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| unread(&error))?;
            if bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            readable?;
            parse(&bytes).map(Self).map_err(invalid)
        })
    }
}

/// Reads a body as [`JsonBody`] does, for whoever has it already.
///
/// # Errors
/// As [`JsonBody`] refuses it.
pub fn read<T: DeserializeOwned>(request: &HttpRequest, bytes: &[u8]) -> Result<T, Problem> {
    readable(request)?;
    parse(bytes).map_err(invalid)
}

fn readable(request: &HttpRequest) -> Result<(), Problem> {
    plain(request)?;
    if request.content_type().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(&kind::UNSUPPORTED_MEDIA_TYPE).detail("Send `Content-Type: application/json`."))
}

/// Refuses a body that is packed: nobody here unpacks it, and unpacked it could be any size.
///
/// # Errors
/// 415, which says so.
pub fn plain(request: &HttpRequest) -> Result<(), Problem> {
    match request.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity" | b"") => Ok(()),
        Some(_) => {
            Err(Problem::new(&kind::UNSUPPORTED_MEDIA_TYPE).detail("Send the body as it is, without Content-Encoding."))
        }
    }
}

fn unread(error: &actix_web::Error) -> Problem {
    Problem::new(&kind::BAD_REQUEST).detail("The body did not arrive in whole.").because(error.to_string())
}

fn invalid(field: ProblemField) -> Problem {
    Problem::new(&kind::INVALID_BODY).errors(vec![field])
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProblemField> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = pointer(error.path().iter());
        told(&path, error.inner())
    })?;
    reader.end().map_err(|error| told("", &error))?;
    Ok(parsed)
}

fn pointer<'a>(path: impl Iterator<Item = &'a Segment>) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.map(segment).collect()
}

/// As one token of a JSON pointer, and no longer than a name may be.
fn escaped(name: &str) -> String {
    name.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1")
}

/// What serde says about a mistake, without the value that it quotes.
fn told(path: &str, error: &serde_json::Error) -> ProblemField {
    if error.is_syntax() || error.is_eof() {
        let detail = format!("is not JSON: see line {}, column {}", error.line(), error.column());
        return ProblemField::pointer("", detail);
    }
    let words = error.to_string();
    let named = |prefix: &str| words.strip_prefix(prefix)?.split('`').next().map(escaped);
    let expected = words.rsplit_once("expected ").map(|(_, what)| what.split(" at line ").next().unwrap_or(what));
    if let Some(name) = named("missing field `") {
        return ProblemField::pointer(&format!("{path}/{name}"), "is missing");
    }
    if let Some(name) = named("duplicate field `") {
        return ProblemField::pointer(&format!("{path}/{name}"), "is given twice");
    }
    if let Some(name) = named("unknown field `") {
        let at = if path.ends_with(&format!("/{name}")) { path.to_owned() } else { format!("{path}/{name}") };
        let known =
            expected.map(|known| format!("; it takes {}", known.trim_start_matches("one of "))).unwrap_or_default();
        return ProblemField::pointer(&at, format!("is not a member of this body{known}"));
    }
    let detail = match expected {
        Some("i32" | "i64" | "u32" | "u64") => "must be a whole number".to_owned(),
        Some(what) if what.starts_with("struct ") => "must be an object".to_owned(),
        Some(what) => format!("must be {what}"),
        None => "is not what is read here".to_owned(),
    };
    ProblemField::pointer(path, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Body {
        title: String,
        count: Option<i32>,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Part {
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Sale,
        Lease,
    }

    #[test]
    fn a_mistake_is_pointed_at_and_never_repeated() {
        for (body, at, detail) in [
            ("", "", "is not JSON: see line 1, column 0"),
            ("{\"title\":", "", "is not JSON: see line 1, column 9"),
            ("{\"title\":\"a\"} secret", "", "is not JSON: see line 1, column 15"),
            ("{}", "/title", "is missing"),
            ("[]", "", "must be"),
            ("{\"title\":\"a\",\"title\":\"secret\"}", "/title", "is given twice"),
            ("{\"title\":41}", "/title", "must be a string"),
            ("{\"title\":\"a\",\"count\":\"secret\"}", "/count", "must be a whole number"),
            ("{\"title\":\"a\",\"sec/ret\":1}", "/sec~1ret", "is not a member of this body; it takes `title`"),
            ("{\"title\":\"a\",\"parts\":[{\"kind\":\"sale\"},{}]}", "/parts/1/kind", "is missing"),
            ("{\"title\":\"a\",\"parts\":[{\"kind\":\"secret\"}]}", "/parts/0/kind", "must be `sale` or `lease`"),
            ("{\"title\":\"a\",\"parts\":[{\"kind\":\"sale\",\"more\":1}]}", "/parts/0/more", "is not a member"),
        ] {
            let field = parse::<Body>(body.as_bytes()).expect_err(body);
            assert_eq!(field.pointer.as_deref(), Some(at), "{body}");
            assert!(field.detail.starts_with(detail) && !field.detail.contains("secret"), "{body}: {}", field.detail);
        }
        assert!(parse::<Body>(b" {\"title\":\"a\"} ").is_ok());
    }
}
