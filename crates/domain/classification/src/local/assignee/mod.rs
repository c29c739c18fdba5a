//! Who of the team is named to do the work, as typed. Must not know the team: it goes by how people address each other.

#[cfg(test)]
mod tests;

use super::text::folded;
use super::tokens::{Token, tokens};
use super::words::{NAMES, PEOPLE};

/// The assignee named in `shown`, leaving out names that are part of `address`.
pub(in crate::local) fn assignee(shown: &str, address: Option<&str>) -> Option<String> {
    let tokens = tokens(shown);
    let within = address.and_then(|address| shown.find(address).map(|from| from..from + address.len()));
    let best = (0..tokens.len())
        .filter(|at| within.as_ref().is_none_or(|span| !span.contains(&tokens[*at].start)))
        .filter_map(|at| Some((score(shown, &tokens, at)?, at)))
        .fold(
            None::<(f32, usize)>,
            |best, next| if best.is_some_and(|best| best.0 >= next.0) { best } else { Some(next) },
        );
    best.filter(|(score, _)| *score >= 1.0).map(|(_, at)| {
        let word = tokens[corrected(&tokens, at)].word;
        if word.starts_with('<') { word.to_owned() } else { word.trim_start_matches('@').to_owned() }
    })
}

/// "Tony no wait Liz" means Liz.
fn corrected(tokens: &[Token<'_>], at: usize) -> usize {
    let word = |ahead: usize| tokens.get(at + ahead).map(|t| folded(t.word)).unwrap_or_default();
    let taken_back = |ahead: usize| {
        matches!(word(ahead).as_str(), "no" | "wait" | "sorry" | "actually" | "mean" | "i" | "oops" | "nvm")
    };
    (2..=4)
        .take_while(|ahead| taken_back(ahead - 1))
        .find(|ahead| tokens.get(at + ahead).is_some_and(|t| NAMES.knows(t.word)))
        .map_or(at, |ahead| at + ahead)
}

fn score(shown: &str, tokens: &[Token<'_>], at: usize) -> Option<f32> {
    let token = &tokens[at];
    let before = at.checked_sub(1).map(|at| &tokens[at]);
    let previous = before.map(|t| folded(t.word)).unwrap_or_default();
    if token.word.starts_with("<@") && token.word.ends_with('>') {
        return Some(if matches!(previous.as_str(), "cc" | "fyi" | "from") { 1.5 } else { 4.5 });
    }
    if let Some(handle) = token.word.strip_prefix('@') {
        let team = matches!(
            handle,
            "here" | "channel" | "everyone" | "all" | "team" | "admin" | "admins" | "ops" | "marketing"
        );
        return (!team && handle.len() > 1 && handle.starts_with(char::is_alphabetic)).then_some(4.5);
    }
    let known = NAMES.knows(token.word);
    let capital =
        token.capital() && token.word.chars().skip(1).all(char::is_lowercase) && token.word.chars().count() > 1;
    if !known && (!capital || PEOPLE.outsiders.contains(&folded(token.word))) {
        return None;
    }
    if writes(tokens, at) {
        return None;
    }
    let aside = shown[..token.start].ends_with('(');
    let opens = !aside && before.is_none_or(|t| t.closed) || (at <= 2 && PEOPLE.greetings.contains(previous.as_str()));
    let called = before.is_some_and(|t| !t.closed);
    let next = tokens.get(at + 1).filter(|_| !token.closed);
    let following = next.map(|t| folded(t.word)).unwrap_or_default();
    let handed = handover(tokens, at);
    if handed && (known || capital) && !is_word(&folded(token.word)) {
        return Some(5.0);
    }
    let outsider = PEOPLE.outsiders.contains(previous.trim_end_matches('.')) && called
        || (previous == "love" || previous == "regards" || previous == "sincerely");
    let paired = called && matches!(previous.as_str(), "and" | "&" | "n");
    if outsider || paired || PEOPLE.possessions.contains(following.as_str()) {
        return known.then_some(if folded(token.word) == "arlyn" { 1.0 } else { 0.0 });
    }
    let does = PEOPLE.does.contains(following.as_str());
    let ends = at + 1 == tokens.len() || token.closed;
    if known {
        let calls = called && PEOPLE.calls.contains(previous.as_str());
        let addressed = opens && (token.closed || does || at == 0);
        let chinese = shown[..token.start].ends_with(['请', '让', '叫', '由']);
        let alone = opens && ends && at > 0;
        return Some(match () {
            () if chinese || calls => 4.0,
            () if addressed && (does || token.closed && at == 0) => 4.0,
            () if opens && does => 4.0,
            () if alone => 3.5,
            () if addressed => 3.0,
            () if does && token.capital() && !called => 3.0,
            () if does
                && matches!(
                    following.as_str(),
                    "pls" | "please" | "plz" | "s'en" | "owns" | "takes" | "handles" | "can" | "closed" | "sold"
                ) =>
            {
                2.5
            }
            () if folded(token.word) == "arlyn" => 1.0,
            () => 0.0,
        });
    }
    let hailed = at > 0 && matches!(previous.as_str(), "hi" | "hey" | "hello" | "yo" | "hola" | "bonjour" | "salut");
    if hailed && (does || ends) && !is_word(&folded(token.word)) {
        return Some(2.5);
    }
    let asked = opens
        && matches!(
            following.as_str(),
            "can" | "could" | "please" | "pls" | "plz" | "owns" | "takes" | "handles" | "s'en"
        )
        && !is_word(&folded(token.word));
    let said = called
        && matches!(previous.as_str(), "can" | "could" | "please" | "pls")
        && (next.is_some() || ends)
        && !is_word(&folded(token.word));
    (asked || said).then_some(2.5)
}

/// "Tyler here", "it's Tyler", "gord again": who writes asks, and is not asked.
fn writes(tokens: &[Token<'_>], at: usize) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(|t| folded(t.word)).unwrap_or_default();
    let (before, after) = (word(at.checked_sub(1)), word(Some(at + 1)));
    matches!(before.as_str(), "its" | "it's" | "im" | "i'm" | "c'est" | "soy") && at <= 4
        || matches!(after.as_str(), "here" | "again" | "calling" | "speaking") && at <= 4 && !tokens[at].closed
        || before == "is" && word(at.checked_sub(2)) == "this"
}

/// "give this one to Hamid", "assign Alex", "lead: Sarah", "open the file under Wei".
fn handover(tokens: &[Token<'_>], at: usize) -> bool {
    let word = |back: usize| at.checked_sub(back).map(|at| folded(tokens[at].word)).unwrap_or_default();
    match word(1).as_str() {
        "to" => (2..=5).any(|back| PEOPLE.handovers.contains(word(back).as_str())),
        "assign" | "assigned" | "assignee" | "under" | "lead" | "owner" | "attn" | "delegate" | "poc"
        | "responsible" => true,
        "is" => matches!(word(2).as_str(), "lead" | "owner" | "assignee" | "admin" | "person"),
        _ => false,
    }
}

/// Capitalised words that open sentences and are no names.
fn is_word(word: &str) -> bool {
    PEOPLE.not_names.contains(word)
}
