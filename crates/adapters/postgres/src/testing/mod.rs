//! A database per test: a clone of a migrated template in a throwaway cluster, dropped with the value.
//!
//! It must not know any table. It panics where other code returns errors, for its callers are tests.

mod cluster;
mod inspect;
mod keeper;
mod plan;
mod template;

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::runtime::Builder;

pub use self::cluster::{TestCluster, URL_VARIABLE};
pub use self::plan::rows_read_of;
use crate::connect::{self, DatabaseUrl, Pool};

/// A database of one's own. Dropping it drops it.
#[derive(Debug)]
pub struct TestDatabase {
    admin: DatabaseUrl,
    url: DatabaseUrl,
    name: String,
}

impl TestDatabase {
    /// A database with every migration applied, as Dispatch makes them.
    pub async fn new() -> Self {
        let admin = cluster::admin_url().await;
        let template = template::ensure(&admin).await;
        Self::create(admin, &template).await
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        Self::create(cluster::admin_url().await, "template0").await
    }

    /// A database that somebody else has begun: nothing in it but what this SQL makes.
    pub async fn legacy(sql: &str) -> Self {
        let database = Self::empty().await;
        let mut connection = database.connect().await;
        connection.batch_execute(sql).await.unwrap_or_else(|error| panic!("the legacy SQL fails: {error}"));
        database
    }

    async fn create(admin: DatabaseUrl, template: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros());
        let name = format!("test_{}_{since}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut connection = connect::one(&admin).await.unwrap_or_else(|error| panic!("{error}"));
        diesel::sql_query(format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("no database from {template}: {error}"));
        let url = admin.on_database(&name).unwrap_or_else(|error| panic!("{error}"));
        Self { admin, url, name }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A pool of ten connections on it.
    #[must_use]
    pub fn pool(&self) -> Pool {
        self.pool_of(10)
    }

    /// A pool of this size on it.
    #[must_use]
    pub fn pool_of(&self, size: usize) -> Pool {
        connect::pool(&self.url, size).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A connection of its own on it.
    pub async fn connect(&self) -> AsyncPgConnection {
        connect::one(&self.url).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for TestDatabase {
    /// On a thread of its own, for the test's runtime is busy dropping this. Waits: the process may be about to end.
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let dropped = thread::spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                if let Ok(mut connection) = connect::one(&admin).await {
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _the_cluster_is_thrown_away_anyhow = diesel::sql_query(sql).execute(&mut connection).await;
                }
            });
        });
        let _same = dropped.join();
    }
}
