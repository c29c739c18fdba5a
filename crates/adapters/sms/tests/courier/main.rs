//! The SMS courier against a Twilio over HTTP: one test binary.

mod answers;
mod contract;
mod peer;
