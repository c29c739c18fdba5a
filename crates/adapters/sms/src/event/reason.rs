//! Why a signal is kept and not acted on. Stable: people and metrics read them.

/// Somebody does not want to be written to. Twilio answers them.
pub const OPT_OUT: &str = "opt_out";
/// Somebody wants to be written to again. Twilio answers them.
pub const OPT_IN: &str = "opt_in";
/// Somebody asks for help with the number. Twilio answers them.
pub const HELP: &str = "help";
/// We wrote it.
pub const OWN_MESSAGE: &str = "own_message";
/// A message with neither text nor media.
pub const EMPTY_MESSAGE: &str = "empty_message";
/// A message without its sender or receiver, so nobody could be answered.
pub const MISSING_FROM_OR_TO: &str = "missing_from_or_to";
