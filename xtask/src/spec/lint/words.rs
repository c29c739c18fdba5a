//! The rule that what an example says is a word that its enum has. Must not know what any word means.

use serde_json::Value;

use super::super::document::{Document, elements, escape, media_types, members};
use super::Place;

pub fn check(document: &Document<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for schema in document.schemas() {
        shown(document, schema.value, schema.value, &schema.pointer, &mut places);
    }
    for operation in document.operations() {
        let mut holders = document.parameters(&operation);
        holders.extend(document.body(&operation).into_iter().map(|(pointer, _, media)| (pointer, media)));
        for (pointer, _, response) in document.responses(&operation) {
            holders.extend(media_types(response, &pointer).into_iter().map(|(pointer, _, media)| (pointer, media)));
        }
        for (pointer, holder) in &holders {
            if let Some(schema) = holder.get("schema") {
                shown(document, schema, holder, pointer, &mut places);
            }
        }
    }
    places
}

/// The examples that `holder` shows of `schema`: one, a list of them, or named ones.
fn shown(document: &Document<'_>, schema: &Value, holder: &Value, pointer: &str, places: &mut Vec<Place>) {
    if let Some(example) = holder.get("example") {
        look(document, schema, example, &format!("{pointer}/example"), places);
    }
    for (at, example) in elements(holder.get("examples"), &format!("{pointer}/examples")) {
        look(document, schema, example, &at, places);
    }
    for (name, example) in members(holder.get("examples")) {
        if let Some(value) = example.get("value") {
            look(document, schema, value, &format!("{pointer}/examples/{}/value", escape(name)), places);
        }
    }
}

fn look(document: &Document<'_>, schema: &Value, example: &Value, pointer: &str, places: &mut Vec<Place>) {
    let schema = document.resolve(schema);
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(example)
    {
        places.push((pointer.to_owned(), format!("{example} is not in its enum")));
    }
    if let Some(items) = schema.get("items") {
        for (at, element) in elements(Some(example), pointer) {
            look(document, items, element, &at, places);
        }
    }
    for (name, inner) in members(Some(example)) {
        let declared = schema.get("properties").and_then(|properties| properties.get(name));
        if let Some(property) = declared.or_else(|| schema.get("additionalProperties")) {
            look(document, property, inner, &format!("{pointer}/{}", escape(name)), places);
        }
    }
    for (_, part) in elements(schema.get("allOf"), "") {
        look(document, part, example, pointer, places);
    }
    if let Some(variant) = variant(document, schema, example) {
        look(document, variant, example, pointer, places);
    }
}

/// The member of a union that the example's tag says it is.
fn variant<'a>(document: &'a Document<'_>, schema: &'a Value, example: &Value) -> Option<&'a Value> {
    let discriminator = schema.get("discriminator")?;
    let tag = example.get(discriminator.get("propertyName")?.as_str()?)?.as_str()?;
    document.target(discriminator.get("mapping")?.get(tag)?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{GET, POST, SCHEMAS, assert_finds, assert_fine, with};
    use serde_json::json;

    const STATUS: &str = "/components/schemas/Status";

    #[test]
    fn an_enum_has_the_word_of_its_example() {
        let status = |example| with(STATUS, json!({"type": "string", "enum": ["active"], "example": example}));
        assert_fine(&status("active"));
        assert_finds(&status("Active"), "example-word", &format!("{STATUS}/example"));
        let several = json!({"type": "string", "enum": ["active", "done"], "examples": ["active", "Done"]});
        assert_finds(&with(STATUS, several), "example-word", &format!("{STATUS}/examples/1"));
    }

    #[test]
    fn examples_of_objects_are_looked_into() {
        let pointer = format!("{SCHEMAS}/Mission/example");
        assert_fine(&with(&pointer, json!({"status": "done", "destination": {"type": "agent"}})));
        assert_finds(&with(&pointer, json!({"status": "DONE"})), "example-word", &format!("{pointer}/status"));
        let list = format!("{SCHEMAS}/Missions");
        let missions = |status| {
            let item = json!({"$ref": format!("#{SCHEMAS}/Mission")});
            json!({"type": "array", "items": item, "example": [{"status": status}]})
        };
        assert_fine(&with(&list, missions("done")));
        assert_finds(&with(&list, missions("Done")), "example-word", &format!("{list}/example/0/status"));
    }

    #[test]
    fn bodies_and_parameters_are_looked_at() {
        let media = format!("{GET}/responses/200/content/application~1json");
        assert_finds(&with(&format!("{media}/example"), json!({"status": "Active"})), "example-word", &media);
        let named = json!({"one": {"value": {"status": "Active"}}});
        assert_finds(&with(&format!("{media}/examples"), named), "example-word", &format!("{media}/examples/one"));
        let parameters = format!("{POST}/parameters");
        let by = |example| {
            let words = json!({"type": "array", "items": {"$ref": format!("#{STATUS}")}});
            let status = json!({"name": "status", "in": "query", "schema": words, "example": [example]});
            with(&parameters, json!([{"$ref": "#/components/parameters/IdempotencyKey"}, status]))
        };
        assert_fine(&by("active"));
        assert_finds(&by("Active"), "example-word", &format!("{parameters}/1/example/0"));
    }
}
