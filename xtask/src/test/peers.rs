//! Programs of others that tests ask: the vendors' own SDKs, and a mock of language models' providers. Must not know what is
//! asked.

mod environment;
mod node;
mod python;

use std::path::{Path, PathBuf};

use anyhow::Result;

/// The crate whose tests ask them.
pub const WANTED_BY: &str = "dispatch-tests";

/// One of them.
struct Peer {
    /// Where tests look for it; set by us for the run, or by a person who has one of their own.
    variable: &'static str,
    folder: &'static str,
    ready: fn(&Path) -> Result<(PathBuf, bool)>,
}

const PEERS: [Peer; 2] = [
    Peer { variable: "DISPATCH_TEST_PEERS", folder: "target/peers", ready: python::ready },
    Peer { variable: "DISPATCH_TEST_AIMOCK", folder: "target/peers-node", ready: node::ready },
];

/// Whether a run has to see to any of them.
pub fn wanted() -> bool {
    PEERS.iter().any(|peer| std::env::var_os(peer.variable).is_none())
}

/// Finds them or makes them: what tests must be told, and what was done.
pub fn ready(root: &Path) -> Result<(Vec<(&'static str, PathBuf)>, String)> {
    let (mut found, mut done) = (Vec::new(), Vec::new());
    for peer in PEERS.iter().filter(|peer| std::env::var_os(peer.variable).is_none()) {
        let (path, made) = (peer.ready)(root)?;
        found.push((peer.variable, path));
        done.push(if made { format!("made {}", peer.folder) } else { format!("{} is up to date", peer.folder) });
    }
    Ok((found, done.join(", ")))
}
