//! Why a signal is kept and not acted on. Stable: people and metrics read them.

/// An app wrote it.
pub const BOT_MESSAGE: &str = "bot_message";
/// We wrote it.
pub const OWN_MESSAGE: &str = "own_message";
/// A message was changed in something other than what it says: a link unfurled, a reply came.
pub const TEXT_UNCHANGED: &str = "text_unchanged";
/// A message of a subtype that no person writes (`channel_join`, …).
pub const SUBTYPE_UNSUPPORTED: &str = "subtype_unsupported";
/// An event other than a message.
pub const EVENT_UNSUPPORTED: &str = "event_unsupported";
/// A body that is neither an event nor a challenge.
pub const TYPE_UNSUPPORTED: &str = "type_unsupported";
/// A message with neither text nor files.
pub const EMPTY_MESSAGE: &str = "empty_message";
/// Slack withholds events of this workspace for a minute: somebody should know.
pub const APP_RATE_LIMITED: &str = "app_rate_limited";
/// Tokens of ours were revoked.
pub const TOKENS_REVOKED: &str = "tokens_revoked";
/// A workspace threw our app out.
pub const APP_UNINSTALLED: &str = "app_uninstalled";
/// Our bot was let into a channel, or our app into a workspace.
pub const APP_JOINED: &str = "app_joined";
/// An `event_callback` without its event.
pub const MISSING_EVENT: &str = "missing_event";
/// No workspace, so nobody could be answered.
pub const MISSING_TEAM: &str = "missing_team";
/// A message without its author or channel.
pub const MISSING_USER_OR_CHANNEL: &str = "missing_user_or_channel";
/// A message without a usable `ts`.
pub const MISSING_TS: &str = "missing_ts";
