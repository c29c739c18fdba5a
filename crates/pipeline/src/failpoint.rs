//! Named points at which a test may kill this process (feature `testing`; a release has only the empty function).
//!
//! `DISPATCH_FAILPOINT=unit.claimed` sends SIGKILL to the process itself when it passes that point;
//! `DISPATCH_FAILPOINT=unit.claimed@poison` only where the context contains `poison`.

/// Passes the point `name`. `context` is only asked for when the point is armed.
#[cfg(feature = "testing")]
pub fn pass(name: &str, context: impl FnOnce() -> String) {
    let Ok(armed) = std::env::var("DISPATCH_FAILPOINT") else { return };
    let (point, marker) = armed.split_once('@').unwrap_or((&armed, ""));
    if point == name && context().contains(marker) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

/// Passes the point `name`: nothing happens.
#[cfg(not(feature = "testing"))]
#[inline]
pub fn pass(_name: &str, _context: impl FnOnce() -> String) {}
