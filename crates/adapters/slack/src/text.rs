//! Plain text for Slack: escaped, and no longer than Slack shows well. Must not know what it says.

/// Slack advises 4,000 characters at most and cuts at 40,000 by itself:
/// <https://docs.slack.dev/reference/methods/chat.postMessage#truncating>.
const MAX_CHARS: usize = 4_000;
const CUT: char = '…';

/// `text` with Slack's three escapes (<https://docs.slack.dev/messaging/formatting-message-text#escaping>), so that
/// nothing in it pings a channel, mentions a person or becomes a link with another label. Cut between characters,
/// never inside an escape.
pub(crate) fn for_slack(text: &str) -> String {
    cut_for_slack(text, MAX_CHARS)
}

/// The same, with at most `max` characters.
pub(crate) fn cut_for_slack(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = 0;
    let mut fits_with_cut = 0; // as much of `out` as leaves room for the sign of a cut
    for character in text.chars() {
        let escaped = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        chars += escaped.len().max(1);
        if chars > max {
            out.truncate(fits_with_cut);
            out.push(CUT);
            return out;
        }
        if escaped.is_empty() {
            out.push(character);
        } else {
            out.push_str(escaped);
        }
        if chars < max {
            fits_with_cut = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_a_person_wrote_is_markup() {
        for (from, to) in [
            ("Smith & Sons", "Smith &amp; Sons"),
            ("<!channel> <!here> <!everyone>", "&lt;!channel&gt; &lt;!here&gt; &lt;!everyone&gt;"),
            ("<@U123> <#C1|x> <!subteam^S1>", "&lt;@U123&gt; &lt;#C1|x&gt; &lt;!subteam^S1&gt;"),
            ("<https://evil.example|your bank>", "&lt;https://evil.example|your bank&gt;"),
            ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
            ("שלום 🏡\n", "שלום 🏡\n"),
            ("", ""),
        ] {
            assert_eq!(for_slack(from), to);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let whole = "🏡".repeat(4_000);
        assert_eq!(for_slack(&whole), whole);
        assert_eq!(for_slack(&format!("{whole}x")), format!("{}…", "🏡".repeat(3_999)));
        assert_eq!(for_slack(&"&".repeat(801)), format!("{}…", "&amp;".repeat(799)));
        assert_eq!(for_slack(&"&".repeat(800)), "&amp;".repeat(800));
    }

    proptest! {
        #[test]
        fn it_fits_and_holds_no_angle_bracket(text in "[a<&>🏡]{0,5000}") {
            let out = for_slack(&text);
            prop_assert!(out.chars().count() <= MAX_CHARS);
            prop_assert!(!out.contains(['<', '>']));
            let kept = out.strip_suffix(CUT).unwrap_or(&out);
            let back = kept.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            prop_assert!(text.starts_with(&back) && (back == text || out.ends_with(CUT)));
        }
    }
}
