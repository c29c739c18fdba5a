//! The whole configuration, read once at start: environment variables, checked together, one error for all mistakes.
//! Must not open a connection, and knows no adapter beyond the types it fills.

mod database;
mod flag;
mod http;
mod identity;
mod limits;
mod llm;
mod policy_file;
mod programs;
mod quiet;
mod reader;
mod retention;
mod routing;
mod slack;
mod telemetry;
mod twilio;
mod worker;

pub use database::Database;
pub use flag::{DEPRECATED, Flag};
pub use http::Http;
pub use identity::Identity;
pub use limits::{Limits, Origin, Rate};
pub use llm::Llm;
pub use policy_file::{PolicyFile, PolicyFileError, PolicyOrigin};
pub use programs::{Programs, Signing};
pub use quiet::QuietHours;
pub use reader::{ConfigError, ConfigProblem};
pub use routing::Routing;
pub use slack::Slack;
pub use telemetry::{LogFormat, Telemetry};
pub use twilio::{Twilio, TwilioCredentials};
pub use worker::WorkerTuning;

use dispatch_pipeline::ports::retention::Ages;
use reader::Reader;

/// What the process is started as; decides which variables must be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `dispatch dev`: nothing must be there, nobody from elsewhere gets in.
    Dev,
    /// `dispatch serve`: a database, and authentication.
    Serve,
    /// `dispatch worker`, `dispatch migrate`: a database.
    Database,
    /// `dispatch doctor`: shows what there is.
    Inspect,
}

/// Everything the process was told.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // one field, one section
pub struct Config {
    pub http: Http,
    pub limits: Limits,
    pub database: Database,
    pub flag: Flag,
    pub slack: Slack,
    pub twilio: Twilio,
    pub llm: Llm,
    pub routing: Routing,
    pub programs: Programs,
    pub worker: WorkerTuning,
    pub retention: Ages,
    pub identity: Identity,
    pub telemetry: Telemetry,
    pub quiet_hours: QuietHours,
}

impl Config {
    /// Reads and checks everything that `role` needs. `env` answers one variable; a policy file that a variable names is
    /// read too, so that a mistake in it is found now.
    ///
    /// # Errors
    /// [`ConfigError`] with every mistake and its cure.
    pub fn from_env(env: &impl Fn(&str) -> Option<String>, role: Role) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(env);
        let mut config = Self {
            http: Http::read(&mut reader, role),
            limits: Limits::read(&mut reader, role),
            database: Database::read(&mut reader, role),
            flag: Flag::read(&mut reader),
            slack: Slack::read(&mut reader),
            twilio: Twilio::read(&mut reader),
            llm: Llm::read(&mut reader),
            routing: Routing::read(&mut reader),
            programs: Programs::default(),
            worker: WorkerTuning::read(&mut reader),
            retention: retention::read(&mut reader),
            identity: Identity::read(&mut reader, role),
            telemetry: Telemetry::read(&mut reader),
            quiet_hours: QuietHours::read(&mut reader),
        };
        config.programs = Programs::read(&mut reader, &config.routing.policy.endpoints);
        reader.finish(config)
    }
}

/// Reads a variable of this process. Text that is not Unicode counts as a value, so that it is complained about.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
