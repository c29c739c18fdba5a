//! Rules about operations as such: names, tags, parameters, security. Must not know bodies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::document::{Document, Operation, elements, members};
use super::{Place, is_legacy};

pub fn licence(document: &Document<'_>) -> Vec<Place> {
    let name = document.root.pointer("/info/license/name").and_then(Value::as_str);
    match name {
        Some(name) if !name.trim().is_empty() => Vec::new(),
        _ => vec![("/info/license".to_owned(), "the document names no licence; generators refuse it".to_owned())],
    }
}

pub fn operation_ids(document: &Document<'_>) -> Vec<Place> {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let mut places = Vec::new();
    for operation in document.operations() {
        let pointer = format!("{}/operationId", operation.pointer);
        match operation.value.get("operationId").and_then(Value::as_str) {
            None => places.push((operation.pointer, "has no operationId".to_owned())),
            Some(id) if !is_camel_case(id) => places.push((pointer, format!("`{id}` is not camelCase"))),
            Some(id) => {
                if let Some(first) = seen.insert(id, operation.pointer) {
                    places.push((pointer, format!("`{id}` is also the operationId of {first}")));
                }
            }
        }
    }
    places
}

fn is_camel_case(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(|c| c.is_ascii_alphanumeric())
}

pub fn one_tag(document: &Document<'_>) -> Vec<Place> {
    let tags = |operation: &Operation<'_>| operation.value.get("tags").and_then(Value::as_array).map_or(0, Vec::len);
    let counted = document.operations().into_iter().map(|operation| (tags(&operation), operation));
    let wrong = counted.filter(|(count, _)| *count != 1);
    wrong
        .map(|(count, operation)| (format!("{}/tags", operation.pointer), format!("has {count} tags, not one")))
        .collect()
}

pub fn summary(document: &Document<'_>) -> Vec<Place> {
    let said = |operation: &Operation<'_>| {
        operation.value.get("summary").and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())
    };
    let silent = document.operations().into_iter().filter(|operation| !said(operation));
    silent.map(|operation| (operation.pointer, "has no summary".to_owned())).collect()
}

pub fn path_parameters(document: &Document<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for operation in document.operations() {
        let parameters = document.parameters(&operation);
        let in_path = parameters.iter().filter(|(_, parameter)| text(parameter, "in") == "path");
        let declared: BTreeSet<&str> = in_path.clone().map(|(_, parameter)| text(parameter, "name")).collect();
        let template: BTreeSet<&str> = variables(operation.path).collect();
        for name in template.iter().filter(|name| !is_snake_case(name)) {
            places.push((operation.pointer.clone(), format!("`{{{name}}}` in the path is not snake_case")));
        }
        for name in template.difference(&declared) {
            places.push((operation.pointer.clone(), format!("`{{{name}}}` in the path is not declared")));
        }
        for (pointer, parameter) in in_path.filter(|(_, parameter)| !template.contains(text(parameter, "name"))) {
            places.push((pointer.clone(), format!("`{}` is not in the path", text(parameter, "name"))));
        }
    }
    places
}

fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What changes something can be sent twice by a phone in a tunnel. Webhooks have ids of their own.
pub fn idempotency_key(document: &Document<'_>) -> Vec<Place> {
    let asked = |operation: &Operation<'_>| {
        let changes = matches!(operation.method, "post" | "patch" | "delete");
        changes && !operation.path.starts_with("/intake/") && !is_legacy(operation.path)
    };
    let given = |operation: &Operation<'_>| {
        let parameters = document.parameters(operation);
        let key = |parameter: &Value| text(parameter, "name").eq_ignore_ascii_case("idempotency-key");
        parameters.iter().any(|(_, parameter)| text(parameter, "in") == "header" && key(parameter))
    };
    let missing = document.operations().into_iter().filter(|operation| asked(operation) && !given(operation));
    missing.map(|operation| (operation.pointer, "takes no Idempotency-Key".to_owned())).collect()
}

pub fn security(document: &Document<'_>) -> Vec<Place> {
    let schemes = document.root.pointer("/components/securitySchemes");
    let bearer =
        |scheme: &Value| text(scheme, "type") == "http" && text(scheme, "scheme").eq_ignore_ascii_case("bearer");
    let mut places = Vec::new();
    if !members(schemes).any(|(_, scheme)| bearer(scheme)) {
        places.push(("/components/securitySchemes".to_owned(), "declares no http bearer scheme".to_owned()));
    }
    let shared = document.root.get("security");
    let mut declared = vec![("/security".to_owned(), shared)];
    for operation in document.operations() {
        let own = operation.value.get("security");
        if own.or(shared).is_none() {
            places.push((operation.pointer.clone(), "neither it nor the document declares security".to_owned()));
        }
        declared.push((format!("{}/security", operation.pointer), own));
    }
    for (pointer, requirements) in declared {
        for (pointer, requirement) in elements(requirements, &pointer) {
            let unknown =
                members(Some(requirement)).filter(|(name, _)| schemes.is_none_or(|all| all.get(*name).is_none()));
            places.extend(unknown.map(|(name, _)| (pointer.clone(), format!("asks for the unknown scheme `{name}`"))));
        }
    }
    places
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{GET, POST, assert_finds, assert_fine, with, without};
    use serde_json::json;

    #[test]
    fn every_operation_has_a_unique_camel_case_id() {
        assert_finds(&without(&format!("{GET}/operationId")), "operation-id", GET);
        for id in ["get_mission", "GetMission", "get-mission", "queryStream", ""] {
            assert_finds(&with(&format!("{GET}/operationId"), json!(id)), "operation-id", "/paths/~1");
        }
    }

    #[test]
    fn every_operation_has_one_tag_and_a_summary() {
        assert_finds(&with(&format!("{GET}/tags"), json!([])), "one-tag", GET);
        assert_finds(&with(&format!("{GET}/tags"), json!(["a", "b"])), "one-tag", GET);
        assert_finds(&with(&format!("{GET}/summary"), json!(" ")), "summary", GET);
    }

    #[test]
    fn path_parameters_are_declared_in_snake_case() {
        assert_finds(&with(&format!("{GET}/parameters"), json!([])), "path-parameter", GET);
        let strange = json!({"name": "other_id", "in": "path"});
        assert_finds(&with(&format!("{GET}/parameters/0"), strange), "path-parameter", GET);
        let camel = json!({"get": {"operationId": "x", "parameters": [{"name": "missionId", "in": "path"}]}});
        assert_finds(&with("/paths/~1x~1{missionId}", camel), "path-parameter", "/paths/~1x~1{missionId}");
    }

    #[test]
    fn changes_take_an_idempotency_key() {
        assert_finds(&with(&format!("{POST}/parameters"), json!([])), "idempotency-key", POST);
        let shared =
            with("/paths/~1reason~1query/parameters", json!([{"$ref": "#/components/parameters/IdempotencyKey"}]));
        assert_fine(&shared);
    }

    #[test]
    fn security_is_declared_and_known() {
        assert_finds(&without("/security"), "security", GET);
        assert_finds(&with("/security", json!([{"cookie": []}])), "security", "/security/0");
        assert_finds(&with("/components/securitySchemes", json!({})), "security", "/components/securitySchemes");
    }

    #[test]
    fn the_licence_is_named() {
        assert_finds(&without("/info/license"), "licence", "/info/license");
    }
}
