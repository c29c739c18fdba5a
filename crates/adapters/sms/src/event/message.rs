//! A message: who wrote what to whom, with which media, and whether it is acted on.

use super::consent::Word;
use super::number::normalised;
use super::{reason, status};
use crate::params::Params;
use dispatch_mission::signal::{Attachment, Consent, Disposition, Recipient};
use dispatch_routing::delivery_reports::ReportedStatus;

/// Twilio sends no more.
const MAX_MEDIA: usize = 10;

/// What a body says.
pub(super) struct Message {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) attachments: Vec<Attachment>,
    pub(super) disposition: Disposition,
    pub(super) consent: Option<Consent>,
    /// Set when it is about a message that we sent: a status callback that came to the wrong door.
    pub(super) status_of_own: Option<ReportedStatus>,
}

/// Reads a message.
pub(super) fn read(params: &Params) -> Message {
    let mut message = Message {
        from: params.id("From").map(|number| normalised(&number)).unwrap_or_default(),
        to: params.id("To").map(|number| normalised(&number)).unwrap_or_default(),
        text: params.text("Body").unwrap_or_default().into_owned(),
        attachments: media(params),
        disposition: Disposition::Queue,
        consent: None,
        status_of_own: status_of_own(params),
    };
    if is_own(params, &message) {
        message.disposition = Disposition::Ignore(reason::OWN_MESSAGE);
        return message;
    }
    let word = Word::of(params.text("OptOutType").as_deref(), &message.text);
    message.consent = consent(word, &message.from);
    message.disposition = disposition(word, &message);
    message
}

fn disposition(word: Option<Word>, message: &Message) -> Disposition {
    if message.from.is_empty() || message.to.is_empty() {
        return Disposition::Ignore(reason::MISSING_FROM_OR_TO);
    }
    if let Some(reason) = word.and_then(Word::ignored_as) {
        return Disposition::Ignore(reason);
    }
    if message.text.trim().is_empty() && message.attachments.is_empty() {
        return Disposition::Ignore(reason::EMPTY_MESSAGE);
    }
    Disposition::Queue
}

/// What it means for the number it came from.
fn consent(word: Option<Word>, from: &str) -> Option<Consent> {
    let (given, reason) = word?.consent()?;
    (!from.is_empty()).then(|| Consent { recipient: Recipient::phone(from), given, reason })
}

/// Whether we wrote it ourselves: answering it would never end.
fn is_own(params: &Params, message: &Message) -> bool {
    let outbound = params.text("Direction").is_some_and(|direction| direction.starts_with("outbound"));
    let to_itself = !message.from.is_empty() && message.from == message.to;
    outbound || to_itself || message.status_of_own.is_some()
}

/// What comes in has the status `received`; every other one is of a message that went out.
fn status_of_own(params: &Params) -> Option<ReportedStatus> {
    let word = params.first_id(&["MessageStatus", "SmsStatus"])?.to_ascii_lowercase();
    if matches!(word.as_str(), "received" | "receiving") { None } else { status::reported(&word) }
}

/// Pictures and files, as far as they are named. They are not fetched.
fn media(params: &Params) -> Vec<Attachment> {
    let announced = params.id("NumMedia").and_then(|count| count.parse::<usize>().ok()).unwrap_or_default();
    let found = (0..MAX_MEDIA).filter_map(|n| {
        let text = |key: String| params.text(&key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (url, media_type) = (text(format!("MediaUrl{n}")), text(format!("MediaContentType{n}")));
        (n < announced || url.is_some()).then_some(Attachment { name: None, media_type, url })
    });
    found.collect()
}
