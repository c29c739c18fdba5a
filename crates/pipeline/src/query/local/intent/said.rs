//! The words of a question, ready to be asked about. Must not know what they mean together.

use crate::query::local::tokens::Reading;

/// The words of a question, ready to be asked about.
pub(super) struct Said<'r> {
    pub(super) words: Vec<&'r str>,
    pub(super) joined: String,
}

impl<'r> Said<'r> {
    pub(super) fn new(reading: &'r Reading) -> Self {
        let words: Vec<&str> = reading.words.iter().map(|word| word.text.as_str()).collect();
        let joined = format!(" {} ", words.join(" "));
        Self { words, joined }
    }

    pub(super) fn any(&self, any: &[&str]) -> bool {
        self.words.iter().any(|word| any.contains(word))
    }

    pub(super) fn phrase(&self, any: &[&str]) -> bool {
        any.iter().any(|phrase| self.joined.contains(&format!(" {phrase} ")))
    }

    pub(super) fn first(&self, word: &str) -> bool {
        self.words.first() == Some(&word)
    }

    /// "tell me", "show me", "give me", "can i": the asker is no subject of it.
    pub(super) fn asks_politely(&self) -> bool {
        const POLITE: [&str; 12] = [
            "tell me",
            "show me",
            "give me",
            "let me",
            "remind me",
            "help me",
            "can i",
            "may i",
            "could i",
            "list me",
            "do i ask",
            "i want",
        ];
        let own = self.any(&["my", "mine", "myself"])
            || self.phrase(&["for me", "to me", "am i", "did i", "have i", "i have", "i am", "do i have"]);
        self.phrase(&POLITE) && !own
    }

    /// "and yesterday?", "what about Priya?"
    pub(super) fn follows(&self) -> bool {
        ["and", "also", "same"].iter().any(|word| self.first(word))
            || ["what about ", "how about ", "ok and ", "now for ", "and what about "]
                .iter()
                .any(|phrase| self.joined.trim_start().starts_with(phrase))
    }

    /// One of `any` is said not to be so: "not done", "hasn't been claimed", "without an owner".
    pub(super) fn denies(&self, any: &[&str]) -> bool {
        const DENIALS: [&str; 8] = ["not", "nobody", "never", "without", "no", "none", "nothing", "unless"];
        self.words.iter().enumerate().any(|(at, word)| {
            any.contains(word) && self.words[at.saturating_sub(4)..at].iter().any(|before| DENIALS.contains(before))
        })
    }

    pub(super) fn looks_back(&self) -> bool {
        self.any(&[
            "did",
            "was",
            "were",
            "claimed",
            "done",
            "finished",
            "completed",
            "made",
            "created",
            "took",
            "came",
            "happened",
            "sent",
        ]) && !self.any(&["due", "will"])
    }
}
