//! The parts of the harness, and `System`, which holds them together.

pub mod event;
pub mod ledger;
pub mod server;
pub mod slack_peer;
pub mod system;
pub mod token;

pub use event::SlackMessage;
pub use server::Server;
pub use slack_peer::{Mood, SlackPeer};
pub use system::System;
