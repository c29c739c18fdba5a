//! What we call a good signature is what the vendors' own SDKs call one, and the other way round.

mod slack;
mod twilio;
mod unprefixed;

/// Texts that have gone wrong somewhere before.
const HARD_TEXTS: &[&str] = &[
    "",
    " ",
    "+",
    "a+b c&d=e%20f",
    "100%",
    "Please order the lockbox for 12 Elm St",
    "שלום 🏡 وداعا",
    "👩‍👩‍👧‍👦",
    "e\u{301}\u{fb01}\u{ffff}\u{10ffff}",
    "line\r\nline\ttab\"quote\\",
    "\u{202e}right to left",
];

/// One of `choices`.
fn one_of<'a>(random: &mut fastrand::Rng, choices: &[&'a str]) -> &'a str {
    random.choice(choices).copied().unwrap_or_default()
}
