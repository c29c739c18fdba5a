//! Times on the command line: `0s`, `50ms`, `30m`, `1h30m`. It must not know what they are for.

use std::time::Duration;

/// Reads one; a bare number is seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number: u32 = rest[..digits].parse().map_err(|_| explained(text))?;
        let unit = rest[digits..].find(|letter: char| letter.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let unit_is = match rest[digits..unit].trim() {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" | "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "d" => Duration::from_secs(86_400),
            _ => return Err(explained(text)),
        };
        total = unit_is.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(|| explained(text))?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(explained(text)) } else { Ok(total) }
}

/// The same for the lock budget: more than a second and clients could be killed as deadlock victims.
pub fn budget(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        budget if budget < Duration::from_millis(5) => Err("less than 5ms can hardly succeed".to_owned()),
        budget if budget > Duration::from_millis(500) => Err("clients would wait too long: 500ms at most".to_owned()),
        budget => Ok(budget),
    }
}

fn explained(text: &str) -> String {
    format!("{text:?} is no time: say 50ms, 5s, 30m or 1h30m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, millis) in
            [("0s", 0), ("50ms", 50), ("5", 5_000), ("30m", 1_800_000), ("1h30m", 5_400_000), ("2d", 172_800_000)]
        {
            assert_eq!(parse(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "x", "5 parsecs", "-1s", "s", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(budget("1s").is_err() && budget("1ms").is_err() && budget("50ms").is_ok());
    }
}
