//! What was asked, as a digest: two requests that mean the same have the same one, however a client spells its JSON.
//! Must not know what it means.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The digest of a request's query and body. JSON counts as what it says (RFC 8785 in spirit: sorted members, one
/// spelling of a number and of a UUID), anything else as its bytes.
pub fn of(content_type: &str, query: &str, body: &[u8]) -> String {
    let is_json = content_type.eq_ignore_ascii_case("application/json") || content_type.ends_with("+json");
    let parsed = is_json.then(|| serde_json::from_slice::<Value>(body).ok()).flatten();
    let mut digest = Sha256::new();
    digest.update((query.len() as u64).to_be_bytes());
    digest.update(query);
    match parsed {
        Some(value) => {
            let mut text = String::with_capacity(body.len());
            canonical(&value, &mut text);
            digest.update(b"json\0");
            digest.update(text);
        }
        None => {
            digest.update(b"bytes\0");
            digest.update(body);
        }
    }
    hex(&digest.finalize())
}

/// Bytes as lower-case digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The one spelling of a text: Swift writes UUIDs in upper case.
pub fn folded(text: &str) -> String {
    let dashes = [8, 13, 18, 23];
    let is_uuid = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => dashes.contains(&at),
            _ => byte.is_ascii_hexdigit() && !dashes.contains(&at),
        });
    if is_uuid { text.to_ascii_lowercase() } else { text.to_owned() }
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            list(out, ['{', '}'], members.into_iter(), |out, (name, member)| {
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                canonical(member, out);
            });
        }
        Value::Array(elements) => list(out, ['[', ']'], elements.iter(), |out, element| canonical(element, out)),
        Value::String(text) => out.push_str(&Value::from(folded(text)).to_string()),
        Value::Number(number) => out.push_str(&plain(number)),
        Value::Bool(_) | Value::Null => out.push_str(&value.to_string()),
    }
}

fn list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(close);
}

/// `1`, `1.0` and `10e-1` are one number.
fn plain(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => {
            let text = format!("{float:.0}");
            if text == "-0" { "0".to_owned() } else { text }
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> String {
        of("application/json", "", body.as_bytes())
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        let one =
            json(r#"{"title":"Sign","priority":1,"tags":["a",null],"id":"ab0c2f6e-0b59-7c3a-8f2a-0123456789ab"}"#);
        for same in [
            "{ \"priority\" : 1.0,\n \"tags\": [\"\\u0061\", null], \"title\": \"Sign\",
               \"id\": \"AB0C2F6E-0B59-7C3A-8F2A-0123456789AB\" }",
            r#"{"id":"Ab0c2f6e-0b59-7c3a-8f2a-0123456789aB","tags":["a",null],"title":"Sign","priority":10e-1}"#,
        ] {
            assert_eq!(json(same), one, "{same}");
        }
        assert_eq!(json("[0,100000000000000000]"), json("[-0.0,1e17]"));
        assert_eq!(of("application/merge-patch+json", "", b"{ }"), json("{}"));
    }

    #[test]
    fn what_means_something_else_is_something_else() {
        let bodies = [
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"a":"1"}"#,
            r#"{"a":1.5}"#,
            r#"{"a":null}"#,
            "{}",
            "[]",
            "[1,2]",
            "[2,1]",
            "[12]",
            r#"{"a":"X"}"#,
            r#"{"a":"x"}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":[{"b":1}]}"#,
            r#"{"a":18446744073709551615}"#,
            r#"{"a":18446744073709551614}"#,
            "",
            "{",
            "[1,",
            r#""""#,
            "null",
        ];
        let mut seen = std::collections::HashMap::new();
        for body in bodies {
            assert_eq!(seen.insert(json(body), body), None, "{body}");
        }
        assert_ne!(of("text/plain", "", b"{}"), json("{}"));
        assert_ne!(of("text/plain", "", b"{ }"), of("text/plain", "", b"{}"), "bytes are bytes");
        assert_ne!(of("application/json", "a=1", b"{}"), json("{}"));
    }
}
