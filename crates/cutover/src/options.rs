//! How a stage is to be run. It must not know where that was said.

use crate::position::Position;
use crate::spec::{Spec, SpecError};
use std::time::Duration;

/// How a stage is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is renamed.
    pub spec: Spec,
    /// How long a table's locks are tried for before the stage gives up.
    pub max_wait: Duration,
    /// The longest that anybody may have to wait for one attempt. Stays far below `deadlock_timeout`.
    pub budget: Duration,
    /// Show what would be done, and do nothing.
    pub dry_run: bool,
    /// How long old names are kept after the switch.
    pub hold: Duration,
    /// How young the last successful `verify` must be for `switch`.
    pub verify_max_age: Duration,
    /// How long `switch` looks on afterwards; not at all unless said.
    pub watch: Option<Duration>,
    /// How often it looks.
    pub watch_every: Duration,
    /// Whether it goes back by itself when things go wrong.
    pub auto_rollback: bool,
    /// Whoever listens to the old name through Realtime may lose it.
    pub accept_realtime_rename: bool,
    /// Where `rollback` goes; one stage back unless said.
    pub rollback_to: Option<Position>,
    /// Whether somebody has said yes to what cannot be undone by looking away: `contract`.
    pub confirmed: bool,
    /// The plan that is meant; any unless said.
    pub plan: Option<String>,
}

impl Options {
    /// What the runbook says.
    ///
    /// # Errors
    ///
    /// Never, as the test of the embedded spec shows.
    pub fn new() -> Result<Self, SpecError> {
        Ok(Self::of(Spec::embedded()?))
    }

    /// The same for another rename.
    #[must_use]
    pub fn of(spec: Spec) -> Self {
        Self {
            spec,
            max_wait: Duration::from_secs(5),
            budget: Duration::from_millis(50),
            dry_run: false,
            hold: Duration::from_secs(30 * 60),
            verify_max_age: Duration::from_secs(60 * 60),
            watch: None,
            watch_every: Duration::from_secs(5),
            auto_rollback: true,
            accept_realtime_rename: false,
            rollback_to: None,
            confirmed: false,
            plan: None,
        }
    }
}
