//! The key of a request, and the one text that names its record. Must not know what is done under it.

use super::KEY_HEADER;
use actix_web::http::header::HeaderMap;
use dispatch_pipeline::ports::idempotency::ScopeKey;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Longest key, without quotes.
const LONGEST: usize = 255;
/// Every route answers here too; it is the same route.
const PREFIX: &str = "/dispatch/";

/// What a caller calls one operation: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key(String);

/// Why a header is no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NoKey {
    #[error("There is more than one Idempotency-Key.")]
    Several,
    #[error(
        "An Idempotency-Key has 1 to 255 visible ASCII characters: a string (`\"…\"`), or one word without quotes, commas or semicolons."
    )]
    Malformed,
}

impl Key {
    /// The key of a request, if it has one.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, NoKey> {
        let mut given = headers.get_all(KEY_HEADER);
        let Some(value) = given.next() else { return Ok(None) };
        if given.next().is_some() {
            return Err(NoKey::Several);
        }
        let text = value.to_str().map_err(|_| NoKey::Malformed)?.trim_matches([' ', '\t']);
        let key = match text.strip_prefix('"') {
            Some(rest) => unquoted(rest),
            None => Some(text.to_owned()).filter(|word| !word.contains(['"', '\\', ',', ';'])),
        };
        let visible =
            |key: &String| !key.is_empty() && key.len() <= LONGEST && key.bytes().all(|byte| byte.is_ascii_graphic());
        key.filter(visible).map(|key| Some(Self(key))).ok_or(NoKey::Malformed)
    }

    /// The record of this key: for this principal, method and route, with what stands in the route's places.
    pub fn scope<'a>(
        &self,
        principal: &str,
        method: &str,
        pattern: &str,
        places: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> ScopeKey {
        let route = pattern.strip_prefix(PREFIX).unwrap_or_else(|| pattern.trim_start_matches('/'));
        let mut digest = Sha256::new();
        let mut add = |part: &str| {
            // With its length before it, so that no two lists of parts are the same bytes.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        [principal, method, route, self.0.as_str()].into_iter().for_each(&mut add);
        for (name, value) in places {
            add(name);
            add(&super::fingerprint::folded(value));
        }
        ScopeKey(super::fingerprint::hex(&digest.finalize()))
    }
}

/// A structured field's string (RFC 8941) behind its first quote.
fn unquoted(rest: &str) -> Option<String> {
    let mut key = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return letters.next().is_none().then_some(key),
            '\\' => key.push(letters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            letter => key.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn of(values: &[&str]) -> Result<Option<Key>, NoKey> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY_HEADER, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        Key::of(&headers)
    }

    #[test]
    fn a_string_and_a_bare_word_are_the_same_key() {
        let key = |text: &str| Ok(Some(Key(text.to_owned())));
        assert_eq!(of(&[]), Ok(None));
        for text in ["\"8e03978e-40d5-43e8\"", "8e03978e-40d5-43e8", "  8e03978e-40d5-43e8\t"] {
            assert_eq!(of(&[text]), key("8e03978e-40d5-43e8"), "{text}");
        }
        assert_eq!(of(&[r#""a\"b\\c,d;e""#]), key(r#"a"b\c,d;e"#));
        assert_eq!(of(&[&"x".repeat(255)]), key(&"x".repeat(255)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(256);
        let quoted = format!("\"{long}\"");
        for text in [
            "",
            "  ",
            "\"\"",
            "\"",
            "\"open",
            "open\"",
            "\"two\" \"strings\"",
            "\"a\" b",
            "two words",
            "\"two words\"",
            "a,b",
            "\"a\", \"b\"",
            "a;b",
            "\"a\";b=1",
            r#""a\b""#,
            "caf\u{e9}",
            "\"caf\u{e9}\"",
            &long,
            &quoted,
        ] {
            assert_eq!(of(&[text]), Err(NoKey::Malformed), "{text}");
        }
        assert_eq!(of(&["a", "a"]), Err(NoKey::Several));
    }

    #[test]
    fn a_record_is_of_one_principal_method_route_place_and_key() {
        let scope = |principal, method, pattern, place, key: &str| {
            Key(key.to_owned()).scope(principal, method, pattern, [("mission_id", place)].into_iter())
        };
        let one = scope("user:a", "POST", "/missions/{mission_id}/claim", "m-1", "k");
        assert_eq!(scope("user:a", "POST", "/dispatch/missions/{mission_id}/claim", "m-1", "k"), one);
        for other in [
            scope("user:b", "POST", "/missions/{mission_id}/claim", "m-1", "k"),
            scope("user:a", "PATCH", "/missions/{mission_id}/claim", "m-1", "k"),
            scope("user:a", "POST", "/missions/{mission_id}/unclaim", "m-1", "k"),
            scope("user:a", "POST", "/missions/{mission_id}/claim", "m-2", "k"),
            scope("user:a", "POST", "/missions/{mission_id}/claim", "m-1", "l"),
            scope("user:aPOST", "", "/missions/{mission_id}/claim", "m-1", "k"),
        ] {
            assert_ne!(other, one);
        }
        let upper = "AB0C2F6E-0B59-7C3A-8F2A-0123456789AB";
        assert_eq!(scope("a", "POST", "/m", upper, "k"), scope("a", "POST", "/m", &upper.to_lowercase(), "k"));
    }
}
