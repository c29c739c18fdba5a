//! What the server is launched with, the first time and every further time: by whom, from which programs, on which data,
//! with which settings.
//!
//! It must not launch it.

use super::{Account, Binaries, Durability, EmbeddedError, EmbeddedOptions, Location, Place, Postmaster};
use super::{binaries, blocking, cluster, settings};

/// Decided once, so that a server started again is the same server.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) account: Account,
    pub(super) place: Place,
    pub(super) binaries: Binaries,
    pub(super) arguments: Vec<String>,
    pub(super) url: String,
    pub(super) location: Location,
    durability: Durability,
}

impl Setup {
    pub(super) async fn choose(
        options: &EmbeddedOptions,
        account: Account,
        place: Place,
    ) -> Result<Self, EmbeddedError> {
        let binaries = programs(options, &place, &account).await?;
        let port = options.settings.iter().rev().find(|(key, _)| key == "port").map(|(_, port)| port.as_str());
        Ok(Self {
            arguments: settings::arguments(&place, options),
            url: place.url(port),
            location: place.location(&binaries),
            durability: options.durability,
            account,
            place,
            binaries,
        })
    }

    /// Clears away what a server that was killed, or whose owner was, has left.
    pub(super) fn clear(&self) -> Result<(), EmbeddedError> {
        Postmaster::end_leftover(&self.place.data())?;
        self.place.prepare(&self.account)
    }

    /// For the first launch only: data that has gone since then is not replaced by an empty database.
    pub(super) fn ensure_data(&self) -> Result<(), EmbeddedError> {
        cluster::ensure(&self.place, &self.binaries, &self.account, self.durability)
    }
}

/// The programs to run: those asked for, those installed, or those fetched.
async fn programs(options: &EmbeddedOptions, place: &Place, account: &Account) -> Result<Binaries, EmbeddedError> {
    let wanted = cluster::major_of(&place.data());
    let (asked, fetched) = (options.binaries.clone(), place.programs());
    let found = blocking({
        let account = account.clone();
        move || binaries::find(asked.as_deref(), &fetched, wanted, &account)
    })
    .await;
    match found {
        #[cfg(feature = "fetch")]
        Err(EmbeddedError::NotInstalled { .. }) => {
            super::fetch::fetch(options.archive_url.as_deref(), wanted, &place.programs(), account).await
        }
        other => other,
    }
}
