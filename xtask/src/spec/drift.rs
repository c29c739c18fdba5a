//! Where two versions of the document part, short enough to read. Must not know how they were made.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::METHODS;

/// What a reader wants to know first: operations and schemas that came or went, else the first line that differs.
pub fn between(checked_in: &str, generated: &str) -> Option<String> {
    if checked_in == generated {
        return None;
    }
    let (old, new) = (parts(checked_in), parts(generated));
    let gone = old.difference(&new).map(|part| format!("- {part}"));
    let came = new.difference(&old).map(|part| format!("+ {part}"));
    let lines: Vec<String> = gone.chain(came).chain(first_line(checked_in, generated)).collect();
    Some(lines.join("\n"))
}

fn parts(text: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let mut parts = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
        parts.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    parts.extend(schemas.into_iter().flatten().map(|(name, _)| format!("schema {name}")));
    parts
}

fn first_line(old: &str, new: &str) -> Vec<String> {
    let mut lines = old.lines().zip(new.lines()).enumerate();
    match lines.find(|(_, (old, new))| old != new) {
        Some((number, (old, new))) => {
            vec![format!("first difference at line {}:", number + 1), format!("- {old}"), format!("+ {new}")]
        }
        None => vec!["they differ at the end only (a newline?)".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn what_came_and_went_is_named() {
        let old = r#"{"paths": {"/a": {"get": {}}}, "components": {"schemas": {"A": {}}}}"#;
        let new = r#"{"paths": {"/a": {"post": {}}}, "components": {"schemas": {"A": {}, "B": {}}}}"#;
        let drift = between(old, new).unwrap();
        for line in ["- GET /a", "+ POST /a", "+ schema B", "first difference at line 1:"] {
            assert!(drift.contains(line), "{drift}");
        }
        assert!(between(old, old).is_none());
    }
}
