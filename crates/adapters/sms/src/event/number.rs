//! Phone numbers in one spelling. Must not know whose they are.

/// `text` as E.164 (`+` and up to 15 digits), where it recognisably is that with punctuation; else as it is: short
/// codes, names, and addresses of other channels (`whatsapp:+1…`).
pub(crate) fn normalised(text: &str) -> String {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('+') else { return text.into() };
    let digits: String = rest.chars().filter(|character| !matches!(character, ' ' | '-' | '.' | '(' | ')')).collect();
    let sound = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if sound { format!("+{digits}") } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_number_is_spelt_one_way() {
        for (from, to) in [
            ("+15551234567", "+15551234567"),
            (" +1 (555) 123-4567 ", "+15551234567"),
            ("+49.30.1234567", "+49301234567"),
            ("72323", "72323"),
            ("5551234567", "5551234567"),
            ("whatsapp:+15551234567", "whatsapp:+15551234567"),
            ("ACME Inc", "ACME Inc"),
            ("+0123456789", "+0123456789"),
            ("+123456", "+123456"),
            ("+1234567890123456", "+1234567890123456"),
            ("+1555CALLNOW", "+1555CALLNOW"),
            ("+1٥٥٥1234567", "+1٥٥٥1234567"),
            ("", ""),
        ] {
            assert_eq!(normalised(from), to);
        }
    }
}
