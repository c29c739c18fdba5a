//! `/route/*`: what waits for a person, what a person says about it, where it stands, and the policy in force. Must not know tables nor the policy: a handler asks
//! one use case and shows the answer.

mod batch_dto;
pub mod batches;
mod bodies;
mod cursor;
pub mod dead;
mod dead_dto;
mod dead_query;
pub mod dispatch;
mod dto;
pub mod flag;
mod flag_guard;
mod flag_query;
pub mod held;
mod plan;
pub mod policy;
mod policy_dto;
mod policy_words;
mod query;
pub mod replay;
mod replay_dto;
pub mod status;
mod status_dto;
mod words;

pub use bodies::{DestinationRequestDto, DismissalDto, DispatchRequestDto};
pub use dto::{DismissedDto, DispatchReceiptDto, HeldPageDto, HeldUnitDto};
pub use plan::PlannedDeliveryDto;
pub use policy_dto::PolicyDto;
pub use words::{
    BatchStateDto, DeadOrderDto, DeliveryStateDto, DestinationTypeDto, DispatchStatusDto, FaultClassDto, PersonKindDto,
    ReplayOutcomeDto, StageDto,
};

use super::caller::Caller;
use super::idempotency::Operation;
use super::problem::Problem;
use dispatch_routing::held_work::Decider;

/// Who decides, under which request, with which words.
fn decider(caller: &Caller, operation: &Operation, note: Option<String>) -> Result<Decider, Problem> {
    let note = bodies::note(note)?;
    Ok(Decider { principal: caller.principal().to_owned(), operation: operation.id(), note })
}
