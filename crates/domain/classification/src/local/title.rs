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
    let best = SENTENCES
        .split(shown)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
        .map(|sentence| (worth(&folded(sentence)), sentence))
        .fold(
            None::<(f32, &str)>,
            |best, next| if best.is_some_and(|best| best.0 >= next.0) { best } else { Some(next) },
        );
    let sentence = best.map_or(shown, |(_, sentence)| sentence).trim();
    let bare = POLITENESS.replace(sentence, "");
    let bare = if bare.chars().filter(|c| c.is_alphanumeric()).count() < 3 { sentence } else { bare.trim() };
    let mut letters = bare.chars();
    let first = letters.next()?;
    TaskTitle::from_text(&format!("{}{}", first.to_uppercase(), letters.as_str()))
}

fn worth(folded: &str) -> f32 {
    let gives = |cue: &lexicon::Cue, aspect| cue.gives.get(&aspect).copied().unwrap_or(0.0);
    lexicon::heard(folded).map(|(cue, _)| gives(cue, Aspect::Ask) + gives(cue, Aspect::Task)).sum()
}
