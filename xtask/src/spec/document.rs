//! Walking an OpenAPI document: operations, references, and every place a schema stands, each with its JSON pointer.
//! Must not know any rule.

use serde_json::{Map, Value};

pub const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const COMPONENT: &str = "#/components/schemas/";

pub struct Document<'a> {
    pub root: &'a Value,
}

pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub pointer: String,
    pub value: &'a Value,
    /// What stands beside the methods and holds for all of them.
    pub item: &'a Value,
}

/// Where a schema stands; some rules are about the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// Directly under `components/schemas`.
    Component,
    /// A property of an object.
    Property,
    /// The schema of a parameter, a header, a body or a response.
    Top,
    /// Anything deeper: items, members of `oneOf`, and so on.
    Nested,
}

pub struct Schema<'a> {
    pub site: Site,
    pub pointer: String,
    pub value: &'a Value,
}

impl<'a> Document<'a> {
    pub fn new(root: &'a Value) -> Self {
        Self { root }
    }

    pub fn operations(&self) -> Vec<Operation<'a>> {
        let mut operations = Vec::new();
        for (path, item) in members(self.root.get("paths")) {
            for method in METHODS {
                if let Some(value) = item.get(*method) {
                    let pointer = format!("/paths/{}/{method}", escape(path));
                    operations.push(Operation { path, method, pointer, value, item });
                }
            }
        }
        operations
    }

    pub fn component(&self, name: &str) -> Option<&'a Value> {
        self.root.get("components")?.get("schemas")?.get(name)
    }

    /// The value itself, or what its `$ref` points at.
    pub fn resolve(&self, value: &'a Value) -> &'a Value {
        let target = value.get("$ref").and_then(Value::as_str).and_then(|reference| self.target(reference));
        target.unwrap_or(value)
    }

    pub fn target(&self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// The parameters of an operation, its own and those of its path, references resolved.
    pub fn parameters(&self, operation: &Operation<'a>) -> Vec<(String, &'a Value)> {
        let path = format!("/paths/{}", escape(operation.path));
        let own = elements(operation.value.get("parameters"), &format!("{}/parameters", operation.pointer));
        let shared = elements(operation.item.get("parameters"), &format!("{path}/parameters"));
        own.into_iter().chain(shared).map(|(pointer, value)| (pointer, self.resolve(value))).collect()
    }

    /// The media types of a request body: pointer, name, media type object.
    pub fn body(&self, operation: &Operation<'a>) -> Vec<(String, &'a str, &'a Value)> {
        let Some(body) = operation.value.get("requestBody") else { return Vec::new() };
        media_types(self.resolve(body), &format!("{}/requestBody", operation.pointer))
    }

    /// The responses: pointer, status (`200`, `4XX`, `default`), response object.
    pub fn responses(&self, operation: &Operation<'a>) -> Vec<(String, &'a str, &'a Value)> {
        let responses = members(operation.value.get("responses"));
        let pointer = |status: &str| format!("{}/responses/{status}", operation.pointer);
        responses.map(|(status, value)| (pointer(status), status, self.resolve(value))).collect()
    }

    /// Every schema of the document, components and inline ones, outer before inner.
    pub fn schemas(&self) -> Vec<Schema<'a>> {
        let mut out = Vec::new();
        let components = self.root.get("components");
        for (name, schema) in members(components.and_then(|components| components.get("schemas"))) {
            walk(schema, &format!("/components/schemas/{}", escape(name)), Site::Component, &mut out);
        }
        for part in ["parameters", "headers", "requestBodies", "responses"] {
            for (name, holder) in members(components.and_then(|components| components.get(part))) {
                holders(holder, &format!("/components/{part}/{}", escape(name)), &mut out);
            }
        }
        for (path, item) in members(self.root.get("paths")) {
            let pointer = format!("/paths/{}/parameters", escape(path));
            elements(item.get("parameters"), &pointer).iter().for_each(|(at, one)| holders(one, at, &mut out));
        }
        for Operation { pointer, value, .. } in self.operations() {
            let parameters = elements(value.get("parameters"), &format!("{pointer}/parameters"));
            parameters.iter().for_each(|(at, one)| holders(one, at, &mut out));
            if let Some(body) = value.get("requestBody") {
                holders(body, &format!("{pointer}/requestBody"), &mut out);
            }
            for (status, response) in members(value.get("responses")) {
                holders(response, &format!("{pointer}/responses/{status}"), &mut out);
            }
        }
        out
    }
}

/// The name of a component that a `$ref` points at.
pub fn referenced(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(COMPONENT)
}

/// `/a/{b}` as one token of a JSON pointer.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

pub fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

/// The elements of an array, each with its pointer.
pub fn elements<'a>(value: Option<&'a Value>, pointer: &str) -> Vec<(String, &'a Value)> {
    let elements = value.and_then(Value::as_array).into_iter().flatten().enumerate();
    elements.map(|(index, value)| (format!("{pointer}/{index}"), value)).collect()
}

pub fn media_types<'a>(holder: &'a Value, pointer: &str) -> Vec<(String, &'a str, &'a Value)> {
    let content = members(holder.get("content"));
    content.map(|(name, media)| (format!("{pointer}/content/{}", escape(name)), name, media)).collect()
}

/// The schemas of a parameter, header, body or response: direct, by media type, and of its headers.
fn holders<'a>(holder: &'a Value, pointer: &str, out: &mut Vec<Schema<'a>>) {
    if let Some(schema) = holder.get("schema") {
        walk(schema, &format!("{pointer}/schema"), Site::Top, out);
    }
    for (pointer, _, media) in media_types(holder, pointer) {
        if let Some(schema) = media.get("schema") {
            walk(schema, &format!("{pointer}/schema"), Site::Top, out);
        }
    }
    for (name, header) in members(holder.get("headers")) {
        holders(header, &format!("{pointer}/headers/{}", escape(name)), out);
    }
}

fn walk<'a>(value: &'a Value, pointer: &str, site: Site, out: &mut Vec<Schema<'a>>) {
    out.push(Schema { site, pointer: pointer.to_owned(), value });
    for part in ["properties", "patternProperties"] {
        for (name, inner) in members(value.get(part)) {
            walk(inner, &format!("{pointer}/{part}/{}", escape(name)), Site::Property, out);
        }
    }
    for part in ["items", "additionalProperties", "not"] {
        if let Some(inner) = value.get(part).filter(|inner| inner.is_object()) {
            walk(inner, &format!("{pointer}/{part}"), Site::Nested, out);
        }
    }
    for part in ["oneOf", "anyOf", "allOf", "prefixItems"] {
        for (pointer, inner) in elements(value.get(part), &format!("{pointer}/{part}")) {
            walk(inner, &pointer, Site::Nested, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_lead_back_to_what_was_found() {
        let root = json!({
            "paths": {"/a/{b}": {
                "parameters": [{"name": "b", "schema": {"type": "string"}}],
                "get": {"responses": {"200": {
                    "headers": {"X": {"schema": {"type": "integer"}}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}}},
            "components": {"schemas": {"A": {"properties": {"x": {"items": {"oneOf": [{"type": "null"}]}}}}}}});
        let document = Document::new(&root);
        let schemas = document.schemas();
        assert_eq!(schemas.len(), 7);
        for schema in schemas {
            assert_eq!(root.pointer(&schema.pointer), Some(schema.value), "{}", schema.pointer);
        }
        let operations = document.operations();
        assert_eq!(operations[0].pointer, "/paths/~1a~1{b}/get");
        assert_eq!(document.parameters(&operations[0])[0].1["name"], "b");
    }
}
