//! A story as lines of text, for people. Must not be parsed by anybody.

use crate::http::timestamp::Timestamp;
use dispatch_pipeline::ports::stories::{Story, StoryEntry};
use serde_json::Value;
use std::fmt::Write;

/// One line of summary, then one line for each entry.
pub fn render(story: &Story) -> String {
    let mut text = format!("state: {}", story.state);
    for (name, ids) in [
        ("events", story.event_ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ("missions", story.mission_ids.iter().map(ToString::to_string).collect()),
    ] {
        if !ids.is_empty() {
            let _ = write!(text, "\n{name}: {}", ids.join(", "));
        }
    }
    text.push_str("\n\n");
    for entry in &story.entries {
        line(&mut text, entry);
    }
    text
}

fn line(text: &mut String, entry: &StoryEntry) {
    let _ = write!(text, "{}  {:<8} {}", Timestamp(entry.at), entry.step, entry.event);
    for (key, value) in &entry.detail {
        // Strings without their quotes, unless they hold white space; control characters would redraw a terminal.
        let shown = match value {
            Value::String(plain) if !plain.contains(|c: char| c.is_whitespace() || c.is_control()) => plain.clone(),
            other => other.to_string(),
        };
        let _ = write!(text, "  {key}={shown}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::story;

    #[test]
    fn one_line_for_each_step() {
        let lines = render(&story());
        let expected = "state: done\nevents: 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e\nmissions: m-1\n\n\
            2026-11-20T14:03:07.120Z  intake   signal.received\n\
            2026-11-20T14:03:09.200Z  reason   unit.classified  reason=\"two words\"\n";
        assert_eq!(lines, expected);
    }
}
