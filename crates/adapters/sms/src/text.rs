//! Plain text for a phone: one segment where that is possible. Must not know what it says.
//!
//! A segment is 160 characters of the GSM alphabet (3GPP TS 23.038, some of which count twice), or 70 UTF-16 units as
//! soon as one character is not in it: <https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding>.

/// As long as one segment of the GSM alphabet.
const MAX: usize = 160;

/// The GSM alphabet, and what of it counts twice.
const GSM: &str = "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
    abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_TWICE: &str = "^{}\\[~]|€";

/// `text` in the GSM alphabet, cut to one segment: signs that people put in for looks are replaced or left out. A text
/// in letters of another alphabet stays as it is, cut to 160 units, for nothing can make it one segment.
pub(crate) fn for_sms(text: &str) -> String {
    let text = text.trim();
    plain(text).unwrap_or_else(|| {
        let short = cut(text, "…", char::len_utf16);
        // The letters of another alphabet may have stood behind the cut.
        plain(&short).filter(|plain| plain.contains(char::is_alphanumeric)).unwrap_or(short)
    })
}

/// One segment of the GSM alphabet, where there is anything to say in it.
fn plain(text: &str) -> Option<String> {
    let plain = in_gsm(text).filter(|plain| !plain.is_empty())?;
    Some(cut(&plain, "...", gsm_length))
}

/// `text` in the GSM alphabet; none where it has letters that are not in it.
fn in_gsm(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let mut buffer = [0; 4];
        let replacement = match replacement(character) {
            Some(replacement) => replacement,
            None if gsm_length(character) > 0 => &*character.encode_utf8(&mut buffer),
            None if character.is_alphanumeric() => return None,
            // An emoji, or a sign that only joins or colours one.
            None => "",
        };
        // What was left out leaves no gap.
        let gap = replacement == " " && (plain.is_empty() || plain.ends_with([' ', '\n']));
        plain.push_str(if gap { "" } else { replacement });
    }
    plain.truncate(plain.trim_end().len());
    Some(plain)
}

/// How much of a segment it takes; nothing for what is not in the alphabet.
fn gsm_length(character: char) -> usize {
    if GSM.contains(character) {
        1
    } else if GSM_TWICE.contains(character) {
        2
    } else {
        0
    }
}

/// What people and their keyboards write, and what a phone of old can show.
fn replacement(character: char) -> Option<&'static str> {
    Some(match character {
        '’' | '‘' | '‚' | '′' | '`' | '´' => "'",
        '“' | '”' | '„' | '″' | '«' | '»' => "\"",
        '–' | '—' | '−' | '‐' | '‑' | '•' | '·' => "-",
        '…' => "...",
        '→' => "->",
        '←' => "<-",
        '×' => "x",
        '½' => "1/2",
        '¼' => "1/4",
        '¾' => "3/4",
        '²' => "2",
        '³' => "3",
        'º' | '°' => "o",
        '\t' | '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' => " ",
        'á' | 'â' | 'ã' => "a",
        'À' | 'Á' | 'Â' | 'Ã' => "A",
        'ç' => "c",
        'ê' | 'ë' => "e",
        'È' | 'Ê' | 'Ë' => "E",
        'í' | 'î' | 'ï' => "i",
        'Ì' | 'Í' | 'Î' | 'Ï' => "I",
        'ó' | 'ô' | 'õ' => "o",
        'Ò' | 'Ó' | 'Ô' | 'Õ' => "O",
        'ú' | 'û' => "u",
        'Ù' | 'Ú' | 'Û' => "U",
        'ý' | 'ÿ' => "y",
        'Ý' | 'Ÿ' => "Y",
        'œ' => "oe",
        'Œ' => "OE",
        _ => return None,
    })
}

/// `text` as far as it fits into [`MAX`], between characters, with `sign` where something is missing.
fn cut(text: &str, sign: &str, length: impl Fn(char) -> usize) -> String {
    let room = MAX - sign.chars().map(&length).sum::<usize>();
    let mut used = 0;
    let mut fits_with_sign = 0;
    for (at, character) in text.char_indices() {
        if used <= room {
            fits_with_sign = at;
        }
        used += length(character);
        if used > MAX {
            let kept = text.get(..fits_with_sign).unwrap_or_default();
            return format!("{}{sign}", kept.trim_end());
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_for_looks_goes_and_what_is_said_stays() {
        for (from, to) in [
            ("✅ Task detected and added to your queue!", "Task detected and added to your queue!"),
            ("📋 Listing: 12 King St\t— “nice”…", "Listing: 12 King St - \"nice\"..."),
            ("Done 👍🏽 👩‍👩‍👧 at last ❤️", "Done at last"),
            ("line one 🏡 \n🏡 line two\r\n", "line one \nline two"),
            ("It’s 3½ × 2", "It's 31/2 x 2"),
            ("Être prêt à l’été, ça va, où?", "Etre pret à l'été, ca va, où?"),
            ("cafe\u{301}", "cafe"),
            ("{[~]} ^ | \\ €5 §1", "{[~]} ^ | \\ €5 §1"),
            ("שלום ✅", "שלום ✅"),
            ("Meet at 漢字", "Meet at 漢字"),
            ("✅", "✅"),
            (" \n ", ""),
            ("", ""),
        ] {
            assert_eq!(for_sms(from), to, "{from}");
        }
    }

    #[test]
    fn a_long_text_is_cut_to_one_segment() {
        let whole = "a".repeat(160);
        assert_eq!(for_sms(&whole), whole);
        assert_eq!(for_sms(&format!("{whole}b")), format!("{}...", "a".repeat(157)));
        assert_eq!(for_sms(&format!("✅ {whole} ✅")), whole, "what goes takes no room");
        assert_eq!(for_sms(&"€".repeat(80)), "€".repeat(80));
        assert_eq!(for_sms(&"€".repeat(81)), format!("{}...", "€".repeat(78)));
        assert_eq!(for_sms(&format!("{} {}", "a".repeat(156), "b".repeat(9))), format!("{}...", "a".repeat(156)));
    }

    #[test]
    fn another_alphabet_is_cut_between_characters() {
        assert_eq!(for_sms(&"ש".repeat(160)), "ש".repeat(160));
        assert_eq!(for_sms(&"ש".repeat(161)), format!("{}…", "ש".repeat(159)));
        // Each takes two units; half a pair is never sent.
        assert_eq!(for_sms(&"𐐀".repeat(81)), format!("{}…", "𐐀".repeat(79)));
        assert_eq!(for_sms(&"🏡".repeat(81)), format!("{}…", "🏡".repeat(79)), "nothing else would be left");
    }

    #[test]
    fn a_letter_behind_the_cut_does_not_make_the_rest_foreign() {
        let out = for_sms(&format!("{}б", "ab ".repeat(100)));
        assert!(out.is_ascii() && out.ends_with("a..."), "{out}");
        assert_eq!(for_sms(&out), out);
    }

    #[test]
    fn the_alphabet_has_what_the_standard_has() {
        // 128 places, less the escape and the carriage return, which is never wanted; no character twice.
        let mut all: Vec<_> = GSM.chars().chain(GSM_TWICE.chars()).collect();
        assert_eq!((GSM.chars().count(), GSM_TWICE.chars().count()), (126, 9));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 135);
    }

    proptest! {
        #[test]
        fn it_fits_and_is_settled(text in ".{0,400}") {
            let out = for_sms(&text);
            prop_assert!(out.chars().map(char::len_utf16).sum::<usize>() <= MAX);
            prop_assert_eq!(for_sms(&out), out);
        }

        #[test]
        fn latin_text_is_one_segment(text in "[ -~\u{a0}-\u{a9}✅…’]{0,400}") {
            let out = for_sms(&text);
            let plain = out.chars().all(|character| gsm_length(character) > 0);
            prop_assert!(!plain || out.chars().map(gsm_length).sum::<usize>() <= MAX);
            prop_assert!(plain || !text.contains(|character: char| character.is_ascii_alphanumeric()));
        }
    }
}
