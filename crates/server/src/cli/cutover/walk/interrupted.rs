//! Ctrl-C, or whoever else asks this process to end, while a walk goes on. It must not know what is done about it.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a walk; from `listen` on they no longer end the process.
pub struct Interrupted {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupted {
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Returns with the first of them.
    pub async fn comes(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
