//! Rules about schemas that are one of several. A client must know which from one property, before it decodes the rest.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::document::{Document, Schema, elements, members, referenced};
use super::Place;

pub fn any_of(document: &Document<'_>) -> Vec<Place> {
    let schemas = document.schemas().into_iter().filter(|schema| schema.value.get("anyOf").is_some());
    schemas
        .map(|schema| (format!("{}/anyOf", schema.pointer), "anyOf: a client cannot tell which".to_owned()))
        .collect()
}

pub fn check(document: &Document<'_>) -> Vec<Place> {
    let schemas = document.schemas();
    let unions = schemas.iter().filter(|schema| schema.value.get("oneOf").is_some());
    unions.flat_map(|schema| union(document, schema)).collect()
}

fn union(document: &Document<'_>, schema: &Schema<'_>) -> Vec<Place> {
    let members_of = elements(schema.value.get("oneOf"), &format!("{}/oneOf", schema.pointer));
    let mut places = Vec::new();
    for (pointer, member) in members_of.iter().filter(|(_, member)| referenced(member).is_none()) {
        // What is null is another rule's business.
        if member.get("type") != Some(&Value::from("null")) {
            places.push((pointer.clone(), "a variant without a name: not a $ref".to_owned()));
        }
    }
    let Some(discriminator) = schema.value.get("discriminator") else {
        places.push((schema.pointer.clone(), "oneOf without a discriminator".to_owned()));
        return places;
    };
    let pointer = format!("{}/discriminator", schema.pointer);
    let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else {
        places.push((pointer, "a discriminator without propertyName".to_owned()));
        return places;
    };
    let variants: BTreeSet<&str> = members_of.iter().filter_map(|(_, member)| referenced(member)).collect();
    let mapping: Vec<(&str, &str)> =
        members(discriminator.get("mapping")).map(|(tag, target)| (tag, component(target))).collect();
    for variant in variants.iter().filter(|variant| !mapping.iter().any(|(_, target)| target == *variant)) {
        places.push((pointer.clone(), format!("the mapping has no tag for {variant}")));
    }
    for (tag, target) in mapping {
        if !variants.contains(target) {
            places.push((pointer.clone(), format!("the mapping's `{tag}` leads to {target}, which is no variant")));
        } else if let Some(schema) = document.component(target).filter(|schema| !is_tagged(schema, property, tag)) {
            let kind = schema.pointer(&format!("/properties/{property}"));
            let state = if kind.is_none() { "is missing" } else { "is not required, or not exactly that value" };
            places.push((format!("/components/schemas/{target}"), format!("its tag `{property}: {tag}` {state}")));
        }
    }
    places
}

/// A mapping's target is a reference or a bare name.
fn component(target: &Value) -> &str {
    let target = target.as_str().unwrap_or_default();
    target.strip_prefix("#/components/schemas/").unwrap_or(target)
}

/// Does the variant itself carry the tag, so that it can be written as well as read?
fn is_tagged(schema: &Value, property: &str, tag: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    let tag_property = schema.get("properties").and_then(|properties| properties.get(property));
    let values = tag_property.and_then(|property| property.get("enum")).and_then(Value::as_array);
    required.is_some_and(|all| all.contains(&Value::from(property)))
        && values.is_some_and(|values| values.as_slice() == [Value::from(tag)])
}

#[cfg(test)]
mod tests {
    use super::super::sample::{SCHEMAS, assert_finds, assert_fine, good, with, without};
    use serde_json::json;

    const UNION: &str = "/components/schemas/Destination";

    #[test]
    fn a_union_is_discriminated() {
        assert_fine(&good());
        assert_finds(&without(&format!("{UNION}/discriminator")), "union", UNION);
        assert_finds(&without(&format!("{UNION}/discriminator/propertyName")), "union", UNION);
    }

    #[test]
    fn the_mapping_is_complete() {
        assert_finds(&without(&format!("{UNION}/discriminator/mapping")), "union", UNION);
        assert_finds(&without(&format!("{UNION}/discriminator/mapping/agent")), "union", UNION);
        let stray = json!("#/components/schemas/Mission");
        assert_finds(&with(&format!("{UNION}/discriminator/mapping/stray"), stray), "union", UNION);
    }

    #[test]
    fn variants_are_named_and_carry_their_tag() {
        let inline = json!({"allOf": [{"$ref": "#/components/schemas/AgentDestination"}]});
        assert_finds(&with(&format!("{UNION}/oneOf/1"), inline), "union", &format!("{UNION}/oneOf/1"));
        let variant = format!("{SCHEMAS}/AgentDestination");
        assert_finds(&without(&format!("{variant}/required")), "union", &variant);
        assert_finds(&with(&format!("{variant}/properties/type/enum"), json!(["other"])), "union", &variant);
        assert_finds(&with(&format!("{variant}/properties"), json!({})), "union", &variant);
    }

    #[test]
    fn any_of_is_refused() {
        let open = json!({"anyOf": [{"$ref": "#/components/schemas/Status"}, {"type": "string"}]});
        assert_finds(&with(&format!("{SCHEMAS}/OpenStatus"), open), "any-of", &format!("{SCHEMAS}/OpenStatus"));
    }
}
