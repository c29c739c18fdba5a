//! The local mind: answers the questions that people really ask from what they say, exactly, with the same tools and events as a
//! model. What it does not understand it says, with examples. Must not know the store, nor how events travel.

mod intent;
mod missions;
mod people;
mod prose;
mod story;
#[cfg(test)]
mod tests;
mod tokens;
mod vocabulary;
mod when;
mod work;

use super::narration::Narration;
use super::toolbox::ToolError;
use crate::query::{Line, Role};
use intent::{Asked, Kind};
use when::When;

/// Name and version of the rules; raise it when an answer may change.
pub const MODEL: &str = "intents-1";
/// Its name among providers.
pub(crate) const PROVIDER: &str = "local";

/// Answers `question`; `history` is what was said before, the oldest first.
///
/// # Errors
/// Only when the records cannot be read at the moment: what cannot be found or may not be seen is an answer.
pub(crate) async fn answer(narration: &Narration<'_>, question: &str, history: &[Line]) -> Result<String, ToolError> {
    let asked = understood(question, history, narration);
    match answer_to(narration, &asked).await {
        Err(error) if !error.is_unavailable() => Ok(prose::refusal(&error)),
        other => other,
    }
}

async fn answer_to(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    match asked.kind {
        Kind::Help => Ok(prose::help()),
        Kind::Thanks => Ok("You are welcome.".to_owned()),
        Kind::Order => Ok(prose::read_only()),
        Kind::Unknown => Ok(prose::not_understood()),
        Kind::Story => story::happened(narration, asked).await,
        Kind::Why => story::why(narration, asked).await,
        Kind::Held => work::held(narration, asked).await,
        Kind::Waiting => work::waiting(narration, asked).await,
        Kind::Deliveries(posted) => work::deliveries(narration, asked, posted).await,
        Kind::Messages => work::messages(narration, asked).await,
        Kind::Listings(stage) => work::listings(narration, asked, stage).await,
        Kind::Person => people::who(narration, asked).await,
        Kind::Missions(set) => missions::answer(narration, asked, set).await,
        Kind::Place => missions::place(narration, asked).await,
        Kind::Deeds => missions::deeds(narration, asked).await,
    }
}

/// What is asked, together with what was asked before: "and yesterday?", "what about Priya?", "why was it held?".
fn understood(question: &str, history: &[Line], narration: &Narration<'_>) -> Asked {
    let today = narration.wall.today();
    let mut asked = intent::read(question, today);
    if matches!(asked.kind, Kind::Story | Kind::Why) && asked.ids.is_empty() {
        asked.ids.extend(history.iter().rev().find_map(|line| tokens::read(&line.content, today).ids.pop()));
        return asked;
    }
    if asked.explicit && !asked.follows {
        return asked;
    }
    let before = history.iter().rev().filter(|line| line.role == Role::User);
    let Some(before) = before.map(|line| intent::read(&line.content, today)).find(|before| before.explicit) else {
        return asked;
    };
    asked.follow(before, question, today)
}

/// A span of local days as a tool takes it.
fn span(narration: &Narration<'_>, when: &When) -> super::toolbox::args::SpanArgs {
    let wall = narration.wall;
    let after = |day: time::Date| wall.midnight(day.next_day().unwrap_or(day));
    super::toolbox::args::SpanArgs {
        from: when.from.map(|day| super::wall::instant(wall.midnight(day))),
        to: when.to.map(|day| super::wall::instant(after(day))),
    }
}
