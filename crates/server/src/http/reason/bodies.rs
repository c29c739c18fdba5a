//! What clients ask about. A member that is not known is refused, so that a slip of the pen is not taken for consent.

use super::words::MessageSourceDto;
use crate::http::problem::{Problem, ProblemField, kind};
use crate::http::timestamp::Timestamp;
use crate::openapi::JsonObject;
use dispatch_pipeline::classify::{Asked, MOST_TEXTS};
use serde::Deserialize;
use utoipa::ToSchema;

/// Longest message, in characters.
const MOST_CHARS: usize = 16_000;
/// Largest `metadata`, in bytes of JSON.
const MOST_METADATA: usize = 8 * 1024;

/// One message (`message`), or several (`messages`).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClassifyRequest, example = json!({
    "message": "Please order the lockbox for 12 Elm St by Friday", "source": "slack", "timestamp": "2026-11-20T09:03:07-05:00",
}))]
pub struct ClassifyRequestDto {
    /// What was written: 1 to 16000 characters. Not together with `messages`.
    #[schema(nullable = false, min_length = 1, max_length = 16_000)]
    pub message: Option<String>,
    /// Where it was written.
    #[schema(nullable = false)]
    pub source: Option<MessageSourceDto>,
    /// When it was written, which its dates are relative to: any RFC 3339 time; now unless said otherwise.
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub timestamp: Option<Timestamp>,
    /// What you want to find again with the answer: at most 8 KiB. It is never read.
    #[schema(nullable = false)]
    pub metadata: Option<JsonObject>,
    /// Several messages, each understood by itself: 1 to 50.
    #[schema(nullable = false, min_items = 1, max_items = 50)]
    pub messages: Option<Vec<ClassifyMessageDto>>,
}

/// One of several messages.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClassifyMessage, example = json!({ "message": "Please order the lockbox for 12 Elm St by Friday" }))]
pub struct ClassifyMessageDto {
    /// What was written: 1 to 16000 characters.
    #[schema(min_length = 1, max_length = 16_000)]
    pub message: String,
    /// Where it was written.
    #[schema(nullable = false)]
    pub source: Option<MessageSourceDto>,
    /// When it was written, which its dates are relative to: any RFC 3339 time; now unless said otherwise.
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub timestamp: Option<Timestamp>,
    /// What you want to find again with the answer: at most 8 KiB. It is never read.
    #[schema(nullable = false)]
    pub metadata: Option<JsonObject>,
}

impl ClassifyRequestDto {
    /// Whether several are asked about, even if it is one.
    pub(super) fn is_batch(&self) -> bool {
        self.messages.is_some()
    }

    /// The texts, in their order.
    pub(super) fn read(self) -> Result<Vec<Asked>, Problem> {
        let beside = [
            ("/source", self.source.is_some()),
            ("/timestamp", self.timestamp.is_some()),
            ("/metadata", self.metadata.is_some()),
        ];
        let messages = match (self.message, self.messages) {
            (Some(message), None) => {
                let (source, timestamp, metadata) = (self.source, self.timestamp, self.metadata);
                let one = ClassifyMessageDto { message, source, timestamp, metadata };
                return Ok(vec![one.read("")?]);
            }
            (None, Some(messages)) => messages,
            (Some(_), Some(_)) => return Err(invalid("/messages", "cannot stand beside `message`")),
            (None, None) => return Err(invalid("/message", "is missing")),
        };
        if let Some((pointer, _)) = beside.into_iter().find(|(_, is_there)| *is_there) {
            return Err(invalid(pointer, "belongs to each of `messages`"));
        }
        if messages.is_empty() {
            return Err(invalid("/messages", "must have one message at least"));
        }
        if messages.len() > MOST_TEXTS {
            return Err(too_much("/messages", format!("must have {MOST_TEXTS} messages at most")));
        }
        (0..).zip(messages).map(|(at, message): (u16, _)| message.read(&format!("/messages/{at}"))).collect()
    }
}

impl ClassifyMessageDto {
    fn read(self, at: &str) -> Result<Asked, Problem> {
        if self.message.trim().is_empty() {
            return Err(invalid(&format!("{at}/message"), "must have one character at least that can be seen"));
        }
        if self.message.chars().count() > MOST_CHARS {
            return Err(too_much(&format!("{at}/message"), format!("must have {MOST_CHARS} characters at most")));
        }
        let metadata = self.metadata.unwrap_or_default().0;
        if serde_json::to_string(&metadata).map_or(0, |text| text.len()) > MOST_METADATA {
            return Err(too_much(&format!("{at}/metadata"), "must have 8 KiB at most".to_owned()));
        }
        if self.timestamp.is_some_and(|at| !(1970..=9998).contains(&at.0.year())) {
            return Err(invalid(&format!("{at}/timestamp"), "must be of the years 1970 to 9998"));
        }
        let (source, said_at) = (self.source.map(Into::into), self.timestamp.map(|at| at.0));
        Ok(Asked { text: self.message, source, said_at, metadata })
    }
}

fn invalid(pointer: &str, detail: &str) -> Problem {
    Problem::new(&kind::INVALID_BODY).errors(vec![ProblemField::pointer(pointer, detail)])
}

fn too_much(pointer: &str, detail: String) -> Problem {
    Problem::new(&kind::LIMIT_EXCEEDED).errors(vec![ProblemField::pointer(pointer, detail)])
}
