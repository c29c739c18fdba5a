//! One throwaway PostgreSQL for one test run: prints its URL, and ends it when standard input closes or a signal comes.
//!
//! `cargo xtask test` runs it and passes the URL on. It must not know what is tested.

use std::io::{self, Read, Write};
use std::thread;

use dispatch_postgres::testing::TestCluster;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (closed, mut input_closed) = oneshot::channel();
    // A thread, not the runtime's standard input: the process must be able to end while this waits.
    thread::spawn(move || {
        let _until_closed = io::stdin().read_to_end(&mut Vec::new());
        let _ending_already = closed.send(());
    });
    let cluster = TestCluster::start().await;
    writeln!(io::stdout(), "{}", cluster.url())?;
    io::stdout().flush()?;
    tokio::select! {
        _ = &mut input_closed => {}
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    cluster.stop().await;
    Ok(())
}
