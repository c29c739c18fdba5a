//! One small document that keeps every rule, and ways to break it at one place. For the tests of the rules.

use serde_json::{Value, json};

use super::findings;

pub const GET: &str = "/paths/~1missions~1{mission_id}/get";
pub const POST: &str = "/paths/~1reason~1query/post";
pub const SCHEMAS: &str = "/components/schemas";

pub fn good() -> Value {
    let problem = json!({"description": "What went wrong", "content": {"application/problem+json": {
        "schema": {"$ref": "#/components/schemas/Problem"}}}});
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Dispatch", "version": "1", "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}},
        "security": [{"bearer": []}],
        "paths": {
            "/missions/{mission_id}": {"get": {
                "operationId": "getMission", "tags": ["missions"], "summary": "One mission.",
                "parameters": [{"name": "mission_id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {
                    "200": {"description": "The mission", "content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/Mission"}, "example": {"status": "active"}}}},
                    "404": problem, "default": problem}}},
            "/reason/query": {"post": {
                "operationId": "queryStream", "tags": ["reason"], "summary": "Ask; the answer streams.",
                "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Query"}}}},
                "x-sse-events": {"metadata": "MetadataEvent"},
                "responses": {
                    "200": {"description": "Events", "content": {"text/event-stream": {
                        "schema": {"type": "string"}, "example": "event: metadata\ndata: {}\n\n"}}},
                    "default": {"$ref": "#/components/responses/Problem"}}}},
            "/intake/sms": {"post": {
                "operationId": "receiveSms", "tags": ["intake"], "summary": "A text message came in.", "security": [],
                "requestBody": {"content": {"application/x-www-form-urlencoded": {
                    "schema": {"type": "object", "properties": {"Body": {"type": "string"}}}, "example": {"Body": "Hello"}}}},
                "responses": {
                    "200": {"description": "TwiML", "content": {"text/xml": {"schema": {"type": "string"}, "example": "<Response/>"}}},
                    "default": problem}}},
            "/operations/classify": {"post": {
                "operationId": "legacyClassify", "tags": ["operations"], "summary": "As it was.",
                "responses": {"200": {"description": "Empty"}, "422": {"description": "Its old shape"}}}}},
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "parameters": {"IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}},
            "responses": {"Problem": problem},
            "schemas": {
                "JsonObject": {"type": "object", "additionalProperties": true},
                "Problem": {"type": "object", "properties": {"code": {"type": "string"}, "status": {"type": "integer", "format": "int32"}}},
                "Query": {"type": "object", "properties": {"text": {"type": "string"}}, "example": {"text": "What is due?"}},
                "MetadataEvent": {"type": "object", "properties": {"inputs": {"$ref": "#/components/schemas/JsonObject"}}},
                "Status": {"type": "string", "enum": ["active", "done"]},
                "Mission": {"type": "object", "properties": {
                    "status": {"$ref": "#/components/schemas/Status"},
                    "due_at": {"type": "string", "format": "date-time"},
                    "counts": {"type": "object", "additionalProperties": {"type": "integer", "format": "int64"}},
                    "destination": {"$ref": "#/components/schemas/Destination"}}},
                "Destination": {
                    "oneOf": [{"$ref": "#/components/schemas/StorageDestination"}, {"$ref": "#/components/schemas/AgentDestination"}],
                    "discriminator": {"propertyName": "type", "mapping": {
                        "storage": "#/components/schemas/StorageDestination", "agent": "#/components/schemas/AgentDestination"}}},
                "StorageDestination": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "enum": ["storage"]}}},
                "AgentDestination": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "enum": ["agent"]}}}}}})
}

/// The good document with the value at `pointer` set (its parent must exist).
pub fn with(pointer: &str, value: Value) -> Value {
    let mut document = good();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    let key = key.replace("~1", "/").replace("~0", "~");
    match parent {
        Value::Array(array) => array[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    document
}

/// The good document without the value at `pointer`.
pub fn without(pointer: &str) -> Value {
    let mut document = good();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    parent.remove(&key.replace("~1", "/")).expect("something to remove");
    document
}

/// The document breaks this rule, at this place or below.
#[track_caller]
pub fn assert_finds(document: &Value, rule: &str, pointer: &str) {
    let findings = findings(document);
    let found = findings.iter().any(|finding| finding.rule == rule && finding.pointer.starts_with(pointer));
    let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(found, "no `{rule}` at {pointer}; found {all:#?}");
}

/// The document breaks no rule.
#[track_caller]
pub fn assert_fine(document: &Value) {
    let all: Vec<_> = findings(document).iter().map(ToString::to_string).collect();
    assert!(all.is_empty(), "{all:#?}");
}
