//! Says in short phrases why a text was judged as it was, or what is missing. Must not judge anything itself.

use super::evidence::{Evidence, Particulars};
use super::lexicon::Aspect;
use super::model::Verdict;
use crate::classification::Meaning;

/// More would not be read.
const MOST: usize = 4;
const MOST_WORDS: usize = 3;

/// The evidence for `verdict`: what is missing, the cues heard, and the `words` that the model went by, as far as there is
/// room. Of an INFO_REQUEST only what is missing stands without quotation marks: that is for whoever asked.
pub(super) fn explain(
    verdict: &Verdict,
    evidence: &Evidence,
    particulars: &Particulars,
    date_problem: Option<&str>,
    words: &[String],
) -> Vec<String> {
    let mut phrases = Vec::new();
    match verdict.meaning {
        Meaning::Ignore => {}
        Meaning::InfoRequest => phrases.extend(missing(evidence, particulars)),
        Meaning::Group(_) | Meaning::Stray(_) => {
            phrases.extend(particulars.address.then(|| "names an address".to_owned()));
        }
    }
    phrases.extend(strongest(verdict.meaning, evidence));
    phrases.truncate(MOST);
    if phrases.len() < MOST && !words.is_empty() {
        let words: Vec<String> = words.iter().take(MOST_WORDS).map(|word| format!("\"{word}\"")).collect();
        phrases.push(format!("words: {}", words.join(", ")));
    }
    if verdict.meaning != Meaning::Ignore {
        phrases.extend(date_problem.map(str::to_owned));
    }
    if verdict.confidence < 0.7 && verdict.runner_up != Meaning::Ignore {
        phrases.push(format!("could also be \"{}\"", name(verdict.runner_up)));
    }
    if phrases.is_empty() {
        phrases.push("nothing in it asks for work or speaks of a property".to_owned());
    }
    phrases
}

fn missing(evidence: &Evidence, particulars: &Particulars) -> Vec<String> {
    let mut missing = Vec::new();
    if !particulars.address {
        missing.push("which property is not said".to_owned());
    }
    if evidence.scores[Aspect::Task] < 1.0 {
        missing.push("what exactly is to be done is not said".to_owned());
    }
    if missing.is_empty() {
        missing.push("what is wanted is not clear".to_owned());
    }
    missing
}

/// The cues that speak for `meaning`, each once, with the words heard.
fn strongest(meaning: Meaning, evidence: &Evidence) -> Vec<String> {
    let relevant = |aspect: Aspect| match meaning {
        Meaning::Ignore => aspect == Aspect::Chat,
        Meaning::InfoRequest => aspect == Aspect::Vague,
        Meaning::Group(_) => matches!(
            aspect,
            Aspect::Listed
                | Aspect::Done
                | Aspect::Won
                | Aspect::Relist
                | Aspect::Campaign
                | Aspect::Both
                | Aspect::Sale
                | Aspect::Lease
        ),
        Meaning::Stray(_) => {
            !matches!(aspect, Aspect::Chat | Aspect::Vague | Aspect::Estate | Aspect::Background | Aspect::Ask)
        }
    };
    let mut heard: Vec<_> = evidence.heard.iter().filter(|h| h.weight > 0.0 && relevant(h.aspect)).collect();
    heard.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut phrases: Vec<String> = Vec::new();
    for cue in heard {
        let phrase = format!("{}: \"{}\"", cue.cue, cue.words.trim());
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    phrases
}

fn name(meaning: Meaning) -> &'static str {
    let key = meaning
        .group_key()
        .map(crate::taxonomy::GroupKey::as_str)
        .or(meaning.task_key().map(crate::taxonomy::TaskKey::as_str));
    key.unwrap_or(meaning.message_type().as_str())
}
