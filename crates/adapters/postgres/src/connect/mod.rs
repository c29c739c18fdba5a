//! How a connection to PostgreSQL is made: the URL, TLS, the session's settings, the pool, and the refusal of poolers.
//!
//! It must not know any table, nor whether the server is embedded or hosted.

mod error;
mod pool;
mod pooler;
mod tls;
mod url;

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::timeout;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use self::{
    error::ConnectError,
    pool::{Pool, PoolOptions, PooledConnection, pool, pool_with},
    pooler::refuse_pooler,
    url::{DatabaseUrl, SslMode},
};

/// How long a connection may take to be made. Below the two seconds after which intake answers that the database is down.
const CONNECT_LIMIT: Duration = Duration::from_millis(1_500);

/// What a session is told about itself before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// What `pg_stat_activity` shows.
    pub(crate) application_name: String,
    /// The longest a statement may take; zero for as long as it likes.
    pub(crate) statement_timeout: Duration,
    /// The longest a statement may wait for a lock; zero for as long as it likes.
    pub(crate) lock_timeout: Duration,
}

/// A connection of its own, outside the pool and without a statement timeout: for LISTEN.
///
/// Notifications come from [`AsyncPgConnection::notifications_stream`].
///
/// # Errors
///
/// As soon as it is known that there is no connection to be had: within two seconds.
pub async fn one(url: &DatabaseUrl) -> Result<AsyncPgConnection, ConnectError> {
    let session = Session {
        application_name: "dispatch listener".to_owned(),
        statement_timeout: Duration::ZERO,
        lock_timeout: Duration::ZERO,
    };
    open(url, &session).await
}

/// How long a tool may wait for its one connection: it has nobody to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The driver's own client on a connection of its own, with no settings made: for the cut-over, which says everything by the
/// simple protocol. Its driver runs on the current runtime until the client is dropped.
///
/// # Errors
///
/// As soon as it is known that there is no connection to be had: within ten seconds.
pub async fn client(url: &DatabaseUrl, application_name: &str) -> Result<Client, ConnectError> {
    let (client, connection) = limited(url, PATIENCE, Box::pin(raw(url, application_name))).await?;
    tokio::spawn(async move {
        // Why it ended, whoever asks the client next is told.
        let _told_to_the_client = connection.await;
    });
    Ok(client)
}

/// A connection with this session's settings.
pub(crate) async fn open(url: &DatabaseUrl, session: &Session) -> Result<AsyncPgConnection, ConnectError> {
    let attempt = async {
        let (client, connection) = raw(url, &session.application_name).await?;
        let set_up = |source| ConnectError::SetUp { target: url.target(), source };
        let mut connection =
            AsyncPgConnection::try_from_client_and_connection(client, connection).await.map_err(set_up)?;
        // Not as start-up options: poolers in session mode refuse those. A plan is kept for as long as the statistics that it
        // was made by, and what was cheapest in an empty table (read all of it) is what a first rush of messages suffers
        // from: whatever has an index is read by it. What then seems dear is not worth compiling.
        let settings = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = 60000; \
             SET enable_seqscan = off; SET jit = off",
            session.statement_timeout.as_millis(),
            session.lock_timeout.as_millis(),
        );
        connection
            .batch_execute(&settings)
            .await
            .map_err(|source| set_up(diesel::ConnectionError::CouldntSetupConfiguration(source)))?;
        Ok(connection)
    };
    // Boxed: the driver's future is large, and this one lies in every use case's.
    limited(url, CONNECT_LIMIT, Box::pin(attempt)).await
}

type RawConnection = Connection<Socket, <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream>;

/// A client as the driver knows it, and the task that must be run for it.
async fn raw(url: &DatabaseUrl, application_name: &str) -> Result<(Client, RawConnection), ConnectError> {
    let mut config = url.config().clone();
    config.application_name(application_name).connect_timeout(CONNECT_LIMIT);
    config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
    config.tcp_user_timeout(Duration::from_secs(15));
    config.connect(url.tls()?).await.map_err(|source| ConnectError::of_driver(url.target(), source))
}

/// Gives up in time, and says on what.
async fn limited<T>(
    url: &DatabaseUrl,
    limit: Duration,
    attempt: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match timeout(limit, attempt).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::TimedOut { target: url.target(), limit }),
    }
}
