//! The parameters of a body, as a form or as JSON. What is verified and what is read are the same, by one rule. Must not
//! know what they mean.
//!
//! U+0000 goes from everything, as in [`storable`].

use crate::event::ParseError;
use dispatch_mission::storable::storable;
use serde_json::{Map, Value};
use std::borrow::Cow;
use url::form_urlencoded;

/// Ids and numbers become parts of keys in an index, whose rows have a size; Twilio's are under 40 bytes.
const MAX_ID: usize = 128;

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// `application/x-www-form-urlencoded`, Twilio's usual one; also what has another type or none.
    Form,
    /// `application/json` and its kin.
    Json,
}

impl Format {
    /// The format that a `Content-Type` announces.
    pub(crate) fn of(content_type: Option<&str>) -> Self {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
            Self::Json
        } else {
            Self::Form
        }
    }
}

/// The pairs of a form, decoded as browsers and Twilio's own libraries do: `+` is a space, a `%` that begins nothing is
/// itself, and what is not UTF-8 becomes U+FFFD.
pub(crate) fn pairs(form: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(form).into_owned().collect()
}

/// The parameters, by name.
pub(crate) struct Params(Map<String, Value>);

impl Params {
    pub(crate) fn read(content_type: Option<&str>, raw_body: &[u8]) -> Result<Self, ParseError> {
        match Format::of(content_type) {
            Format::Form => Ok(Self::of_form(raw_body)),
            Format::Json => Self::of_json(raw_body),
        }
    }

    fn of_form(raw_body: &[u8]) -> Self {
        let mut params = Map::new();
        for (key, value) in pairs(raw_body) {
            let value = Value::String(without_nul(value));
            match params.entry(without_nul(key)).or_insert(Value::Null) {
                Value::Array(values) => values.push(value),
                empty @ Value::Null => *empty = value,
                one => *one = Value::Array(vec![one.take(), value]),
            }
        }
        Self(params)
    }

    fn of_json(raw_body: &[u8]) -> Result<Self, ParseError> {
        let text =
            std::str::from_utf8(raw_body).map_err(|error| ParseError::InvalidUtf8 { at: error.valid_up_to() })?;
        // The parser's own message may quote the body, so only the place goes out.
        let body = serde_json::from_str(&storable(text))
            .map_err(|error| ParseError::InvalidJson { line: error.line(), column: error.column() })?;
        match body {
            Value::Object(params) => Ok(Self(params)),
            _ => Err(ParseError::InvalidField { pointer: "", expected: "an object" }),
        }
    }

    /// A parameter's text, possibly empty; the first one where it is repeated.
    pub(crate) fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        let value = match self.0.get(key)? {
            Value::Array(values) => values.first()?,
            value => value,
        };
        match value {
            Value::String(text) => Some(text.into()),
            Value::Number(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    /// A text that can be an id or a number: neither blank nor absurdly long.
    pub(crate) fn id(&self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let id = text.trim();
        (!id.is_empty() && id.len() <= MAX_ID).then(|| id.to_owned())
    }

    /// The first of these that can be an id: Twilio has several names for some.
    pub(crate) fn first_id(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.id(key))
    }

    /// All of them, as a JSON object.
    pub(crate) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Params {
        Params::read(None, body.as_bytes()).expect("a form")
    }

    fn json(body: &str) -> Result<Params, &'static str> {
        Params::read(Some("application/json"), body.as_bytes()).map_err(|error| error.code())
    }

    #[test]
    fn the_type_says_how_to_read() {
        for (content_type, format) in [
            (None, Format::Form),
            (Some(""), Format::Form),
            (Some("application/x-www-form-urlencoded; charset=UTF-8"), Format::Form),
            (Some("text/json"), Format::Form),
            (Some("application/json"), Format::Json),
            (Some(" Application/JSON ;charset=utf-8"), Format::Json),
            (Some("application/cloudevents+json"), Format::Json),
        ] {
            assert_eq!(Format::of(content_type), format, "{content_type:?}");
        }
    }

    #[test]
    fn a_form_is_decoded_as_it_was_meant() {
        for (body, text) in [
            ("Body=a+b", Some("a b")),
            ("Body=a%2Bb", Some("a+b")),
            ("Body=caf%C3%A9+%F0%9F%8F%A1", Some("café 🏡")),
            ("Body=café", Some("café")),
            ("Body=100%", Some("100%")),
            ("Body=%zz%4", Some("%zz%4")),
            ("Body=%ff%C3", Some("\u{fffd}\u{fffd}")),
            ("Body=%ED%A0%80", Some("\u{fffd}\u{fffd}\u{fffd}")),
            ("Body=a%00b", Some("ab")),
            ("Bo%00dy=a", Some("a")),
            ("Body=a=b", Some("a=b")),
            ("Body=", Some("")),
            ("Body", Some("")),
            ("&&Body=1&Body=2&", Some("1")),
            ("body=a", None),
            ("", None),
        ] {
            assert_eq!(form(body).text("Body").as_deref(), text, "{body}");
        }
    }

    #[test]
    fn repeats_are_kept_as_arrays() {
        assert_eq!(form("b=2&a=1&b=&b=2").into_json(), r#"{"b":["2","","2"],"a":"1"}"#);
        assert_eq!(form("").into_json(), "{}");
    }

    #[test]
    fn json_has_the_same_parameters() {
        let params = json(r#"{"Body":"a\u0000b\ud83d","NumMedia":2,"To":["x","y"],"Deep":{"k\u0000":[["\u0000"]]}}"#);
        let params = params.expect("an object");
        assert_eq!(params.text("Body").as_deref(), Some("ab\u{fffd}"));
        assert_eq!(params.text("NumMedia").as_deref(), Some("2"));
        assert_eq!(params.text("To").as_deref(), Some("x"));
        assert_eq!(params.text("Deep"), None);
        assert_eq!(params.into_json(), r#"{"Body":"ab�","NumMedia":2,"To":["x","y"],"Deep":{"k":[[""]]}}"#);
        for (body, code) in
            [("", "invalid_json"), ("{", "invalid_json"), ("[]", "invalid_field"), ("7", "invalid_field")]
        {
            assert_eq!(json(body).err(), Some(code), "{body}");
        }
        let error = Params::read(Some("application/json"), b"{\"a\":\"\xff\"}").err().expect("no UTF-8");
        assert_eq!(error, ParseError::InvalidUtf8 { at: 6 });
    }

    #[test]
    fn an_id_is_neither_blank_nor_endless() {
        let params = form(&format!("a=+SM1%0a&b=+&c={}&d={}", "x".repeat(128), "x".repeat(129)));
        assert_eq!(params.id("a").as_deref(), Some("SM1"));
        assert_eq!(params.id("b"), None);
        assert_eq!(params.id("c").map(|id| id.len()), Some(128));
        assert_eq!(params.id("d"), None);
        assert_eq!(params.first_id(&["b", "d", "a"]).as_deref(), Some("SM1"));
    }
}
