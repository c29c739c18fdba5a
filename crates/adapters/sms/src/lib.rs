#![doc = include_str!("../README.md")]

pub mod event;
pub mod verify;

mod account;
mod api;
mod courier;
mod failure;
mod params;
mod recording;
mod text;

pub use account::{Account, AccountError};
pub use api::DEFAULT_API_URL;
pub use courier::SmsCourier;
pub use recording::{RECORDED, RecordingSmsCourier};
pub use verify::{AuthTokens, TokenError};
