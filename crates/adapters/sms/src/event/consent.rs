//! Words by which people forbid or allow being written to. Must not know what else they say.
//!
//! Words: <https://help.twilio.com/articles/223134027>; ARRET is what Canadian carriers expect beside them.

use super::reason;

/// What somebody says about being written to, with the whole of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// Never again.
    Stop,
    /// Again.
    Start,
    /// Again, or just an answer to a question: no way to know.
    Yes,
    /// What is this?
    Help,
}

/// Nobody means anything else by them, however they are written.
const STOP: [&str; 7] = ["STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT", "ARRET", "ARRETER", "DESABONNER"];
/// Only as they stand here: with a mark behind it "Cancel." may be about a viewing.
const STOP_AS_IT_STANDS: [&str; 4] = ["CANCEL", "END", "QUIT", "REVOKE"];

/// In capitals, without accents, spaces and marks: "Stop!" is the word that it sounds like, and so is one with accents. A
/// message that says more than the word stays a message.
fn bare(text: &str) -> String {
    let plain = |letter: char| match letter {
        '\u{c9}' | '\u{ca}' => Some('E'),
        // Combining accents.
        '\u{300}'..='\u{36f}' => None,
        _ if letter.is_whitespace() || letter.is_ascii_punctuation() => None,
        _ => Some(letter),
    };
    text.trim().chars().take(64).flat_map(char::to_uppercase).filter_map(plain).collect()
}

impl Word {
    /// Twilio's own view of it (`OptOutType`, where Advanced Opt-Out is on), else the message's text.
    pub(super) fn of(opt_out_type: Option<&str>, text: &str) -> Option<Self> {
        let told = opt_out_type.map(|told| told.trim().to_uppercase());
        match told.as_deref() {
            Some("STOP") => Some(Self::Stop),
            Some("START") => Some(Self::Start),
            Some("HELP") => Some(Self::Help),
            _ => Self::said(text),
        }
    }

    fn said(text: &str) -> Option<Self> {
        let (told, word) = (text.trim().to_uppercase(), bare(text));
        match word.as_str() {
            word if STOP.contains(&word) || STOP_AS_IT_STANDS.contains(&told.as_str()) => Some(Self::Stop),
            "START" | "UNSTOP" => Some(Self::Start),
            "YES" => Some(Self::Yes),
            _ if told == "HELP" || told == "INFO" => Some(Self::Help),
            _ => None,
        }
    }

    /// Whether it allows being written to, if it says anything about that, with the reason to keep.
    pub(super) fn consent(self) -> Option<(bool, &'static str)> {
        match self {
            Self::Stop => Some((false, "opted_out")),
            // Whoever only answers "yes" is allowed already, or allows it now.
            Self::Start | Self::Yes => Some((true, "opted_in")),
            Self::Help => None,
        }
    }

    /// Why nothing is made of the message. A yes may be an answer.
    pub(super) fn ignored_as(self) -> Option<&'static str> {
        match self {
            Self::Stop => Some(reason::OPT_OUT),
            Self::Start => Some(reason::OPT_IN),
            Self::Help => Some(reason::HELP),
            Self::Yes => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_whole_message() {
        for text in STOP.into_iter().chain(STOP_AS_IT_STANDS) {
            for text in [text.to_owned(), format!(" \n{text}\u{a0}"), text.to_lowercase()] {
                assert_eq!(Word::of(None, &text), Some(Word::Stop), "{text:?}");
            }
        }
        for (text, word) in [
            ("Start", Some(Word::Start)),
            ("unstop", Some(Word::Start)),
            ("yes", Some(Word::Yes)),
            ("Help", Some(Word::Help)),
            ("INFO", Some(Word::Help)),
            ("STOP by 12 King St", None),
            ("Don't stop", None),
            ("STOP.", Some(Word::Stop)),
            ("stop  all!", Some(Word::Stop)),
            ("Arr\u{ea}ter", Some(Word::Stop)),
            ("ARRE\u{302}T", Some(Word::Stop)),
            ("Cancel.", None),
            ("Help?", None),
            ("yes please", None),
            ("", None),
        ] {
            assert_eq!(Word::of(None, text), word, "{text:?}");
        }
    }

    #[test]
    fn twilios_own_view_wins() {
        for (told, text, word) in [
            ("STOP", "no more of this", Some(Word::Stop)),
            ("start", "YES", Some(Word::Start)),
            ("HELP", "STOP", Some(Word::Help)),
            ("", "STOP", Some(Word::Stop)),
            ("TOMORROWS", "hello", None),
        ] {
            assert_eq!(Word::of(Some(told), text), word, "{told} {text}");
        }
    }
}
