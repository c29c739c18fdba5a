//! The migrated template that test databases are cloned from: made once per state of the migrations, by whoever is first.
//!
//! It must not know who asks, nor where the cluster is.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::connect::{self, DatabaseUrl};
use crate::migrate::{self, FINGERPRINT, Which};

/// The advisory lock of whoever makes the template ("template" in ASCII).
const LOCK: i64 = 0x7465_6d70_6c61_7465;

/// The template's name, once it is complete.
pub(super) async fn ensure(admin: &DatabaseUrl) -> String {
    let name = format!("template_{FINGERPRINT}");
    let mut connection = connect::one(admin).await.unwrap_or_else(|error| panic!("{error}"));
    if exists(&mut connection, &name).await {
        return name;
    }
    run(&mut connection, &format!("SELECT pg_advisory_lock({LOCK})")).await;
    if !exists(&mut connection, &name).await {
        // Renamed when it is complete, so that a maker that is killed leaves nothing that looks like a template.
        let draft = format!("{name}_draft");
        run(&mut connection, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        run(&mut connection, &format!("CREATE DATABASE {draft} TEMPLATE template0")).await;
        let url = admin.on_database(&draft).unwrap_or_else(|error| panic!("{error}"));
        migrate::run(&url, Which::All).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        leave(&mut connection, &draft).await;
        run(&mut connection, &format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    }
    run(&mut connection, &format!("SELECT pg_advisory_unlock({LOCK})")).await;
    name
}

/// A template must have no sessions; the migration's own may not have gone yet.
async fn leave(connection: &mut AsyncPgConnection, database: &str) {
    run(connection, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"))
        .await;
}

async fn exists(connection: &mut AsyncPgConnection, name: &str) -> bool {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let sql = format!("SELECT count(*) AS count FROM pg_database WHERE datname = '{name}'");
    let found: Count =
        diesel::sql_query(sql).get_result(connection).await.unwrap_or_else(|error| panic!("no template: {error}"));
    found.count == 1
}

async fn run(connection: &mut AsyncPgConnection, sql: &str) {
    diesel::sql_query(sql).execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
