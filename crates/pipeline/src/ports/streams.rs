//! The `StreamStore` port: answers that are told piece by piece, kept as rows for a while, so that a reader who lost the
//! line goes on wherever he calls. Must not know what is told, or how it travels.
//!
//! A stream has one *teller*, the process that began it, and its *owner* as reader. The teller holds a lease; when it ends
//! before the stream does, the teller is dead and whoever notices ends the stream. Events are numbered from 1 without a
//! gap; the one that ends a stream is the last.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStreams;

use super::StoreUnavailable;
use async_trait::async_trait;
use dispatch_mission::ids::StreamId;
use serde_json::{Map, Value};
use std::time::Duration;

/// How long the events of an ended stream are kept.
pub const EVENTS_KEPT_FOR: Duration = Duration::from_mins(10);
/// How long it is known after that that there was a stream: as long as an idempotency key may point to it.
pub const STREAM_KNOWN_FOR: Duration = Duration::from_hours(73);

/// What kind of thing an event says; its name on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // protocol words
pub enum EventName {
    Metadata,
    Delta,
    ToolCall,
    ToolResult,
    Citations,
    Classification,
    Complete,
    Error,
}

impl EventName {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Metadata,
        Self::Delta,
        Self::ToolCall,
        Self::ToolResult,
        Self::Citations,
        Self::Classification,
        Self::Complete,
        Self::Error,
    ];

    /// The spelling of wire and column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Delta => "delta",
            Self::ToolCall => "tool_call",
            Self::ToolResult => "tool_result",
            Self::Citations => "citations",
            Self::Classification => "classification",
            Self::Complete => "complete",
            Self::Error => "error",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Whether nothing comes after it. Every stream ends with exactly one such event.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Error)
    }
}

/// One event of a stream.
#[derive(Clone, PartialEq, Debug)]
pub struct StreamEvent {
    /// Counts from 1.
    pub seq: u32,
    /// What kind of thing it says.
    pub name: EventName,
    /// What it says.
    pub data: Map<String, Value>,
}

/// How a stream stands, as its teller learns with each append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// It goes on. Nobody has attended it for this long.
    Unattended(Duration),
    /// Somebody else has ended it: nothing was appended, and nothing more is to be told.
    Ended,
}

/// What a reader finds.
#[derive(Clone, PartialEq, Debug)]
pub enum Reading {
    /// No such stream, or not this reader's.
    Unknown,
    /// It was there; its events are no longer kept.
    Gone,
    /// It is there.
    Open {
        /// What comes next, in order.
        events: Vec<StreamEvent>,
        /// Whether it has ended: after its last event nothing comes. `events` may end before that one, by `limit`.
        ended: bool,
        /// Whether its teller's lease has run out before the end.
        orphaned: bool,
    },
}

/// Keeps streams. Each method is one commit; leases and ages are by the store's clock.
#[async_trait]
pub trait StreamStore: Send + Sync {
    /// Begins a stream with its first event, attended now, with a lease.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was begun.
    async fn open(
        &self,
        stream: StreamId,
        owner: &str,
        first: &StreamEvent,
        lease: Duration,
    ) -> Result<(), StoreUnavailable>;

    /// Appends `events`, which go on where the last ones ended (none only renews), and renews the lease. Events that are
    /// there already are left as they are, so that an append whose answer was lost can be repeated. Where the lost one has
    /// ended the stream, its repeat is told `Ended`, as by anybody else's end: the rows say which end it is.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: whether they were appended is not known.
    async fn append(
        &self,
        stream: StreamId,
        events: &[StreamEvent],
        lease: Duration,
    ) -> Result<Telling, StoreUnavailable>;

    /// What `owner` has not read yet: events after number `after`, `limit` at most. Reading attends. Who has read all of an
    /// ended stream is told so for as long as it is known, whether its events are kept or not.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn read(&self, stream: StreamId, owner: &str, after: u32, limit: u32) -> Result<Reading, StoreUnavailable>;

    /// Ends an orphaned stream with an `error` that says `data`. False when it was ended before, or its teller lives.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn bury(&self, stream: StreamId, data: &Map<String, Value>) -> Result<bool, StoreUnavailable>;

    /// Removes events older than [`EVENTS_KEPT_FOR`] of streams that have ended or were orphaned that long ago, and streams
    /// older than [`STREAM_KNOWN_FOR`]; so many streams that the last of them begins before `limit` events are removed.
    /// Answers how many streams.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable>;
}
