//! The rules of the contract, as data, over one OpenAPI document. They keep generated clients (Swift first) readable and
//! lossless; docs/API.md says why. Must not read files or know the server.

mod bodies;
mod operations;
#[cfg(test)]
mod sample;
mod schemas;
mod streams;
mod unions;
mod words;

use std::fmt;

use serde_json::{Value, json};

use super::document::Document;

/// A place that breaks a rule: its JSON pointer and what is wrong there.
type Place = (String, String);

struct Rule {
    name: &'static str,
    cure: &'static str,
    check: fn(&Document<'_>) -> Vec<Place>,
}

const fn rule(name: &'static str, check: fn(&Document<'_>) -> Vec<Place>, cure: &'static str) -> Rule {
    Rule { name, cure, check }
}

const RULES: &[Rule] = &[
    rule("licence", operations::licence, "set `license` in Cargo.toml; utoipa takes it from there"),
    rule(
        "operation-id",
        operations::operation_ids,
        "set operation_id to a unique camelCase name, verb first: `claimMission`",
    ),
    rule("one-tag", operations::one_tag, "give it exactly one tag: its group in the API"),
    rule("summary", operations::summary, "begin the handler's doc comment with one sentence"),
    rule(
        "path-parameter",
        operations::path_parameters,
        "declare each `{name}` of the path as a path parameter in snake_case",
    ),
    rule("idempotency-key", operations::idempotency_key, "add the shared Idempotency-Key header parameter"),
    rule(
        "security",
        operations::security,
        "declare the bearer scheme, and `security` on the document or the operation (`[]` where none is asked)",
    ),
    rule("example", bodies::examples, "add `example` to the media type, or to the schema component it refers to"),
    rule("problem", bodies::problems, "answer application/problem+json with $ref Problem, nothing else"),
    rule("default-problem", bodies::default_problem, "add a `default` response with $ref Problem"),
    rule("named-body", bodies::named, "give the body a named schema and refer to it with $ref"),
    rule("one-media-type", bodies::one_media_type, "make the other representation an operation of its own"),
    rule("reference", schemas::references, "register the component it names"),
    rule(
        "no-null",
        schemas::nulls,
        "leave the value out instead: #[schema(nullable = false)] and skip_serializing_if = \"Option::is_none\"",
    ),
    rule("enum", schemas::enums, "make it a named schema with `type: string` and refer to it"),
    rule("example-word", words::check, "spell it as the enum does; if the example is what is sent, the enum is wrong"),
    rule("schema-name", schemas::names, "name what it is in our domain, in PascalCase, as a concrete struct"),
    rule("integer-format", schemas::integers, "use i32 or i64 in the DTO, or set format = Int32 or Int64"),
    rule("date-time", schemas::dates, "send a moment as date-time"),
    rule("inline-object", schemas::inline_objects, "give the inner object a name of its own and refer to it with $ref"),
    rule(
        "free-form",
        schemas::free_form,
        "refer to the one component JsonObject {type: object, additionalProperties: true}",
    ),
    rule(
        "union",
        unions::check,
        "make it oneOf of $refs with a complete discriminator, each variant with its required one-value tag",
    ),
    rule("any-of", unions::any_of, "use oneOf with a discriminator, or a plain named enum"),
    rule(
        "sse",
        streams::check,
        "declare text/event-stream as {type: string} and list each event's component under x-sse-events",
    ),
];

pub struct Finding {
    pub rule: &'static str,
    pub pointer: String,
    pub message: String,
    pub cure: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]\n  {}\n  cure: {}", self.pointer, self.rule, self.message, self.cure)
    }
}

pub fn findings(document: &Value) -> Vec<Finding> {
    let document = Document::new(document);
    let places = RULES.iter().flat_map(|rule| (rule.check)(&document).into_iter().map(move |place| (rule, place)));
    places.map(|(rule, (pointer, message))| Finding { rule: rule.name, pointer, message, cure: rule.cure }).collect()
}

pub fn rule_count() -> usize {
    RULES.len()
}

pub fn as_json(findings: &[Finding]) -> String {
    let findings = findings.iter().map(|finding| {
        json!({"pointer": finding.pointer, "rule": finding.rule, "message": finding.message, "cure": finding.cure})
    });
    format!("{:#}", Value::Array(findings.collect()))
}

/// The contract of the system being replaced keeps its own shapes, byte for byte.
fn is_legacy(path: &str) -> bool {
    path == "/operations" || path.starts_with("/operations/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_good_document_has_no_finding() {
        let findings: Vec<_> = findings(&sample::good()).iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{findings:#?}");
    }

    #[test]
    fn an_empty_document_is_not_fine() {
        let rules: Vec<_> = findings(&json!({})).into_iter().map(|finding| finding.rule).collect();
        assert!(rules.contains(&"licence"));
    }

    #[test]
    fn findings_can_be_read_by_a_machine() {
        let document = sample::with("/info/license/name", json!(""));
        let array: Value = serde_json::from_str(&as_json(&findings(&document))).unwrap();
        assert_eq!(array[0]["pointer"], "/info/license");
        assert_eq!(array[0]["rule"], "licence");
    }
}
