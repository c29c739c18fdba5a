#![doc = include_str!("../README.md")]

pub mod event;
pub mod verify;

mod account;
mod courier;
mod params;
mod recording;

pub use account::{Account, AccountError};
pub use courier::{DEFAULT_API_URL, SmsCourier};
pub use recording::{RECORDED, RecordingSmsCourier};
pub use verify::{AuthTokens, TokenError};
