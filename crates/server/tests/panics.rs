//! A panic tells where, never what: in a process of its own, for the hook is everybody's.

use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no holder panics").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_logged_with_its_place_and_without_its_words() {
    let log = Log::default();
    let writer = log.clone();
    dispatch_server::telemetry::log_panics();
    tracing::subscriber::with_default(
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish(),
        || {
            let text = String::from("Grün, call me at 416-555-0123");
            // In the middle of a letter: what std says about this quotes the text.
            assert!(std::panic::catch_unwind(|| text[..3].len()).is_err());
        },
    );
    let told = String::from_utf8(log.0.lock().expect("no holder panics").clone()).expect("text");
    assert!(told.contains("panicked") && told.contains("panics.rs:"), "{told}");
    assert!(!told.contains("Gr") && !told.contains("416"), "{told}");
}
