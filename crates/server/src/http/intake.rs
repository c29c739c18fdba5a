//! `POST /intake/*`: messages come in. Must not know what they mean.

mod body;
pub mod slack;

pub use body::{BodyLimit, IntakeStatusDto, JsonBytes, LIMIT_BYTES, SlackAnswerDto};
