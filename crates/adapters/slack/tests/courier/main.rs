//! The Slack courier against a Slack over HTTP: one test binary.

mod answers;
mod contract;
mod installation;
mod peer;
