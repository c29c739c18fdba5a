//! Text messages and status callbacks as Twilio sends them, signed.

use dispatch_sms::verify::sign;
use reqwest::{Client, RequestBuilder, Url};
use std::sync::atomic::{AtomicU64, Ordering};

/// The account of every harness server.
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// Its live token.
pub const TOKEN: &str = "a-token-for-tests";
/// How the world calls every harness server.
pub const PUBLIC_URL: &str = "https://dispatch.example";
/// The number that people write to.
pub const OURS: &str = "+14165550100";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// One text message. Every new one has a SID of its own.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct SmsMessage {
    pub account: String,
    pub sid: String,
    pub from: String,
    pub text: String,
    pub media: Vec<(String, String)>,
    pub idempotency_token: Option<String>,
    pub path: String,
}

impl SmsMessage {
    /// The person at `from` writes `text` to our number.
    #[must_use]
    pub fn new(from: &str, text: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let sid = format!("SM{:016x}{number:016x}", std::process::id());
        let (account, from, text) = (ACCOUNT.into(), from.into(), text.into());
        Self { account, sid, from, text, media: Vec::new(), idempotency_token: None, path: "/intake/sms".into() }
    }

    /// The parameters of the form.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        let mut form: Vec<(String, String)> = [
            ("ToCountry", "CA"),
            ("MessageSid", &self.sid),
            ("SmsMessageSid", &self.sid),
            ("SmsSid", &self.sid),
            ("AccountSid", &self.account),
            ("From", &self.from),
            ("To", OURS),
            ("Body", &self.text),
            ("NumMedia", &self.media.len().to_string()),
            ("NumSegments", "1"),
            ("SmsStatus", "received"),
            ("ApiVersion", "2010-04-01"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        for (number, (media_type, url)) in self.media.iter().enumerate() {
            form.push((format!("MediaContentType{number}"), media_type.clone()));
            form.push((format!("MediaUrl{number}"), url.clone()));
        }
        form
    }

    /// The signed request that Twilio would make; it reaches the server at `base`.
    pub fn request(&self, client: &Client, base: &str) -> RequestBuilder {
        self.signed(client, base, PUBLIC_URL, TOKEN)
    }

    /// The same, signed for another public URL or with another token.
    pub fn signed(&self, client: &Client, base: &str, public_url: &str, token: &str) -> RequestBuilder {
        let request = signed_form(client, base, public_url, &self.path, token, &self.form());
        match &self.idempotency_token {
            Some(token) => request.header("i-twilio-idempotency-token", token),
            None => request,
        }
    }
}

/// A status callback about the message `sid`, to the path and query that the message named.
pub fn status_callback(
    client: &Client,
    base: &str,
    path: &str,
    sid: &str,
    status: &str,
    error_code: Option<&str>,
) -> RequestBuilder {
    let mut form: Vec<(String, String)> = [
        ("MessageSid", sid),
        ("SmsSid", sid),
        ("AccountSid", ACCOUNT),
        ("MessageStatus", status),
        ("SmsStatus", status),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    form.extend(error_code.map(|code| ("ErrorCode".to_owned(), code.to_owned())));
    signed_form(client, base, PUBLIC_URL, path, TOKEN, &form)
}

fn signed_form(
    client: &Client,
    base: &str,
    public_url: &str,
    path: &str,
    token: &str,
    form: &[(String, String)],
) -> RequestBuilder {
    let signature = sign(&token.to_owned().into(), &format!("{public_url}{path}"), form);
    client
        .post(format!("{base}{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(encoded(form))
}

/// The pairs as a form's body.
///
/// # Panics
/// Never.
#[must_use]
pub fn encoded(form: &[(String, String)]) -> String {
    let url = Url::parse_with_params("http://form/", form).expect("pairs can always be encoded");
    url.query().unwrap_or_default().to_owned()
}
