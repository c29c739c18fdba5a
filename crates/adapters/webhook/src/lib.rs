#![doc = include_str!("../README.md")]

mod answer;
mod courier;
mod envelope;
mod signer;
mod status;

pub use courier::{Receiver, WebhookCourier};
pub use signer::{SecretError, Signer};
