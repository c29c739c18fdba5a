//! DNS that knows public addresses only. The connection uses what it answers, so nothing can change in between.

use crate::address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use thiserror::Error;

/// A name has addresses, but none of them is public.
#[derive(Debug, Error)]
#[error("the host has no public address")]
pub(crate) struct NoPublicAddress;

/// The system's resolver, less all that is not public.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(public(found)?.into_iter()) as Addrs)
        })
    }
}

fn public(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, NoPublicAddress> {
    let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
    if public.is_empty() { Err(NoPublicAddress) } else { Ok(public) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_left() {
        let [inside, outside] = ["169.254.169.254:0", "1.1.1.1:0"].map(|text| text.parse().expect("an address"));
        assert_eq!(public([inside, outside].into_iter()).expect("one is left"), [outside]);
        assert!(public([inside].into_iter()).is_err());
        assert!(public(std::iter::empty()).is_err());
    }
}
