#![doc = include_str!("../README.md")]

mod bearer;
mod claims;
mod jwk;
mod jwks;
mod jwt;
mod key;
mod keyring;
mod people;
mod remembered;

pub use bearer::{BearerOptions, BearerTokens};
pub use claims::Rules;
pub use jwk::KeySet;
pub use jwks::{FetchError, HttpKeys, Jwks, KeySource};
pub use key::{MintError, MintedKey, is_key, mint, prefix_of};
pub use keyring::Keyring;
pub use people::RememberedPeople;
