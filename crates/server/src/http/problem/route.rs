//! Why nothing was decided about held work, or nothing can be shown of what was routed.

use super::{Problem, ProblemField, kind};
use dispatch_pipeline::classify::ClassifyError;
use dispatch_pipeline::replay::ReplayFailure;
use dispatch_pipeline::route::RouteError;
use dispatch_routing::held_work::HeldWorkError;
use dispatch_routing::policy::Unplannable;
use dispatch_routing::queue::QueueError;
use dispatch_routing::replay::ReplayError;

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        match &error {
            QueueError::Unavailable(_) => Self::new(&kind::DATABASE_UNAVAILABLE).retry_later().because(error),
            QueueError::Rejected(_) => Self::new(&kind::INTERNAL).because(error),
        }
    }
}

impl From<HeldWorkError> for Problem {
    fn from(error: HeldWorkError) -> Self {
        match &error {
            HeldWorkError::Unknown => Self::new(&kind::HELD_NOT_FOUND),
            HeldWorkError::NotHeld { dispatch_id: Some(dispatch), .. } => {
                Self::new(&kind::ALREADY_ROUTED).detail(format!("Dispatch {dispatch} was made of it."))
            }
            HeldWorkError::NotHeld { state, .. } => Self::new(&kind::NOT_HELD).detail(format!("It is {state}.")),
            HeldWorkError::Superseded { by } => {
                let problem = Self::new(&kind::CLASSIFICATION_SUPERSEDED);
                match by {
                    Some(by) => problem.detail(format!("Classification {by} is in force.")),
                    None => problem.detail("Its messages are being understood again."),
                }
            }
            HeldWorkError::RealtorUnknown => {
                let field = ProblemField::pointer("/realtor_id", "is not one of the realtors");
                Self::new(&kind::INVALID_BODY).errors(vec![field])
            }
            HeldWorkError::Unavailable(_) => Self::new(&kind::DATABASE_UNAVAILABLE).retry_later().because(error),
            HeldWorkError::Rejected(_) => Self::new(&kind::INTERNAL).because(error),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match &error {
            ReplayError::Unknown => Self::new(&kind::REPLAY_NOT_FOUND),
            ReplayError::NothingYet { state } if state == "undispatched" => {
                Self::new(&kind::NOTHING_TO_REPLAY).detail("Nobody had it dispatched: do so with POST /route/dispatch.")
            }
            ReplayError::NothingYet { state } => {
                Self::new(&kind::NOTHING_TO_REPLAY).detail(format!("The event is {state}."))
            }
            ReplayError::InHand => Self::new(&kind::UNIT_CLAIMED).detail("Ask again when it is settled."),
            ReplayError::Pending => Self::new(&kind::UNIT_PENDING).detail("A worker will understand it."),
            ReplayError::Held => Self::new(&kind::UNIT_HELD)
                .detail("Say yes with POST /route/dispatch, or no with POST /route/held/{unit_id}/dismiss."),
            ReplayError::Superseded { by } => HeldWorkError::Superseded { by: *by }.into(),
            ReplayError::NotUnderstood => Self::new(&kind::NOT_UNDERSTOOD).detail("Replay it from `classify`."),
            ReplayError::Unavailable(_) => Self::new(&kind::DATABASE_UNAVAILABLE).retry_later().because(error),
            ReplayError::Rejected(_) => Self::new(&kind::INTERNAL).because(error),
        }
    }
}

impl From<ReplayFailure> for Problem {
    fn from(failure: ReplayFailure) -> Self {
        match failure {
            ReplayFailure::Refused(error) => error.into(),
            ReplayFailure::NotUnderstood(error) => ClassifyError::NotUnderstood(error).into(),
        }
    }
}

impl From<RouteError> for Problem {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::Held(HeldWorkError::Unknown) => Self::new(&kind::CLASSIFICATION_NOT_FOUND),
            RouteError::Held(error) => error.into(),
            RouteError::Unplannable(Unplannable::Nothing) => Self::new(&kind::NOTHING_TO_DISPATCH)
                .detail("It was understood as chatter. Name destinations, or dismiss it."),
            RouteError::Unplannable(Unplannable::Destination { index, member, why }) => {
                let pointer = member.map_or_else(String::new, |member| format!("/{member}"));
                let field = ProblemField::pointer(&format!("/destinations/{index}{pointer}"), why);
                Self::new(&kind::DESTINATION_INVALID).errors(vec![field])
            }
        }
    }
}
