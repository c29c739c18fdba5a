//! Whether our app is still wanted in a workspace. Must not know what is sent there.
//!
//! Rules: <https://docs.slack.dev/reference/events/tokens_revoked> and `…/app_uninstalled`: they come in any order.

use super::callback::is_our_bot_user;
use super::fields::Object;
use super::{Found, reason};
use dispatch_mission::signal::{Consent, Disposition, Recipient};
use serde_json::{Map, Value};

/// What `event` says about our app, if it does.
pub(super) fn read(body: &Map<String, Value>, event: &Map<String, Value>, found: Found) -> Found {
    let workspace = found.workspace.clone();
    match event.text("type") {
        // Tokens of people are revoked too, one by one; only the bot's is what we write with.
        Some("tokens_revoked") => {
            let of_bot = event.object("tokens").is_some_and(|tokens| !tokens.array("bot").is_empty());
            told(found, reason::TOKENS_REVOKED, of_bot.then_some(workspace.as_str()), false)
        }
        Some("app_uninstalled") => told(found, reason::APP_UNINSTALLED, Some(&workspace), false),
        // Only an app that was installed anew is let in again.
        Some("member_joined_channel") if event.id("user").is_some_and(|user| is_our_bot_user(body, user)) => {
            told(found, reason::APP_JOINED, Some(&workspace), true)
        }
        Some("team_access_granted") => {
            let granted = event.array("team_ids").iter().find_map(Value::as_str).unwrap_or_default();
            told(found, reason::APP_JOINED, Some(granted), true)
        }
        _ => found,
    }
}

fn told(mut found: Found, reason: &'static str, workspace: Option<&str>, given: bool) -> Found {
    found.disposition = Disposition::Ignore(reason);
    found.consent = workspace.filter(|workspace| !workspace.is_empty()).map(|workspace| Consent {
        recipient: Recipient::slack_workspace(workspace),
        given,
        reason,
    });
    found
}
