//! What follows a street: unit, city, province. Must not know streets.

use super::pattern;
use crate::local::text::{floor, folded};
use crate::local::tokens::tokens;
use crate::local::words::PLACES;
use regex::Regex;
use std::sync::LazyLock;

static UNIT_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:,?\s*\(?(?:units?|bay|suite|ste\.?|apt\.?|apartment|penthouse|ph|th|app\.?|bureau)\s?#?\s?(?:[a-z]{1,2}-?\d{1,4}|\d{1,5}[a-z]?(?:-\d{1,2}\b)?|[a-d]\b)\)?|,?\s*(?:ph|penthouse)\b|,?\s*#\s?\d{1,5}[a-z]?\b|,?\s+(?:main fl(?:(?:oo)?r)?|upper(?: unit| level)?|lower(?: unit| level)?|basement|bsmt|main level)\b|\s\d{3,4}[a-z]?\b)",
    )
});
static STATE_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^,?\s+(?:[A-Z][a-zé]+(?: [A-Z][a-z]+)?,?\s+)?(?:ON|Ont\.?|Ontario|QC|Québec|BC|AB|MB|NS|NB|TX|FL|NC|SC|NY|CA|AZ|GA|IL|MA|MI|NV|OH|PA|WA|VA|CO|TN)\b",
    )
});

/// Takes in a unit that adjoins at `end`.
pub(super) fn unit_after(shown: &str, end: usize) -> usize {
    let rest = &shown[end..];
    let Some(unit) = UNIT_AFTER.find(rest) else { return end };
    let after = rest[unit.end()..].trim_start();
    let bare = unit.as_str().trim_start().chars().all(|c| c.is_ascii_digit());
    let counts = after.split(|c: char| !c.is_alphanumeric()).next().is_some_and(|word| {
        PLACES.not_streets.contains(&word.to_lowercase())
            && matches!(
                word.to_lowercase().as_str(),
                "sf" | "sqft" | "sq" | "k" | "net" | "a" | "ft" | "copies" | "flyers" | "postcards" | "brochures"
            )
    });
    if bare && (counts || after.starts_with(['k', '/', '$', '%']) || continues(&rest[unit.end()..])) {
        return end;
    }
    end + unit.end()
}

/// Takes in a city, province or state that adjoins; without a comma only one from the list.
pub(super) fn city_after(shown: &str, end: usize, street: bool) -> usize {
    let rest = &shown[end..];
    if let Some(state) = STATE_AFTER.find(rest) {
        return end + state.end();
    }
    let comma = rest.starts_with(',');
    let words = tokens(&rest[..floor(rest, 40)]);
    let gap = words.first().map_or(0, |w| w.start);
    if gap > 2 || !street && !comma {
        return end;
    }
    for take in [3, 2, 1] {
        let Some(last) = words.get(take - 1) else { continue };
        if words[..take - 1].iter().any(|w| w.closed) {
            continue;
        }
        let name = folded(&rest[words[0].start..last.end]);
        let ambiguous = matches!(
            name.as_str(),
            "king" | "york" | "maple" | "weston" | "sutton" | "london" | "milton" | "erin" | "charlotte" | "austin"
        ) && !comma
            && !words[0].capital();
        if PLACES.cities.contains(&name) && !ambiguous {
            let city = end + last.end;
            let after = &shown[city..];
            return STATE_AFTER
                .find(after)
                .filter(|m| m.as_str().trim_matches([',', ' ']).len() <= 7)
                .map_or(city, |m| city + m.end());
        }
    }
    end
}

/// Whether the digits before `rest` go on: "1207.5", "3,400", "12-14".
fn continues(rest: &str) -> bool {
    let mut next = rest.chars();
    match next.next() {
        Some('k' | '/' | '-' | '%') => true,
        Some(',' | '.' | ':') => next.next().is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    }
}
