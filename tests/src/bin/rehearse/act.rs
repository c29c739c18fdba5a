//! One part of the rehearsal: load runs, locks are looked at, something is done, and what the clients felt is kept. It must
//! not know what is done.

use crate::clients::Ledger;
use crate::locks::Look;
use crate::stand::Stand;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The worst of several parts.
#[derive(Clone, Copy, Default)]
pub struct Felt {
    pub longest: Duration,
    pub client_wait_ms: u64,
    pub tool_wait_ms: u64,
    pub idle_ms: u64,
    pub rows_ms: u64,
}

impl Felt {
    pub fn and(&mut self, other: Self) {
        self.longest = self.longest.max(other.longest);
        self.client_wait_ms = self.client_wait_ms.max(other.client_wait_ms);
        self.tool_wait_ms = self.tool_wait_ms.max(other.tool_wait_ms);
        self.idle_ms = self.idle_ms.max(other.idle_ms);
        self.rows_ms = self.rows_ms.max(other.rows_ms);
    }
}

/// Does it, and says what the clients felt meanwhile.
pub async fn during<T>(stand: &Stand, ledger: &Arc<Ledger>, act: impl Future<Output = Result<T>>) -> Result<(T, Felt)> {
    let (since, look) = (Instant::now(), Look::start(stand).await?);
    let outcome = act.await;
    // What began before the end may still be waiting.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let seen = look.stop().await;
    let felt = Felt {
        longest: ledger.longest_since(since),
        client_wait_ms: seen.client.load(Ordering::Relaxed),
        tool_wait_ms: seen.tool.load(Ordering::Relaxed),
        idle_ms: seen.idle.load(Ordering::Relaxed),
        rows_ms: seen.rows.load(Ordering::Relaxed),
    };
    Ok((outcome?, felt))
}
