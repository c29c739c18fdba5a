//! Rules about single schemas, wherever they stand. Must not know operations.

use serde_json::Value;

use super::super::document::{Document, Schema, Site, elements, escape, members};
use super::Place;

/// Names that collide with what Swift and its libraries already have.
const TAKEN: &[&str] =
    &["Task", "Type", "Error", "Data", "Date", "Result", "Operation", "Notification", "Stream", "Progress", "Dispatch"];

/// The one schema that may be anything.
const FREE_FORM: &str = "/components/schemas/JsonObject";

fn places(document: &Document<'_>, wrong: impl Fn(&Schema<'_>) -> Option<String>) -> Vec<Place> {
    let schemas = document.schemas().into_iter();
    schemas
        .filter_map(|schema| Some((wrong(&schema)?, schema)))
        .map(|(message, schema)| (schema.pointer, message))
        .collect()
}

fn is(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

fn format(schema: &Value) -> &str {
    schema.get("format").and_then(Value::as_str).unwrap_or_default()
}

/// Every `$ref` of the document leads somewhere.
pub fn references(document: &Document<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    let mut due = vec![(String::new(), document.root)];
    while let Some((pointer, value)) = due.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str)
            && document.target(reference).is_none()
        {
            places.push((pointer.clone(), format!("`{reference}` leads nowhere")));
        }
        // An example may hold anything, even something that looks like a reference.
        let inner = members(Some(value)).filter(|(key, _)| !matches!(*key, "example" | "examples"));
        due.extend(inner.map(|(key, inner)| (format!("{pointer}/{}", escape(key)), inner)));
        due.extend(elements(Some(value), &pointer));
    }
    places
}

pub fn nulls(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        let value = schema.value;
        let listed = value.get("type").is_some_and(Value::is_array) && is(value, "null");
        let valued = value.get("enum").and_then(Value::as_array).is_some_and(|all| all.contains(&Value::Null));
        if value.get("type") == Some(&Value::from("null")) {
            Some("is null".to_owned())
        } else if listed {
            Some("may be null by its list of types".to_owned())
        } else if valued {
            Some("may be null by its enum".to_owned())
        } else {
            (value.get("nullable") == Some(&Value::Bool(true))).then(|| "may be null by `nullable`".to_owned())
        }
    })
}

/// Enums are components with `type: string`; a tag property with one value is no enum.
pub fn enums(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        let values = schema.value.get("enum")?.as_array()?;
        if !is(schema.value, "string") {
            return Some("an enum without `type: string`".to_owned());
        }
        let tag = schema.site == Site::Property && values.len() == 1;
        (schema.site != Site::Component && !tag).then(|| "an enum without a name of its own".to_owned())
    })
}

pub fn names(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        let name = schema.pointer.strip_prefix("/components/schemas/").filter(|_| schema.site == Site::Component)?;
        if TAKEN.contains(&name) {
            return Some(format!("`{name}` is taken in Swift"));
        }
        let pascal =
            name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
        (!pascal).then(|| format!("`{name}` is not PascalCase"))
    })
}

pub fn integers(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        let sized = matches!(format(schema.value), "int32" | "int64");
        (is(schema.value, "integer") && !sized).then(|| "an integer without format int32 or int64".to_owned())
    })
}

pub fn dates(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        let format = format(schema.value);
        matches!(format, "date" | "time" | "partial-time" | "full-date").then(|| format!("has format {format}"))
    })
}

/// An object with properties inside another schema gets an invented name. The SMS form is allowed to be one.
pub fn inline_objects(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        let inside = matches!(schema.site, Site::Property | Site::Nested);
        (inside && schema.value.get("properties").is_some()).then(|| "an object without a name of its own".to_owned())
    })
}

/// Anything at all: `{}`, or an object that only says it may hold anything.
pub fn free_form(document: &Document<'_>) -> Vec<Place> {
    places(document, |schema| {
        if schema.pointer == FREE_FORM {
            return None;
        }
        let value = schema.value;
        let says = |key: &str| value.get(key).is_some();
        let shaped = ["$ref", "type", "enum", "const", "oneOf", "anyOf", "allOf", "properties"].into_iter().any(says);
        let open = match value.get("additionalProperties") {
            Some(Value::Bool(open)) => *open,
            Some(Value::Object(inner)) => inner.is_empty(),
            // An object that says nothing about its content; one without fields says so with `false`.
            _ => is(value, "object"),
        };
        (!shaped || open && !says("properties")).then(|| "may be anything".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{GET, SCHEMAS, assert_finds, assert_fine, with};
    use super::*;
    use serde_json::json;

    fn property(schema: Value) -> Value {
        with(&format!("{SCHEMAS}/Mission/properties/extra"), schema)
    }

    const EXTRA: &str = "/components/schemas/Mission/properties/extra";

    #[test]
    fn references_lead_somewhere() {
        assert_finds(&property(json!({"$ref": "#/components/schemas/Nowhere"})), "reference", EXTRA);
        assert_fine(&with(&format!("{SCHEMAS}/Query/example"), json!({"$ref": "#/only/an/example"})));
    }

    #[test]
    fn nothing_is_null() {
        for schema in [
            json!({"type": ["string", "null"]}),
            json!({"type": "string", "nullable": true}),
            json!({"type": "string", "enum": [null]}),
        ] {
            assert_finds(&property(schema), "no-null", EXTRA);
        }
        let option = json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Status"}]});
        assert_finds(&property(option), "no-null", &format!("{EXTRA}/oneOf/0"));
        let option = json!({"anyOf": [{"$ref": "#/components/schemas/Status"}, {"type": "null"}]});
        assert_finds(&property(option), "no-null", &format!("{EXTRA}/anyOf/1"));
    }

    #[test]
    fn enums_are_named_strings() {
        assert_finds(&property(json!({"type": "string", "enum": ["a", "b"]})), "enum", EXTRA);
        assert_finds(&property(json!({"type": "array", "items": {"type": "string", "enum": ["a"]}})), "enum", EXTRA);
        assert_finds(&with(&format!("{SCHEMAS}/Status"), json!({"enum": ["a"]})), "enum", "/components/schemas/Status");
        let parameter = json!([{"name": "mission_id", "in": "path", "schema": {"type": "string", "enum": ["a", "b"]}}]);
        assert_finds(&with(&format!("{GET}/parameters"), parameter), "enum", GET);
        assert_fine(&property(json!({"type": "string", "enum": ["tag"]})));
    }

    #[test]
    fn names_are_free_and_pascal_case() {
        for name in ["Task", "Error", "Dispatch", "mission", "Page_Mission"] {
            assert_finds(&with(&format!("{SCHEMAS}/{name}"), json!({"type": "string"})), "schema-name", SCHEMAS);
        }
        assert_fine(&with(&format!("{SCHEMAS}/DispatchStatus"), json!({"type": "string"})));
    }

    #[test]
    fn numbers_and_moments_have_their_format() {
        assert_finds(&property(json!({"type": "integer"})), "integer-format", EXTRA);
        assert_finds(&property(json!({"type": "integer", "format": "uint64"})), "integer-format", EXTRA);
        assert_finds(&property(json!({"type": "string", "format": "date"})), "date-time", EXTRA);
        assert_fine(&property(json!({"type": "number"})));
    }

    #[test]
    fn inner_objects_have_names() {
        let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        assert_finds(&property(object.clone()), "inline-object", EXTRA);
        assert_finds(&property(json!({"type": "array", "items": object})), "inline-object", &format!("{EXTRA}/items"));
        assert_finds(&property(json!({"allOf": [object]})), "inline-object", &format!("{EXTRA}/allOf/0"));
    }

    #[test]
    fn only_one_component_may_be_anything() {
        for schema in [
            json!({}),
            json!({"description": "any"}),
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": true}),
            json!({"type": "object", "additionalProperties": {}}),
            json!({"type": "array", "items": {}}),
        ] {
            assert_finds(&property(schema), "free-form", EXTRA);
        }
        assert_fine(&property(json!({"type": "object", "additionalProperties": false})));
    }
}
