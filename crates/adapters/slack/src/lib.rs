#![doc = include_str!("../README.md")]

pub mod event;
pub mod interaction;
pub mod verify;

mod api;
mod blocks;
mod courier;
mod failure;
mod installation;
mod recording;
mod text;
mod tokens;

pub use api::DEFAULT_API_URL;
pub use courier::SlackCourier;
pub use installation::{Installation, Unconfirmed};
pub use recording::{RECORDED, RecordingCourier};
pub use tokens::{BotTokens, TokenError};
