//! `/reason/*`: what do messages mean, and what is known? As streams of events, which are followed from where a client lost
//! them, and as plain answers. Must not know who thinks, or how streams are kept.

mod bodies;
pub mod classifications;
pub mod classify;
mod dto;
mod events;
pub mod query;
mod query_dto;
pub(in crate::http) mod shadow;
pub mod stream;
mod words;

pub use bodies::{ClassifyMessageDto, ClassifyRequestDto};
pub use dto::{ClassificationDto, ClassificationListDto};
pub use events::{
    ClassifyCompleteEventDto, ClassifyMetadataEventDto, DeltaEventDto, StreamCompleteEventDto, StreamEventDto,
};
pub(in crate::http) use query_dto::asker;
pub use query_dto::{
    CitationsEventDto, QueryCompleteEventDto, QueryMetadataEventDto, ToolCallEventDto, ToolResultEventDto,
};
pub use words::{GroupKeyDto, ListingTypeDto, MessageSourceDto, MessageTypeDto, TaskKeyDto};
