//! Whether something a model claims to have copied stands in the text. Must not know what it is.

/// Whether the words of `claim` stand in one of `texts` one after the other, whatever is between them: in a link, words
/// are joined by dashes or written as escapes.
pub fn occurs(claim: &str, texts: &[&str]) -> bool {
    let claim = words(claim);
    !claim.is_empty()
        && texts.iter().any(|text| {
            let spaced = text.replace("%20", " ").replace("%2C", ",");
            words(&spaced).windows(claim.len()).any(|window| window == claim)
        })
}

/// Runs of ASCII letters and digits; any other letter is a word of its own, for some scripts put no space between.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        let joins = c.is_ascii_alphanumeric();
        match words.last_mut().filter(|_| open && joins) {
            Some(word) => word.push(c),
            None if c.is_alphanumeric() => words.push(c.to_string()),
            None => {}
        }
        open = joins;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_found_and_what_is_made_up_is_not() {
        for (claim, text, found) in [
            ("12 Elm St", "firm on 12 Elm St., closing Dec 3", true),
            ("12 elm st", "12 ELM ST", true),
            ("12 Elm St", "see https://x.example/listings/12-elm-st?utm=1", true),
            ("12 Elm St", "<https://maps.example/?q=12%20Elm%20St|map>", true),
            ("unit 7 @ 2500 Don Mills", "unit 7 @ 2500 Don Mills never rented", true),
            ("2203-8 Water Walk Dr", "出租新房源:2203-8 Water Walk Dr,月租", true),
            ("44 Birch Ave", "新房源44 Birch Ave要出售", true),
            ("Orléans", "2255 boul. St-Joseph, ORLÉANS", true),
            ("<@U1>", "<@U1> pls order", true),
            ("12 Elm St", "112 Elm St", false),
            ("12 Elm Street", "12 Elm St", false),
            ("12 Elm St, Toronto", "12 Elm St", false),
            ("Sam", "please order the same", false),
            ("—", "a — b", false),
        ] {
            assert_eq!(occurs(claim, &[text]), found, "{claim} in {text}");
        }
        assert!(!occurs("12 Elm", &["12", "Elm"]), "two messages are two texts");
    }
}
