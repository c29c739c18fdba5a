//! A local HTTP server that takes everything at once: the destination of what is measured. Must not know who calls.

use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n\
    {\"ok\":true,\"ts\":\"1763647387.000100\"}";

/// A sink, and what it has taken.
pub struct Sink {
    pub address: String,
    taken: Arc<AtomicU64>,
    // It ends with this.
    _runtime: Runtime,
}

impl Sink {
    /// On a port of its own, on a thread of its own.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?.to_string();
        let taken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&taken);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&count)));
            }
        });
        Ok(Self { address, taken, _runtime: runtime })
    }

    /// Requests that were answered so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Answers each request on this connection; a broken one is over.
async fn serve(mut stream: TcpStream, taken: Arc<AtomicU64>) {
    let _best_effort = stream.set_nodelay(true);
    let mut bytes = Vec::with_capacity(8192);
    loop {
        while let Some(length) = whole(&bytes) {
            bytes.drain(..length);
            taken.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// How long the first request is, once it has arrived whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let length = head
        .split("\r\n")
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
        .map_or(Some(0), |(_, value)| value.trim().parse::<usize>().ok())?;
    (bytes.len() >= head_end + length).then_some(head_end + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        let two = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\n\r\n";
        let first = whole(two).expect("one");
        assert!(two[first..].starts_with(b"GET"));
        assert_eq!(whole(&two[first..]), Some(two.len() - first));
        assert_eq!(whole(&two[..first - 1]), None);
        let body = ANSWER.split(|byte| *byte == b'\n').next_back().expect("a body");
        assert!(ANSWER.starts_with(b"HTTP/1.1 200") && body.len() == 36, "{}", body.len());
    }
}
