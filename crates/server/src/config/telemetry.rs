//! `LOG_FORMAT`, `RUST_LOG`.

use super::reader::Reader;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;

/// Shown unless `RUST_LOG` says otherwise. The HTTP library tells of each of its threads, and calls every stranger's
/// garbage an error; nobody asked.
const DEFAULT_FILTER: &str = "info,actix_server=warn,actix_http=off";

/// How the process talks about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Telemetry {
    /// `LOG_FORMAT`; none: pretty on a terminal, JSON elsewhere.
    pub format: Option<LogFormat>,
    /// `RUST_LOG`: which lines are written.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(()),
        }
    }
}

impl Telemetry {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let given = reader.text("LOG_FORMAT").is_some();
        let format = reader.parsed("LOG_FORMAT", LogFormat::Json, |_| true, "json or pretty");
        let filter = reader.text("RUST_LOG").unwrap_or_else(|| DEFAULT_FILTER.to_owned());
        if EnvFilter::try_new(&filter).is_err() {
            reader.problem(
                "RUST_LOG",
                format!("is {filter:?}"),
                "Set it to a level or a list such as info,dispatch_server=debug.",
            );
        }
        Self { format: given.then_some(format), filter }
    }
}
