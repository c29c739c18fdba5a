//! `DATABASE_URL`.

use super::Role;
use super::reader::Reader;
use secrecy::SecretString;

/// Where the data is.
#[derive(Clone, Debug)]
pub struct Database {
    /// `DATABASE_URL`; it may hold a password. None in `dev` means the embedded server.
    pub url: Option<SecretString>,
}

impl Database {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        const NAME: &str = "DATABASE_URL";
        let url = reader.secret(NAME);
        if url.is_none() && matches!(role, Role::Serve | Role::Database) {
            reader.problem(
                NAME,
                "is not set",
                "Set it to postgresql://user:password@host:5432/database?sslmode=require, or use `dispatch dev`.",
            );
        }
        Self { url }
    }
}
