//! Rules about server-sent events. OpenAPI has no word for the events of a stream, so `x-sse-events` names them.

use serde_json::Value;

use super::super::document::{Document, Operation, media_types, members};
use super::Place;

const EVENT_STREAM: &str = "text/event-stream";

pub fn check(document: &Document<'_>) -> Vec<Place> {
    document.operations().iter().flat_map(|operation| stream(document, operation)).collect()
}

fn stream(document: &Document<'_>, operation: &Operation<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    let mut streams = false;
    for (pointer, _, response) in document.responses(operation) {
        for (pointer, _, media) in
            media_types(response, &pointer).into_iter().filter(|(_, name, _)| *name == EVENT_STREAM)
        {
            streams = true;
            if media.pointer("/schema/type") != Some(&Value::from("string")) {
                places.push((format!("{pointer}/schema"), "an event stream is {type: string}".to_owned()));
            }
        }
    }
    let events = operation.value.get("x-sse-events");
    if streams && members(events).next().is_none() {
        places.push((operation.pointer.clone(), "streams events, but x-sse-events names none".to_owned()));
    }
    for (event, schema) in members(events) {
        let name = component(schema);
        if document.component(name).is_none() {
            let pointer = format!("{}/x-sse-events/{event}", operation.pointer);
            places.push((pointer, format!("the event's data is `{name}`, which is no component")));
        }
    }
    places
}

/// `"MetadataEvent"`, `"#/components/schemas/MetadataEvent"` or `{"$ref": …}`.
fn component(value: &Value) -> &str {
    let value = value.get("$ref").unwrap_or(value).as_str().unwrap_or_default();
    value.strip_prefix("#/components/schemas/").unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{POST, assert_finds, assert_fine, with, without};
    use serde_json::json;

    #[test]
    fn a_stream_names_its_events() {
        let events = format!("{POST}/x-sse-events");
        assert_finds(&without(&events), "sse", POST);
        assert_finds(&with(&events, json!({})), "sse", POST);
        assert_finds(&with(&events, json!({"done": "NoSuchEvent"})), "sse", &format!("{events}/done"));
        assert_fine(&with(&events, json!({"metadata": {"$ref": "#/components/schemas/MetadataEvent"}})));
        assert_fine(&with(&events, json!({"metadata": "#/components/schemas/MetadataEvent"})));
    }

    #[test]
    fn a_stream_is_a_string() {
        let schema = format!("{POST}/responses/200/content/text~1event-stream/schema");
        assert_finds(&with(&schema, json!({"$ref": "#/components/schemas/MetadataEvent"})), "sse", &schema);
    }
}
