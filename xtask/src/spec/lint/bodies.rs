//! Rules about request bodies and responses: examples, problems, names, one media type. Must not look inside schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::document::{Document, Operation, media_types, referenced};
use super::{Place, is_legacy};

const PROBLEM: &str = "application/problem+json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The media types of the request body and of every 2xx: what a client writes and what it hopes for.
fn wanted<'a>(document: &Document<'a>, operation: &Operation<'a>) -> Vec<(String, &'a str, &'a Value)> {
    let mut all = document.body(operation);
    for (pointer, _, response) in document.responses(operation).into_iter().filter(|(_, status, _)| is_success(status))
    {
        all.extend(media_types(response, &pointer));
    }
    all
}

fn is_success(status: &str) -> bool {
    status.starts_with('2')
}

fn is_failure(status: &str) -> bool {
    status.starts_with('4') || status.starts_with('5')
}

pub fn examples(document: &Document<'_>) -> Vec<Place> {
    let shown = |value: &Value| value.get("example").is_some() || value.get("examples").is_some_and(is_filled);
    let operations = document.operations();
    let all = operations.iter().flat_map(|operation| wanted(document, operation));
    let silent = all.filter(|(_, _, media)| {
        let schema = media.get("schema").map(|schema| document.resolve(schema));
        !shown(media) && !schema.is_some_and(shown)
    });
    silent.map(|(pointer, name, _)| (pointer, format!("{name} has no example"))).collect()
}

fn is_filled(value: &Value) -> bool {
    value.as_array().is_some_and(|all| !all.is_empty()) || value.as_object().is_some_and(|all| !all.is_empty())
}

pub fn problems(document: &Document<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for operation in document.operations().iter().filter(|operation| !is_legacy(operation.path)) {
        for (pointer, status, response) in document.responses(operation) {
            if (is_failure(status) || status == "default") && !is_problem(response) {
                places.push((pointer, format!("{status} is not a Problem")));
            }
        }
    }
    places
}

fn is_problem(response: &Value) -> bool {
    let bodies = media_types(response, "");
    let good = |media: &Value| media.get("schema").and_then(referenced) == Some("Problem");
    !bodies.is_empty() && bodies.iter().all(|(_, name, media)| *name == PROBLEM && good(media))
}

pub fn default_problem(document: &Document<'_>) -> Vec<Place> {
    let has_default = |operation: &Operation<'_>| operation.value.pointer("/responses/default").is_some();
    let operations = document.operations().into_iter();
    let missing = operations.filter(|operation| !is_legacy(operation.path) && !has_default(operation));
    missing
        .map(|operation| (format!("{}/responses", operation.pointer), "has no `default` response".to_owned()))
        .collect()
}

/// Generators invent a name for what has none. Text is a string; forms become arguments, not a type.
pub fn named(document: &Document<'_>) -> Vec<Place> {
    let operations = document.operations();
    let all = operations.iter().flat_map(|operation| wanted(document, operation));
    let anonymous = all.filter_map(|(pointer, name, media)| {
        let schema = media.get("schema");
        let is_text =
            name.starts_with("text/") && schema.and_then(|schema| schema.get("type")) == Some(&Value::from("string"));
        let fine = name == FORM || is_text || schema.is_some_and(|schema| referenced(schema).is_some());
        (!fine).then(|| (format!("{pointer}/schema"), format!("the {name} body has no name")))
    });
    anonymous.collect()
}

pub fn one_media_type(document: &Document<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for operation in document.operations() {
        let successes = document.responses(&operation).into_iter().filter(|(_, status, _)| is_success(status));
        let types: BTreeSet<&str> =
            successes.flat_map(|(_, _, response)| media_types(response, "")).map(|(_, name, _)| name).collect();
        if types.len() > 1 {
            let types = types.into_iter().collect::<Vec<_>>().join(", ");
            places.push((
                format!("{}/responses", operation.pointer),
                format!("succeeds with several media types: {types}"),
            ));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::sample::{GET, POST, SCHEMAS, assert_finds, assert_fine, with, without};
    use serde_json::json;

    #[test]
    fn bodies_show_an_example() {
        assert_finds(&without(&format!("{GET}/responses/200/content/application~1json/example")), "example", GET);
        assert_finds(&without(&format!("{SCHEMAS}/Query/example")), "example", POST);
        assert_finds(
            &with(&format!("{GET}/responses/200/content/application~1json"), json!({"examples": {}})),
            "example",
            GET,
        );
        assert_fine(&with(&format!("{GET}/responses/204"), json!({"description": "nothing to show"})));
    }

    #[test]
    fn failures_are_problems() {
        let bare = json!({"description": "silent"});
        let plain = json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
        let other =
            json!({"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Mission"}}}});
        let both = json!({"content": {"text/plain": {}, "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
        for wrong in [bare, plain, other, both] {
            for status in ["404", "5XX", "default"] {
                assert_finds(
                    &with(&format!("{GET}/responses/{status}"), wrong.clone()),
                    "problem",
                    &format!("{GET}/responses/{status}"),
                );
            }
        }
        assert_finds(&without(&format!("{GET}/responses/default")), "default-problem", GET);
    }

    #[test]
    fn bodies_have_names() {
        let body = format!("{GET}/responses/200/content/application~1json");
        for schema in [
            json!({"type": "object"}),
            json!({"type": "array", "items": {"$ref": "#/components/schemas/Mission"}}),
            json!({}),
        ] {
            assert_finds(&with(&format!("{body}/schema"), schema), "named-body", &format!("{body}/schema"));
        }
        assert_finds(&without(&format!("{body}/schema")), "named-body", &body);
        let request = format!("{POST}/requestBody/content/application~1json/schema");
        assert_finds(&with(&request, json!({"type": "object"})), "named-body", POST);
    }

    #[test]
    fn success_has_one_media_type() {
        let text = json!({"schema": {"type": "string"}, "example": "x"});
        assert_finds(&with(&format!("{GET}/responses/200/content/text~1plain"), text.clone()), "one-media-type", GET);
        let accepted = json!({"content": {"text/plain": text}});
        assert_finds(&with(&format!("{GET}/responses/202"), accepted), "one-media-type", GET);
    }
}
