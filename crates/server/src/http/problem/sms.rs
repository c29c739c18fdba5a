//! What goes wrong with text messages, as problems. Twilio's rule for a signature that does not hold is 403, not 401.

use super::{Problem, ProblemField, kind, sentence};
use dispatch_routing::queue::QueueError;
use dispatch_sms::event::ParseError;
use dispatch_sms::verify::SignatureError;

impl From<SignatureError> for Problem {
    fn from(error: SignatureError) -> Self {
        let kind = match error {
            SignatureError::Missing => &kind::SMS_SIGNATURE_MISSING,
            SignatureError::Malformed | SignatureError::AlgorithmUnknown => &kind::SMS_SIGNATURE_MALFORMED,
            SignatureError::Mismatch => &kind::SMS_SIGNATURE_MISMATCH,
            SignatureError::BodyHashMissing | SignatureError::BodyHashMismatch => &kind::SMS_BODY_MISMATCH,
        };
        match error {
            // Whoever set it up wrongly must hear what is signed; a forger knows it from Twilio's documentation.
            SignatureError::Mismatch => Self::new(kind).detail(
                "The signature is made of the public URL of this server with path and query, and every parameter.",
            ),
            told => Self::new(kind).detail(format!("{}.", sentence(&told.to_string()))),
        }
    }
}

impl From<ParseError> for Problem {
    fn from(error: ParseError) -> Self {
        if error == ParseError::AccountMismatch {
            return Self::new(&kind::ACCOUNT_MISMATCH);
        }
        let field = ProblemField::pointer(error.pointer(), error.to_string());
        Self::new(&kind::INVALID_BODY).errors(vec![field])
    }
}

/// A report that was not noted.
#[must_use]
pub fn unrecorded(error: QueueError) -> Problem {
    match error {
        QueueError::Unavailable(_) => {
            Problem::new(&kind::INTAKE_UNAVAILABLE).detail("Nothing was noted; send it again.").retry_later()
        }
        QueueError::Rejected(_) => {
            Problem::new(&kind::SIGNAL_REJECTED).detail("Nothing was noted, and the same would be refused again.")
        }
    }
    .because(error)
}
