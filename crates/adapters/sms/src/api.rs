//! The two calls of Twilio's Messages resource that a courier needs. Must not know deliveries as such, or when to try
//! again.
//!
//! <https://www.twilio.com/docs/messaging/api/message-resource>

use crate::account::Account;
use crate::failure::of_status;
use dispatch_outbound::{Credentials, Failure, Outbound, Response, SendError, Url};
use secrecy::SecretString;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Where Twilio's REST API is, unless configured otherwise.
pub const DEFAULT_API_URL: &str = "https://api.twilio.com/";

/// Of messages in a list; some 100 KiB.
const PAGE: &str = "100";
/// So that a look-up ends.
const MAX_PAGES: usize = 3;

/// Twilio's REST API at one place, for one account.
#[derive(Clone)]
pub(crate) struct TwilioApi {
    pub(crate) outbound: Outbound,
    pub(crate) base: Url,
    pub(crate) account: Account,
    pub(crate) token: SecretString,
}

/// Who a message is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender<'a> {
    /// A number of ours.
    Number(&'a str),
    /// A messaging service, which picks one.
    Service(&'a str),
}

/// A message for a phone.
pub(crate) struct Message<'a> {
    pub(crate) to: &'a str,
    pub(crate) from: Sender<'a>,
    /// Cut already.
    pub(crate) body: &'a str,
    /// Where Twilio reports to.
    pub(crate) status_callback: Option<&'a Url>,
}

/// Why a look-up says nothing.
pub(crate) enum LookFailure {
    /// Twilio refused.
    Refused(Failure),
    /// There are more messages than are read.
    TooMany,
}

impl TwilioApi {
    /// Creates a message. Answers its SID.
    pub(crate) async fn send(&self, message: &Message<'_>) -> Result<String, Failure> {
        let sender = match message.from {
            Sender::Number(number) => ("From", number),
            Sender::Service(sid) => ("MessagingServiceSid", sid),
        };
        let mut fields = vec![("To", message.to), sender, ("Body", message.body)];
        fields.extend(message.status_callback.map(|url| ("StatusCallback", url.as_str())));
        let answer = self.outbound.post_form(&self.messages(), self.credentials(), &[], &fields).await;
        // A 2xx without a SID was not written by Twilio, or not by the version that we call.
        sid(&confirmed(answer)?).ok_or_else(Failure::unreadable)
    }

    /// Whether a message like this one was created at `since` or later.
    ///
    /// The list is not narrowed by `DateSent`: a message that is still queued has none, and is what we look for.
    pub(crate) async fn was_sent(&self, message: &Message<'_>, since: OffsetDateTime) -> Result<bool, LookFailure> {
        let mut url = self.messages();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("To", message.to).append_pair("PageSize", PAGE);
            // Which number a messaging service picked is not known.
            if let Sender::Number(number) = message.from {
                query.append_pair("From", number);
            }
        }
        for _ in 0..MAX_PAGES {
            let answer = self.outbound.get(&url, self.credentials(), &[]).await;
            let page = confirmed(answer).map_err(LookFailure::Refused)?;
            let Some(listed) = page.get("messages").and_then(Value::as_array) else {
                return Err(LookFailure::Refused(Failure::unreadable()));
            };
            let mut recent = listed.iter().filter(|listed| !is_before(listed, since)).peekable();
            // The most recent ones come first, so a page of old ones is followed by older ones.
            let over = recent.peek().is_none();
            if recent.any(|listed| listed.get("body").and_then(Value::as_str).map(str::trim) == Some(message.body)) {
                return Ok(true);
            }
            match next_query(&page) {
                Some(query) if !over => url.set_query(Some(&query)),
                _ => return Ok(false),
            }
        }
        Err(LookFailure::TooMany)
    }

    fn messages(&self) -> Url {
        let mut url = self.base.clone();
        // A URL that cannot have a path is none that is called; the client says so.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["2010-04-01", "Accounts", self.account.as_str(), "Messages.json"]);
        }
        url
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials::Basic { user: self.account.as_str(), password: &self.token }
    }
}

fn sid(message: &Map<String, Value>) -> Option<String> {
    message.get("sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()).map(str::to_owned)
}

/// Whether a listed message certainly is older. One that does not say is not.
fn is_before(message: &Value, since: OffsetDateTime) -> bool {
    let created = message.get("date_created").and_then(Value::as_str);
    created.and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok()).is_some_and(|created| created < since)
}

/// The query of the next page. Where that page is, is ours to know: the token goes nowhere else.
fn next_query(page: &Map<String, Value>) -> Option<String> {
    let (_, query) = page.get("next_page_uri")?.as_str()?.split_once('?')?;
    Some(query.to_owned())
}

/// The answer's object, if it is a 2xx.
fn confirmed(answer: Result<Response, SendError>) -> Result<Map<String, Value>, Failure> {
    let answer = answer.map_err(|error| {
        tracing::debug!(code = error.code(), error = ?error, "a call to Twilio got no answer");
        Failure::of_call(&error)
    })?;
    if !(200..300).contains(&answer.status) {
        return Err(of_status(&answer));
    }
    match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(said)) => Ok(said),
        _ => Err(Failure::unreadable()),
    }
}
