#![doc = include_str!("../README.md")]

mod address;
mod allow;
mod client;
mod credentials;
mod error;
mod failure;
mod resolve;
mod response;

pub use address::is_public;
pub use client::{Outbound, OutboundOptions};
pub use credentials::Credentials;
pub use error::{Forbidden, SendError, SetupError};
pub use failure::{Class, Failure};
pub use response::{Arriving, Response, retry_after};

pub use url::Url;

/// `host:port` of a URL: the narrowest entry of an allow-list that lets it through.
#[must_use]
pub fn authority(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}
