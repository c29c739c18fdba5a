//! Colours and headings, off when nobody looks: a log file gets plain text. Must not know what is being said.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

/// Whether colours are wanted; decided once. `CARGO_TERM_COLOR` wins over `NO_COLOR`, which wins over the terminal.
pub fn colour() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        wanted(std::env::var("CARGO_TERM_COLOR").ok().as_deref(), std::env::var_os("NO_COLOR").is_some(), terminal)
    })
}

fn wanted(cargo_term_color: Option<&str>, no_color: bool, terminal: bool) -> bool {
    match cargo_term_color {
        Some("always") => true,
        Some("never") => false,
        _ => terminal && !no_color,
    }
}

fn paint(code: &str, text: &str) -> String {
    if colour() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

pub fn red(text: &str) -> String {
    paint("1;31", text)
}

pub fn green(text: &str) -> String {
    paint("32", text)
}

pub fn yellow(text: &str) -> String {
    paint("33", text)
}

pub fn bold(text: &str) -> String {
    paint("1", text)
}

pub fn dim(text: &str) -> String {
    paint("2", text)
}

/// A line that the eye finds again in a long log.
pub fn heading(text: &str) {
    println!("\n{}", bold(&format!("==> {text}")));
}

/// `0.4 s`, `12.0 s`, `3 min 05 s`.
pub fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f32())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// The text without colour codes, for matching lines of tools that were asked for colours.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_most_explicit_wish() {
        assert!(wanted(Some("always"), true, false));
        assert!(!wanted(Some("never"), false, true));
        assert!(!wanted(None, true, true));
        assert!(!wanted(Some("auto"), false, false));
        assert!(wanted(None, false, true));
    }

    #[test]
    fn times_read_well() {
        assert_eq!(time(Duration::from_millis(430)), "0.4 s");
        assert_eq!(time(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn plain_drops_colour_codes() {
        assert_eq!(plain("\x1b[32;1m     Summary\x1b[0m [ 0.1s]"), "     Summary [ 0.1s]");
    }
}
