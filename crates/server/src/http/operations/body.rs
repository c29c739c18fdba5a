//! Bodies of the old contract, and what is wrong with one as FastAPI said it. Never repeats what was sent: that may be a message.

use crate::http::problem::Final;
use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

/// Everything that is wrong with a body.
#[derive(Default)]
pub(super) struct Mistakes(Vec<Value>);

impl Mistakes {
    fn add(&mut self, at: &[&str], msg: &str, kind: &str) {
        let loc: Vec<Value> = std::iter::once("body").chain(at.iter().copied()).map(place).collect();
        self.0.push(json!({ "loc": loc, "msg": msg, "type": kind }));
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, of: &Map<String, Value>, at: &[&str]) -> Option<String> {
        let name = at.last().copied().unwrap_or_default();
        match of.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.add(at, "Input should be a valid string", "string_type");
                None
            }
            None => {
                self.add(at, "Field required", "missing");
                None
            }
        }
    }

    /// A text that may be left out.
    pub(super) fn text_if_any(&mut self, of: &Map<String, Value>, name: &str) -> Option<String> {
        if of.contains_key(name) { self.text(of, &[name]) } else { None }
    }

    /// An object that may be left out, or null.
    pub(super) fn object_if_any(&mut self, of: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
        let value = of.get(name).filter(|value| !value.is_null())?;
        self.object(value, &[name]).cloned()
    }

    /// A list that must be there.
    pub(super) fn list<'a>(&mut self, of: &'a Map<String, Value>, name: &str) -> Option<&'a [Value]> {
        match of.get(name) {
            Some(Value::Array(items)) => Some(items),
            Some(_) => {
                self.add(&[name], "Input should be a valid list", "list_type");
                None
            }
            None => {
                self.add(&[name], "Field required", "missing");
                None
            }
        }
    }

    /// An object in a list.
    pub(super) fn object<'a>(&mut self, of: &'a Value, at: &[&str]) -> Option<&'a Map<String, Value>> {
        let object = of.as_object();
        if object.is_none() {
            self.add(at, "Input should be a valid dictionary", "dict_type");
        }
        object
    }

    /// Whether nothing was wrong so far.
    pub(super) fn none(&self) -> bool {
        self.0.is_empty()
    }

    /// Something that breaks a rule.
    pub(super) fn wrong(&mut self, at: &[&str], msg: &str) {
        self.add(at, msg, "value_error");
    }

    /// What was read, if nothing was wrong.
    pub(super) fn or<T>(self, read: Option<T>) -> Result<T, Value> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(json!(self.0)),
        }
    }
}

/// The body as an object; or what is wrong with it.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Value> {
    if body.is_empty() {
        return Err(json!([{ "loc": ["body"], "msg": "Field required", "type": "missing" }]));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(json!([{ "loc": ["body"], "msg": "Input should be a valid dictionary", "type": "dict_type" }])),
        Err(error) => {
            Err(json!([{ "loc": ["body", error.column()], "msg": "JSON decode error", "type": "json_invalid" }]))
        }
    }
}

/// What whoever sent it hears.
pub(super) fn refused(detail: &Value) -> HttpResponse {
    let mut answer = HttpResponse::UnprocessableEntity().json(json!({ "detail": detail }));
    answer.extensions_mut().insert(Final);
    answer
}

/// Places in lists are numbers.
fn place(part: &str) -> Value {
    part.parse::<u64>().map_or_else(|_| json!(part), |number| json!(number))
}
