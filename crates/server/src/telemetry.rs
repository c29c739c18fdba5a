//! Logs: to stderr, as JSON or for people. Bodies, tokens and phone numbers have no business in them.

use crate::config::{LogFormat, Telemetry};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Makes a panic tell its place and nothing else: its message may quote what was worked on, such as a message's text.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "?".to_owned(), |at| format!("{}:{}", at.file(), at.line()));
        told(&place);
    }));
}

#[allow(clippy::print_stderr)] // commands that run for a moment have no log
fn told(place: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(place, "panicked");
    } else {
        eprintln!("error: panicked at {place}");
    }
}

/// Starts logging for the whole process; a second call changes nothing.
pub fn start(settings: &Telemetry) {
    let on_a_terminal = std::io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if on_a_terminal { LogFormat::Pretty } else { LogFormat::Json });
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_default();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_span_events(FmtSpan::NONE);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Pretty => builder.compact().with_ansi(on_a_terminal).with_target(false).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
