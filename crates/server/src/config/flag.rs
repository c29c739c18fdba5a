//! `API_VERSION`, `LEGACY_SUNSET`: what the flag begins with where nobody has set it, and how long the old contract is there;
//! `EDGE_CONFIG`, `VERCEL_…`: the flag in an Edge Config. Must not open a connection.

use super::reader::Reader;
use dispatch_pipeline::ports::flag::ApiVersion;
use dispatch_vercel::Connection;
use secrecy::SecretString;
use time::format_description::well_known::Iso8601;
use time::macros::datetime;
use time::{Date, OffsetDateTime};
use url::Url;

/// What legacy paths begin with, and where the flag is kept.
#[derive(Clone, Debug)]
pub struct Flag {
    /// `API_VERSION`; a database that began as Operations Center begins with `operations` whatever it says.
    pub seed: Option<ApiVersion>,
    /// `LEGACY_SUNSET`: the day from which the old contract may be gone.
    pub sunset: OffsetDateTime,
    /// `EDGE_CONFIG` with `VERCEL_EDGE_CONFIG_ID`: the flag is kept there, and in PostgreSQL where it is not set.
    pub edge_config: Option<Connection>,
    /// `VERCEL_TOKEN`: what it is set with there.
    pub vercel_token: Option<SecretString>,
    /// `VERCEL_API_URL`.
    pub vercel_api_url: Option<Url>,
}

/// The old contract is deprecated since the new one is there.
pub const DEPRECATED: OffsetDateTime = datetime!(2026-11-28 00:00 UTC);

impl Flag {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            seed: seed(reader),
            sunset: sunset(reader),
            edge_config: edge_config(reader),
            vercel_token: reader.secret("VERCEL_TOKEN"),
            vercel_api_url: reader.http_url("VERCEL_API_URL", "Leave it out for https://api.vercel.com."),
        }
    }
}

fn seed(reader: &mut Reader<'_>) -> Option<ApiVersion> {
    const NAME: &str = "API_VERSION";
    let text = reader.text(NAME)?;
    let version = ApiVersion::parse(&text);
    if version.is_none() {
        reader.problem(NAME, format!("is {text:?}"), "Set it to dispatch or operations.");
    }
    version
}

fn edge_config(reader: &mut Reader<'_>) -> Option<Connection> {
    const NAME: &str = "EDGE_CONFIG";
    let (text, id) = (reader.text(NAME)?, reader.text("VERCEL_EDGE_CONFIG_ID"));
    let read = Connection::parse(&text, id.as_deref());
    read.inspect_err(|wrong| {
        let cure = "Copy the connection string from the Edge Config's page, with its token.";
        reader.problem(NAME, format!("is no connection string: {wrong}"), cure);
    })
    .ok()
}

fn sunset(reader: &mut Reader<'_>) -> OffsetDateTime {
    const NAME: &str = "LEGACY_SUNSET";
    let default = datetime!(2027-12-31 00:00 UTC);
    let Some(text) = reader.text(NAME) else { return default };
    let day = Date::parse(&text, &Iso8601::DATE).ok().map(|day| day.midnight().assume_utc());
    day.filter(|day| *day > DEPRECATED).unwrap_or_else(|| {
        reader.problem(NAME, format!("is {text:?}"), "Set it to a day after 2026-11-28, such as 2027-12-31.");
        default
    })
}
