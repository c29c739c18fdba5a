//! Requests as Slack sends them, built and signed before the clock runs. Must not know how they are sent.

use dispatch_slack::verify::sign;
use secrecy::SecretString;
use serde_json::json;
use time::OffsetDateTime;

/// Requests in one piece of memory.
pub struct Prepared {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    first: u64,
}

/// Who writes: a thousand people in as many channels, so that bursts are rare, as they are in life.
pub const PEOPLE: u64 = 1_000;
/// Channels that they write in at most; a person has one.
const CHANNELS: u64 = 100_000;

/// What is written in them; varied, so that no layer can cache one.
const TEXTS: [&str; 4] = [
    "Please order a yard sign for 12 Elm St by Friday, and let the sellers know when it goes up on the lawn",
    "Can somebody book the photographer for 48 Harbour View Crescent? Tuesday morning would suit the owners best",
    "New listing coming: 7 Queen St E unit 1203, 2 bed 2 bath, agreement is signed and keys are at the front desk",
    "Closing for 221 King St W moved to the 14th, please update the lawyer and the lender about the new date",
];

impl Prepared {
    /// `count` requests whose messages are numbered from `first`.
    pub fn new(secret: &SecretString, first: u64, count: usize) -> Self {
        Self::by(secret, first, count, PEOPLE)
    }

    /// The same by so many people. More than the usual number ask for one piece of work each, a different one.
    pub fn by(secret: &SecretString, first: u64, count: usize, people: u64) -> Self {
        let (mut bytes, mut ends) = (Vec::with_capacity(count * 1100), Vec::with_capacity(count));
        let now = OffsetDateTime::now_utc().unix_timestamp();
        for number in first..first + count as u64 {
            let body = body(number, now, people);
            let signature = sign(secret, now, body.as_bytes());
            let head = format!(
                "POST /intake/slack HTTP/1.1\r\nhost: dispatch.bench\r\nuser-agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n\
                 accept: */*\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 x-slack-request-timestamp: {now}\r\nx-slack-signature: {signature}\r\n\r\n",
                body.len()
            );
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(body.as_bytes());
            ends.push(bytes.len());
        }
        Self { bytes, ends, first }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The request at `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..end)
    }

    /// The number of its message.
    pub fn number(&self, index: usize) -> u64 {
        self.first + index as u64
    }
}

/// Slack's name of a message with this number.
pub fn message_ref(number: u64) -> String {
    format!("{}.{:06}", 1_700_000_000 + number / 1_000_000, number % 1_000_000)
}

/// As Slack's: about 620 bytes, and the token that is never stored.
fn body(number: u64, now: i64, people: u64) -> String {
    let ts = message_ref(number);
    let person = number % people;
    let channel = person % CHANNELS;
    let text = if people == PEOPLE {
        TEXTS[usize::try_from(number % 4).unwrap_or(0)].to_owned()
    } else {
        TEXTS[0].replace("12 Elm St", &format!("{} Elm St", number % 9_000 + 1))
    };
    json!({
        "token": "oldVerificationTokenXxxx", "team_id": "T0BENCH01", "context_team_id": "T0BENCH01", "api_app_id": "A0BENCH01", "type": "event_callback",
        "event": {
            "type": "message", "user": format!("U0BENCH{person:03}"), "ts": ts, "event_ts": ts, "text": text,
            "client_msg_id": format!("6f3b1b2e-8c1d-4a55-9d6e-{number:012}"), "team": "T0BENCH01",
            "channel": format!("C0BENCH{channel:03}"), "channel_type": "channel",
        },
        "event_id": format!("Ev{number:012}"), "event_time": now, "is_ext_shared_channel": false,
        "authorizations": [{ "team_id": "T0BENCH01", "user_id": "U0BENCHBOT", "is_bot": true, "is_enterprise_install": false }],
        "event_context": format!("4-eyJldCI6Im1lc3NhZ2UiLCJ0aWQiOiJU-{number:012}"),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_cut_where_they_end_and_are_of_the_size_that_is_compared() {
        let prepared = Prepared::new(&SecretString::from("secret"), 7, 3);
        assert_eq!(prepared.len(), 3);
        let size = body(7, 1_700_000_000, PEOPLE).len();
        assert!((600..800).contains(&size), "{size}");
        for index in 0..3 {
            let request = std::str::from_utf8(prepared.get(index).expect("there")).expect("text");
            let number = prepared.number(index);
            assert!(request.starts_with("POST ") && request.ends_with('}'), "{request}");
            assert!(request.contains(&message_ref(number)), "{request}");
        }
        assert!(prepared.get(3).is_none());
    }
}
