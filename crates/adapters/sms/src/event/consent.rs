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

const STOP: [&str; 11] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "ARRET",
    "ARR\u{ca}T",
    // The same with a combining circumflex.
    "ARRE\u{302}T",
];

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
        match text.trim().to_uppercase().as_str() {
            word if STOP.contains(&word) => Some(Self::Stop),
            "START" | "UNSTOP" => Some(Self::Start),
            "YES" => Some(Self::Yes),
            "HELP" | "INFO" => Some(Self::Help),
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
        for text in STOP {
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
            ("STOP.", None),
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
