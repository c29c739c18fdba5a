//! Makes a provider's JSON storable without changing what it says. Must not know what the fields mean.
//!
//! PostgreSQL's `text` and `jsonb` cannot hold U+0000, and neither they nor `serde_json` take half a surrogate pair
//! (<https://www.postgresql.org/docs/current/datatype-json.html>). JSON may escape both, and an event with a valid
//! signature must not be refused for one odd character (iterate/iterate#1521). So U+0000 goes and half a pair becomes
//! U+FFFD; everything else stays as it was, byte for byte.

use std::borrow::Cow;

const REPLACEMENT: &str = "\\ufffd";

/// `json` without escapes that cannot be stored.
#[must_use]
pub fn storable(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let mut kept = 0; // everything before it is in `out` already
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let Some(unit) = escaped_unit(bytes, at) else {
            // Another escape, or none at all: both characters are passed, so that `\\u0000` is not taken for one.
            at += 2;
            continue;
        };
        let replacement = match unit {
            0x0000 => "",
            0xD800..=0xDBFF if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => {
                at += 12;
                continue;
            }
            0xD800..=0xDFFF => REPLACEMENT,
            _ => {
                at += 6;
                continue;
            }
        };
        out.push_str(json.get(kept..at).unwrap_or_default());
        out.push_str(replacement);
        at += 6;
        kept = at;
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(json.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// The UTF-16 unit that `\uXXXX` at `at` stands for.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | u16::try_from(char::from(*digit).to_digit(16)?).ok()?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_cannot_be_stored_goes() {
        for (from, to) in [
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            (r#""a\u0000b""#, r#""ab""#),
            (r#""\u0000\u0000""#, r#""""#),
            (r#""a\\u0000b""#, r#""a\\u0000b""#),
            (r#""a\\\u0000b""#, r#""a\\b""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d!""#, r#""\ufffd!""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\uD83D\u0000""#, r#""\ufffd""#),
            (r#""\n\t\"\u00e9é""#, r#""\n\t\"\u00e9é""#),
            (r#""\u00"#, r#""\u00"#),
            (r"\", r"\"),
            (r"\é", r"\é"),
        ] {
            assert_eq!(storable(from), to, "{from}");
        }
    }

    proptest! {
        #[test]
        fn any_string_of_utf_16_units_can_be_stored_after_it(units in proptest::collection::vec(any::<u16>(), 0..40)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let text: String = serde_json::from_str(&storable(&format!("\"{escaped}\""))).expect("valid JSON");
            let expected = String::from_utf16_lossy(&units).replace('\0', "");
            prop_assert_eq!(text, expected);
        }

        #[test]
        fn it_never_panics_and_leaves_valid_json_valid(text in ".*") {
            let _ = storable(&text);
            let json = serde_json::to_string(&text).expect("a string");
            let back: String = serde_json::from_str(&storable(&json)).expect("valid JSON");
            prop_assert_eq!(back, text.replace('\0', ""));
        }
    }
}
