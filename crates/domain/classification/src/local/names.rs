//! Whether a message goes by somebody's or something's name: "the Patels", "Iyer's deposit", "Mr. Haq", "the Nolan semi".
//! Must not know who they are.

use super::text::folded;
use super::tokens::tokens;
use super::words::{NAMES, PLACES};
use regex::Regex;
use std::sync::LazyLock;

static TITLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:mr|mrs|ms|dr|mme|miss)\.?\s[a-z]{2,}|\b(?:clients?|buyers?|sellers?|tenants?|landlord|vendors?|purchasers?|investor)\s\(?(?:named?\s)?[A-Z][a-z]+")
        .expect("a valid pattern")
});

/// Words that are capitalised for other reasons.
const COMMON: [&str; 44] = [
    "mls",
    "trreb",
    "orea",
    "ontario",
    "slack",
    "google",
    "facebook",
    "instagram",
    "i",
    "i'm",
    "i'll",
    "aps",
    "otl",
    "ok",
    "fyi",
    "asap",
    "eod",
    "eow",
    "fintrac",
    "reco",
    "hst",
    "td",
    "rbc",
    "bmo",
    "pdf",
    "french",
    "english",
    "zoom",
    "loi",
    "tmi",
    "nnn",
    "docusign",
    "kijiji",
    "realtor",
    "christmas",
    "thanksgiving",
    "easter",
    "stratus",
    "matterport",
    "broker",
    "bay",
    "form",
    "leafs",
    "jays",
];

/// Whether `shown` names a client, a family or a place other than the `assignee`.
pub(super) fn named(shown: &str, assignee: Option<&str>) -> bool {
    if TITLED.is_match(shown) {
        return true;
    }
    let tokens = tokens(shown);
    tokens.iter().enumerate().any(|(at, token)| {
        let bare = token.word.trim_end_matches("'s").trim_end_matches("’s").trim_end_matches("s'");
        let lower = folded(bare);
        let inside = at > 0 && !tokens[at - 1].closed;
        let shouted = bare.chars().count() > 1 && bare.chars().all(|c| c.is_uppercase() || !c.is_alphabetic());
        let possessed = bare.len() < token.word.len() && token.capital();
        token.capital()
            && (inside || possessed || NAMES.knows(bare) && at > 0)
            && !shouted
            && assignee != Some(token.word)
            && !COMMON.contains(&lower.as_str())
            && !PLACES.not_streets.contains(&lower)
            && !PLACES.suffixes.contains(&lower)
            && bare.chars().count() > 2
    })
}
