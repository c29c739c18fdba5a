//! `DATABASE_URL`, `DATABASE_CONNECTIONS`.

use super::Role;
use super::reader::Reader;
use dispatch_postgres::connect::DatabaseUrl;

/// Enough for intake and one worker, few enough for several replicas on a small server.
const DEFAULT_CONNECTIONS: usize = 16;

/// Where the data is.
#[derive(Clone, Debug)]
pub struct Database {
    /// `DATABASE_URL`. `dispatch dev` has a server of its own and does not look at it.
    pub url: Option<DatabaseUrl>,
    /// `DATABASE_CONNECTIONS`: most connections that this process keeps open. Of `serve`'s, up to four are
    /// for intake alone and one for health; a worker listens on one more.
    pub connections: usize,
}

impl Database {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        let connections = reader.parsed(
            "DATABASE_CONNECTIONS",
            DEFAULT_CONNECTIONS,
            |count| (4..=500).contains(count),
            "a whole number from 4 to 500",
        );
        Self { url: url(reader, role), connections }
    }
}

fn url(reader: &mut Reader<'_>, role: Role) -> Option<DatabaseUrl> {
    const NAME: &str = "DATABASE_URL";
    let Some(text) = reader.text(NAME) else {
        if matches!(role, Role::Serve | Role::Database) {
            let cure =
                "Set it to postgresql://user:password@host:5432/database?sslmode=require, or use `dispatch dev`.";
            reader.problem(NAME, "is not set", cure);
        }
        return None;
    };
    match text.parse::<DatabaseUrl>() {
        Ok(url) => Some(url),
        Err(error) => {
            // Its message names what is wrong and never quotes the URL.
            reader.problem(NAME, "cannot be used", format!("{error}."));
            None
        }
    }
}
