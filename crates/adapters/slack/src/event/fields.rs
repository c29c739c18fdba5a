//! Lenient reading of Slack's JSON: a field of another type is a field that is not there.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

/// Ids become parts of keys in an index, whose rows have a size; Slack's are under 30 bytes.
const MAX_ID: usize = 128;

/// Reads one object.
pub(crate) trait Object {
    /// A text, possibly empty.
    fn text(&self, key: &str) -> Option<&str>;
    /// A text that can be an id: neither empty nor absurdly long.
    fn id(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|id| !id.is_empty() && id.len() <= MAX_ID)
    }
    /// An object.
    fn object(&self, key: &str) -> Option<&Map<String, Value>>;
    /// An array; empty when there is none.
    fn array(&self, key: &str) -> &[Value];
}

impl Object for Map<String, Value> {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    fn object(&self, key: &str) -> Option<&Map<String, Value>> {
        self.get(key)?.as_object()
    }

    fn array(&self, key: &str) -> &[Value] {
        self.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The instant that a `ts` stands for: Unix seconds and their fraction, `1700000000.000100`.
pub(super) fn instant(ts: &str) -> Option<OffsetDateTime> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?.checked_add(Duration::nanoseconds(nanoseconds))
}

/// Undoes Slack's escaping, once: <https://docs.slack.dev/messaging/formatting-message-text#escaping>. What Slack
/// itself writes in angle brackets (`<@U1>`, `<https://…|label>`) stays, for the classifier knows it.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = [("amp;", '&'), ("lt;", '<'), ("gt;", '>')];
        let known = entity.iter().find_map(|(name, sign)| Some((*sign, after.strip_prefix(name)?)));
        let (sign, tail) = known.unwrap_or(('&', after));
        out.push(sign);
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn a_ts_is_an_instant_to_the_microsecond() {
        assert_eq!(instant("1700000000.000100"), Some(datetime!(2023-11-14 22:13:20.000100 UTC)));
        assert_eq!(instant("1700000000"), Some(datetime!(2023-11-14 22:13:20 UTC)));
        for odd in ["", ".", "1.", ".1", "-1.0", "+1.0", "1.0.0", "1e9", "1.0000000001", "99999999999999999999.0", "x"]
        {
            assert_eq!(instant(odd), None, "{odd:?}");
        }
        assert_eq!(instant("999999999999.0"), None, "beyond the year 9999");
    }

    #[test]
    fn escapes_are_undone_once_and_only_slacks_three() {
        for (from, to) in [
            ("Smith &amp; Sons", "Smith & Sons"),
            ("a &lt; b &gt; c", "a < b > c"),
            ("&amp;lt;", "&lt;"),
            ("&amp;amp;", "&amp;"),
            ("&nbsp; &quot; & &am", "&nbsp; &quot; & &am"),
            ("<@U1> see <https://a.example/?a=1&amp;b=2|this>", "<@U1> see <https://a.example/?a=1&b=2|this>"),
            ("שלום 🏡", "שלום 🏡"),
            ("", ""),
        ] {
            assert_eq!(unescape(from), to);
        }
    }

    proptest! {
        #[test]
        fn unescaping_undoes_escaping(text in any::<String>()) {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert_eq!(unescape(&escaped), text);
        }

        #[test]
        fn no_ts_can_make_it_panic(ts in "[0-9.]{0,30}") {
            let _ = instant(&ts);
        }
    }
}
