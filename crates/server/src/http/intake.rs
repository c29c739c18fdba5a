//! `POST /intake/*`: messages come in. Must not know what they mean.

mod body;
pub mod slack;
pub mod slack_interactions;
pub mod sms;
pub mod sms_contract;
pub mod sms_door;
pub mod sms_status;

pub use body::{FormBytes, FormOrJsonBytes, IntakeStatusDto, JsonBytes, LIMIT_BYTES, SlackAnswerDto};
