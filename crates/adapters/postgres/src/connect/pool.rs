//! The connection pool: bounded, and quick to say that the database is down.
//!
//! It must not know what the connections are used for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, PoolError, RecycleError, RecycleResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::timeout;

use super::{ConnectError, DatabaseUrl, Session, open};

/// A connection that idled longer than this is asked whether it still lives before it is handed out.
const TRUSTED: Duration = Duration::from_millis(500);

/// How long that answer may take.
const PING_LIMIT: Duration = Duration::from_millis(500);

/// What a pool is like.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// The most connections there may be.
    pub size: usize,
    /// What `pg_stat_activity` shows.
    pub application_name: String,
    /// The longest a statement may take.
    pub statement_timeout: Duration,
    /// How long [`Pool::get`] waits. Two seconds is what intake can spend on finding out that the database is down.
    pub acquire: Duration,
}

impl PoolOptions {
    /// A pool of this size with the limits that the server needs.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            size,
            application_name: "dispatch".to_owned(),
            statement_timeout: Duration::from_secs(30),
            acquire: Duration::from_secs(2),
        }
    }
}

/// A connection on loan; it goes back when dropped. Diesel takes `&mut` of it.
pub type PooledConnection = Object<Connector>;

/// A pool of connections. Cloning shares it.
#[derive(Clone)]
pub struct Pool {
    inner: deadpool::managed::Pool<Connector>,
    url: Arc<DatabaseUrl>,
    acquire: Duration,
}

/// A pool of this size with the limits that the server needs. Connects on first use.
///
/// # Errors
///
/// When the certificates that the URL names cannot be read.
pub fn pool(url: &DatabaseUrl, size: usize) -> Result<Pool, ConnectError> {
    pool_with(url, PoolOptions::new(size))
}

/// A pool with limits of one's own. Connects on first use.
///
/// # Errors
///
/// When the certificates that the URL names cannot be read.
pub fn pool_with(url: &DatabaseUrl, options: PoolOptions) -> Result<Pool, ConnectError> {
    url.tls()?;
    let session = Session {
        application_name: options.application_name,
        statement_timeout: options.statement_timeout,
        lock_timeout: Duration::ZERO,
    };
    let url = Arc::new(url.clone());
    let connector = Connector { url: Arc::clone(&url), session };
    let inner = deadpool::managed::Pool::builder(connector)
        .max_size(options.size.max(1))
        .build()
        .map_err(|error| ConnectError::unreadable(error.to_string()))?;
    Ok(Pool { inner, url, acquire: options.acquire })
}

impl Pool {
    /// A connection that works, within the pool's time limit.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Busy`] when all are in use; otherwise why no new one can be had.
    pub async fn get(&self) -> Result<PooledConnection, ConnectError> {
        self.get_within(self.acquire).await
    }

    /// The same with a time limit of one's own, for workers that can wait.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn get_within(&self, limit: Duration) -> Result<PooledConnection, ConnectError> {
        match timeout(limit, self.inner.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(_)) => Err(ConnectError::Closed),
            Err(_) => {
                let status = self.inner.status();
                if status.size >= status.max_size && status.available == 0 {
                    Err(ConnectError::Busy { size: status.max_size, waited: limit })
                } else {
                    Err(ConnectError::TimedOut { target: self.url.target(), limit })
                }
            }
        }
    }

    /// Where it connects to.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// How many connections are in use, and how many there may be.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let status = self.inner.status();
        (status.size.saturating_sub(status.available), status.max_size)
    }

    /// Ends the pool: idle connections are closed, those on loan when they come back.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({}, {:?})", self.url, self.usage())
    }
}

/// Makes connections for the pool and looks after those that come back.
#[derive(Debug)]
pub struct Connector {
    url: Arc<DatabaseUrl>,
    session: Session,
}

impl Manager for Connector {
    type Type = AsyncPgConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<Self::Type, Self::Error> {
        open(&self.url, &self.session).await
    }

    async fn recycle(&self, connection: &mut Self::Type, metrics: &Metrics) -> RecycleResult<Self::Error> {
        if connection.is_broken() {
            return Err(RecycleError::message("the connection is closed or was left inside a transaction"));
        }
        if metrics.last_used() > TRUSTED {
            let ping = timeout(PING_LIMIT, connection.batch_execute("")).await;
            if !matches!(ping, Ok(Ok(()))) {
                return Err(RecycleError::message("the connection no longer answers"));
            }
        }
        Ok(())
    }
}
