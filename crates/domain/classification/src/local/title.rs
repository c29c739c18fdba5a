//! What to call the work: the words of the message that ask for it. Must not know the taxonomy.

use super::lexicon::{self, Aspect};
use super::text::folded;
use crate::classification::TaskTitle;
use regex::Regex;
use std::sync::LazyLock;

static SENTENCES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[.!?。！？]+(?:\s+|$)|\n+|[。！？]").expect("a valid pattern"));
static POLITENESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(?:[\s,:;>*\-–—•]+|<@\w+>|hi\b|hey\b|hello\b|team\b|please\b|pls\b|plz\b|kindly\b|(?:can|could|would|will) (?:you|u|someone|somebody|anyone|we)\b|(?:pls|please)\b|so\b|also\b|ok\b|fyi\b)+",
    )
    .expect("a valid pattern")
});

/// A title out of `shown`: its most task-like sentence, without greetings.
pub(super) fn title(shown: &str) -> Option<TaskTitle> {
    let sentences = SENTENCES.split(shown).filter(|sentence| sentence.chars().any(char::is_alphanumeric));
    let sentences: Vec<&str> = sentences.collect();
    let sentence = match sentences[..] {
        [] => shown,
        // What is the only one need not be weighed, which costs more than all the rest of this.
        [only] => only,
        _ => best(&sentences),
    };
    let sentence = sentence.trim();
    let bare = POLITENESS.replace(sentence, "");
    let bare = if bare.chars().filter(|c| c.is_alphanumeric()).count() < 3 { sentence } else { bare.trim() };
    let mut letters = bare.chars();
    let first = letters.next()?;
    TaskTitle::from_text(&format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// The first of those that are worth most.
fn best<'a>(sentences: &[&'a str]) -> &'a str {
    let weighed = sentences.iter().map(|sentence| (worth(&folded(sentence)), *sentence));
    weighed.reduce(|best, next| if next.0 > best.0 { next } else { best }).map_or("", |(_, sentence)| sentence)
}

fn worth(folded: &str) -> f32 {
    let gives = |cue: &lexicon::Cue, aspect| cue.gives.get(&aspect).copied().unwrap_or(0.0);
    lexicon::heard(folded).map(|(cue, _)| gives(cue, Aspect::Ask) + gives(cue, Aspect::Task)).sum()
}
