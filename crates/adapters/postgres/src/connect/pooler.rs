//! Recognising a pooler that hands each transaction to another session, by what it does rather than by its name.
//!
//! Two clients: A asks which server process it has, B begins a transaction and asks the same, and A asks again while B
//! holds its own. On a real session A's two answers agree and differ from B's. It must not know any vendor.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{ConnectError, DatabaseUrl, limited, raw};

/// Connecting twice and asking four times.
const LIMIT: Duration = Duration::from_secs(6);

/// How long A may wait for its second answer; a pooler with a single server connection lets it wait for B.
const SECOND_ANSWER: Duration = Duration::from_secs(2);

/// Refuses a transaction or statement pooler.
///
/// # Errors
///
/// [`ConnectError::Pooler`] with the cure, or why there is no connection at all.
pub async fn refuse_pooler(url: &DatabaseUrl) -> Result<(), ConnectError> {
    if limited(url, LIMIT, Box::pin(is_pooled(url))).await? {
        return Err(ConnectError::Pooler { target: url.target() });
    }
    Ok(())
}

async fn is_pooled(url: &DatabaseUrl) -> Result<bool, ConnectError> {
    let driver_error = |source| ConnectError::of_driver(url.target(), source);
    let (a, a_connection) = raw(url, "dispatch pooler check").await?;
    let a_driver = tokio::spawn(a_connection);
    let (b, b_connection) = raw(url, "dispatch pooler check").await?;
    let b_driver = tokio::spawn(b_connection);

    let first = backend(&a).await.map_err(driver_error)?;
    // A statement pooler refuses transactions; the answer is then already known.
    let pooled = if b.batch_execute("BEGIN").await.is_err() {
        true
    } else {
        let other = backend(&b).await.map_err(driver_error)?;
        let second = tokio::time::timeout(SECOND_ANSWER, backend(&a)).await;
        b.batch_execute("ROLLBACK").await.map_err(driver_error)?;
        match second {
            Ok(second) => first != second.map_err(driver_error)? || first == other,
            Err(_) => true,
        }
    };
    drop((a, b));
    // Let the goodbyes out, so that no server process is left to find out by itself.
    let _ended = tokio::time::timeout(Duration::from_secs(1), async { (a_driver.await, b_driver.await) }).await;
    Ok(pooled)
}

/// By the simple protocol: nothing is prepared that a pooler could lose.
async fn backend(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let messages = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
