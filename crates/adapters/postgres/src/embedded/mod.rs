//! The embedded PostgreSQL: a real server process that `dispatch` starts, owns and stops, so that a laptop needs no setup.
//!
//! It must not know what is stored in it: no schema, no migrations, no pool. It hands out a database URL and nothing else.

mod account;
mod binaries;
mod cluster;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod keep;
mod lock;
mod options;
mod place;
mod postmaster;
mod server;
mod settings;
mod setup;

use std::path::Path;
use std::sync::Arc;

pub use self::error::EmbeddedError;
pub use self::options::{Durability, EmbeddedOptions, Location};
use self::{account::Account, binaries::Binaries, lock::OwnerLock, place::Place, postmaster::Postmaster};
use self::{server::Server, setup::Setup};

/// The name of the database, of its role, and of nothing else.
pub(crate) const NAME: &str = "dispatch";

/// The oldest major version that Dispatch runs on (`security_invoker` views).
pub const OLDEST_MAJOR: u32 = 15;

/// A running server. [`stop`](Self::stop) ends it cleanly; dropping asks it to end and does not wait.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    // Shared only with work that waits for processes and files, which outlasts a future that is dropped.
    server: Arc<Server>,
}

impl EmbeddedPostgres {
    /// Starts the server, making its data directory first where there is none.
    ///
    /// A server that a killed owner left behind is stopped cleanly and started anew as ours.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::AlreadyRunning`] when another live process owns it; otherwise what stood in the way and its cure.
    pub async fn start(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let (account, place, lock) = blocking({
            let root = options.root.clone();
            move || {
                let account = Account::for_the_server()?;
                let place = Place::choose(&root, &account)?;
                let lock = OwnerLock::take(place.base())?;
                Ok((account, place, lock))
            }
        })
        .await?;
        let setup = Setup::choose(&options, account, place).await?;
        let server = Server::start(setup, lock).await?;
        tracing::debug!(location = %server.setup().location, "embedded PostgreSQL is ready");
        Ok(Self { server })
    }

    /// Keeps the server up until this future is dropped: one that ended without [`stop`](Self::stop) is started again on the
    /// same data, under the same URL, with a growing pause where it ends again and again.
    pub async fn keep_running(&self) -> ! {
        keep::keep(&self.server).await
    }

    /// The URL of the database `dispatch`. No password stands in it: the socket's folder lets nobody else in.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.server.setup().url
    }

    /// Where the data is and why, which programs, which version.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.server.setup().location
    }

    /// The process id of the server; another one after each start.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends the server (open connections are closed, committed work is on disk) and waits for it.
    ///
    /// # Errors
    ///
    /// When it has not ended after half a minute.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        blocking(move || self.server.stop()).await
    }
}

/// The URL of the server below `root` that another process owns and runs now, for commands beside `dispatch dev`.
///
/// # Errors
///
/// When the folder cannot be looked at.
pub async fn running(root: &Path) -> Result<Option<String>, EmbeddedError> {
    let root = root.to_owned();
    blocking(move || {
        let account = Account::for_the_server()?;
        if !root.exists() {
            return Ok(None);
        }
        let place = Place::choose(&root, &account)?;
        OwnerLock::announced(place.base())
    })
    .await
}

/// The folder that a server below `root` keeps everything in.
#[cfg(feature = "testing")]
pub(crate) fn base(root: &Path) -> Result<std::path::PathBuf, EmbeddedError> {
    Ok(Place::choose(root, &Account::for_the_server()?)?.base().to_owned())
}

/// Ends what still runs below `root` and deletes its data. For throwaway clusters whose owner is gone.
///
/// # Errors
///
/// When what is there cannot be looked at, ended or deleted.
#[cfg(feature = "testing")]
pub async fn remove(root: &Path) -> Result<(), EmbeddedError> {
    let root = root.to_owned();
    blocking(move || {
        let base = base(&root)?;
        Postmaster::end_leftover(&base.join("data"))?;
        std::fs::remove_dir_all(&base).map_err(EmbeddedError::file("remove", &base))
    })
    .await
}

/// Runs what waits for processes and files outside the async executor.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddedError> + Send + 'static,
) -> Result<T, EmbeddedError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(EmbeddedError::Interrupted),
    }
}
