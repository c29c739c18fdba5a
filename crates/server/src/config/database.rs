//! `DATABASE_URL`.

use super::Role;
use super::reader::Reader;
use dispatch_postgres::connect::DatabaseUrl;

/// Where the data is.
#[derive(Clone, Debug)]
pub struct Database {
    /// `DATABASE_URL`. `dispatch dev` has a server of its own and does not look at it.
    pub url: Option<DatabaseUrl>,
}

impl Database {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        const NAME: &str = "DATABASE_URL";
        let Some(text) = reader.text(NAME) else {
            if matches!(role, Role::Serve | Role::Database) {
                let cure =
                    "Set it to postgresql://user:password@host:5432/database?sslmode=require, or use `dispatch dev`.";
                reader.problem(NAME, "is not set", cure);
            }
            return Self { url: None };
        };
        match text.parse::<DatabaseUrl>() {
            Ok(url) => Self { url: Some(url) },
            Err(error) => {
                // Its message names what is wrong and never quotes the URL.
                reader.problem(NAME, "cannot be used", format!("{error}."));
                Self { url: None }
            }
        }
    }
}
