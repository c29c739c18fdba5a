//! Does an answer keep the document? Enums, required and unknown members, wherever they stand in it.

use serde_json::Value;

/// Where `body` breaks the schema of this operation's 200; nothing when it is no JSON there.
pub(super) fn breaches(document: &Value, operation: &Value, body: &str) -> Vec<String> {
    breaches_of(document, operation, 200, body)
}

/// The same of the answer with this status.
pub(super) fn breaches_of(document: &Value, operation: &Value, status: u16, body: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(schema) = operation.pointer(&format!("/responses/{status}/content/application~1json/schema")) {
        let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}"));
        look(document, schema, &body, "", &mut found);
    }
    found
}

/// The schema itself, or what its `$ref` points at.
pub(super) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
    reference.map_or(schema, |pointer| document.pointer(pointer).expect("references lead somewhere"))
}

fn look(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolve(document, schema);
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is not one of {words:?}"));
    }
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        look(document, &schema["items"], element, &format!("{at}/{index}"), found);
    }
    let (Some(members), Some(declared)) = (value.as_object(), schema["properties"].as_object()) else { return };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(required.filter(|name| !members.contains_key(*name)).map(|name| format!("{at}/{name} is missing")));
    for (name, member) in members {
        match declared.get(name) {
            Some(schema) => look(document, schema, member, &format!("{at}/{name}"), found),
            None => found.push(format!("{at}/{name} is not declared")),
        }
    }
}

#[test]
fn breaches_are_found() {
    let document = serde_json::json!({"components": {"schemas": {
        "Word": {"type": "string", "enum": ["a"]},
        "List": {"type": "object", "required": ["items"], "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Word"}}}}}}});
    let operation = serde_json::json!({"responses": {"200": {"content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/List"}}}}}});
    let of = |body| breaches(&document, &operation, body).len();
    assert_eq!([of(r#"{"items": ["a"]}"#), of(r#"{"items": ["a", "A"]}"#), of(r#"{"more": 1}"#)], [0, 1, 2]);
}
