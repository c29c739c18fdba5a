//! The parts of the harness, and `System`, which holds them together.

pub mod click;
pub mod event;
pub mod issuer;
pub mod ledger;
pub mod mock_llm;
pub mod peers;
pub mod program_peer;
pub mod server;
pub mod slack_peer;
pub mod sms_message;
pub mod system;
pub mod token;
pub mod twilio_peer;

pub use click::Click;
pub use event::SlackMessage;
pub use mock_llm::MockLlm;
pub use peers::Peers;
pub use program_peer::{ProgramMood, ProgramPeer};
pub use server::Server;
pub use slack_peer::{Mood, Posted, SlackPeer, Whispered};
pub use sms_message::SmsMessage;
pub use system::System;
pub use twilio_peer::{TwilioMood, TwilioPeer};
