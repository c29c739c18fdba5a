//! What it takes to tell Twilio from a forger: account, tokens, and the URL as Twilio called it. Must not know what comes in.

use crate::http::problem::{Problem, kind};
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HOST};
use dispatch_mission::clock::Clock;
use dispatch_sms::verify::{Claim, SETTINGS_HEADER, SIGNATURE_HEADER};
use dispatch_sms::{Account, AuthTokens};
use std::sync::Arc;
use time::OffsetDateTime;
use url::Url;

/// How the world calls this server, which is part of what is signed. What a proxy says about it (`X-Forwarded-*`) is never
/// believed: anybody can say it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CalledAs {
    /// `PUBLIC_URL`: one, or several while Twilio is moved from one to another.
    Public(Vec<Origin>),
    /// By plain HTTP, under the name that stands in the request: `dispatch dev` on its own machine.
    AsAsked,
    /// Nobody said.
    Unknown,
}

/// One public URL, and the path below it that a proxy takes away before it asks us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Scheme, host and port.
    origin: String,
    /// `/api`, or nothing.
    prefix: String,
}

impl CalledAs {
    /// As `PUBLIC_URL` says.
    #[must_use]
    pub fn of<'a>(public_urls: impl IntoIterator<Item = &'a Url>) -> Self {
        let origin = |url: &Url| Origin {
            origin: url.origin().ascii_serialization(),
            prefix: url.path().trim_end_matches('/').to_owned(),
        };
        let origins: Vec<Origin> = public_urls.into_iter().map(origin).collect();
        if origins.is_empty() { Self::Unknown } else { Self::Public(origins) }
    }
}

impl Origin {
    /// What may have been called where we were asked for `asked`.
    fn urls(&self, asked: &str) -> impl Iterator<Item = String> {
        let Self { origin, prefix } = self;
        let behind = (!prefix.is_empty()).then(|| format!("{origin}{prefix}{asked}"));
        std::iter::once(format!("{origin}{asked}")).chain(behind)
    }
}

/// The door of `/intake/sms` and `/intake/sms/status`.
pub struct SmsDoor {
    credentials: Option<(Account, AuthTokens)>,
    called_as: CalledAs,
    clock: Arc<dyn Clock>,
}

impl SmsDoor {
    /// For this account, whose requests are signed with one of these tokens; without them, nothing gets in.
    #[must_use]
    pub fn new(credentials: Option<(Account, AuthTokens)>, called_as: CalledAs, clock: Arc<dyn Clock>) -> Self {
        Self { credentials, called_as, clock }
    }

    /// Verifies one request. Answers whose messages may be believed.
    ///
    /// # Errors
    /// The problem to answer with; nothing in the body may be looked at then.
    pub fn open(&self, request: &HttpRequest, body: &[u8]) -> Result<&Account, Problem> {
        let Some((account, tokens)) = &self.credentials else {
            return Err(closed("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set"));
        };
        let claim = Claim { signature: header(request, SIGNATURE_HEADER), settings: settings(request) };
        let content_type = header(request, CONTENT_TYPE.as_str());
        let urls = self.urls(request)?;
        let (first, others) = urls.split_first().ok_or_else(unknown)?;
        let verify = |url: &String| tokens.verify(claim, url, content_type, body);
        // What is wrong is told about the first one.
        verify(first).or_else(|error| others.iter().find_map(|url| verify(url).ok()).ok_or(error))?;
        Ok(account)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The URL as Twilio may have called it: path and query as they came, and behind the prefix that a proxy takes away.
    fn urls(&self, request: &HttpRequest) -> Result<Vec<String>, Problem> {
        let asked = crate::http::legacy::called(request);
        match &self.called_as {
            CalledAs::Public(origins) => Ok(origins.iter().flat_map(|origin| origin.urls(&asked)).collect()),
            CalledAs::AsAsked => {
                Ok(vec![format!("http://{}{asked}", header(request, HOST.as_str()).unwrap_or_default())])
            }
            CalledAs::Unknown => Err(unknown()),
        }
    }
}

fn unknown() -> Problem {
    closed("PUBLIC_URL is not set, and Twilio signs the URL that it calls")
}

fn closed(why: &str) -> Problem {
    let detail = format!("{why}, so no request can be told from a forged one.");
    Problem::new(&kind::SMS_NOT_CONFIGURED).detail(detail)
}

/// How the signature is made, if the request says. What is no text names no algorithm that there is.
fn settings(request: &HttpRequest) -> Option<&str> {
    request.headers().get(SETTINGS_HEADER).map(|value| value.to_str().unwrap_or("algorithm=unreadable"))
}

/// A header of a request, if it is text.
pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW;
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;
    use dispatch_mission::clock::FixedClock;
    use dispatch_sms::verify::sign;

    fn door(called_as: CalledAs) -> SmsDoor {
        let credentials = (Account::parse("AC1").expect("a SID"), AuthTokens::parse("12345").expect("a token"));
        SmsDoor::new(Some(credentials), called_as, Arc::new(FixedClock(NOW)))
    }

    /// Whether a request for `path` at `host` that was signed for `signed` gets in.
    fn opens(public_url: Option<&str>, signed: &str, host: &str, path: &str) -> bool {
        let public_url = public_url.map(|url| Url::parse(url).expect("a URL"));
        let called_as = if public_url.is_none() { CalledAs::AsAsked } else { CalledAs::of(public_url.as_ref()) };
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("host", host))
            .insert_header(("x-forwarded-proto", "https"))
            .insert_header(("x-forwarded-host", "forged.example"))
            .insert_header(("x-twilio-signature", sign(&"12345".into(), signed, &[])));
        door(called_as).open(&request.to_http_request(), b"").is_ok()
    }

    #[test]
    fn the_url_is_the_configured_one_with_the_path_as_it_was_called() {
        let public = Some("https://dispatch.example/");
        for (signed, path, good) in [
            ("https://dispatch.example/intake/sms", "/intake/sms", true),
            ("https://dispatch.example:443/intake/sms", "/intake/sms", true),
            ("https://dispatch.example/dispatch/intake/sms?a=1&b=%20", "/dispatch/intake/sms?a=1&b=%20", true),
            ("https://dispatch.example/intake/sms", "/dispatch/intake/sms", false),
            ("https://dispatch.example/intake/sms?a=1", "/intake/sms", false),
            ("http://dispatch.example/intake/sms", "/intake/sms", false),
            ("http://10.0.0.7/intake/sms", "/intake/sms", false),
            ("https://forged.example/intake/sms", "/intake/sms", false),
        ] {
            assert_eq!(opens(public, signed, "10.0.0.7", path), good, "{signed} {path}");
        }
        for public in ["https://dispatch.example:443", "https://dispatch.example/dispatch"] {
            assert!(opens(Some(public), "https://dispatch.example/intake/sms", "10.0.0.7", "/intake/sms"), "{public}");
        }
        let behind_a_proxy = Some("https://dispatch.example/api/");
        for (signed, good) in [
            ("https://dispatch.example/api/intake/sms", true),
            ("https://dispatch.example/intake/sms", true),
            ("https://dispatch.example/other/intake/sms", false),
        ] {
            assert_eq!(opens(behind_a_proxy, signed, "10.0.0.7", "/intake/sms"), good, "{signed}");
        }
        let moving: Vec<Url> =
            ["https://new.example", "https://old.example/api"].map(|url| Url::parse(url).expect("a URL")).into();
        let credentials = (Account::parse("AC1").expect("a SID"), AuthTokens::parse("12345").expect("a token"));
        let door = SmsDoor::new(Some(credentials), CalledAs::of(&moving), Arc::new(FixedClock(NOW)));
        for (signed, good) in [
            ("https://new.example/intake/sms", true),
            ("https://old.example/intake/sms", true),
            ("https://old.example/api/intake/sms", true),
            ("https://new.example/api/intake/sms", false),
            ("https://third.example/intake/sms", false),
        ] {
            let signature = sign(&"12345".into(), signed, &[]);
            let request = TestRequest::post().uri("/intake/sms").insert_header(("x-twilio-signature", signature));
            assert_eq!(door.open(&request.to_http_request(), b"").is_ok(), good, "{signed}");
        }
        let odd_port = Some("https://dispatch.example:8443");
        for signed in ["https://dispatch.example:8443/intake/sms", "https://dispatch.example/intake/sms"] {
            assert!(opens(odd_port, signed, "10.0.0.7", "/intake/sms"), "{signed}");
        }
    }

    #[test]
    fn a_shared_key_counts_under_the_algorithm_that_the_request_names() {
        let public = Url::parse("https://dispatch.example").expect("a URL");
        let door = door(CalledAs::of(Some(&public)));
        // Made by Twilio's own library.
        let signature = "SoYpJj7JbhQ1S28LuBwC85bWdEwZXy9Maywg1pSn/wE=";
        for (settings, good) in [
            (&b"key=webhooks_sharedkey_01h,algorithm=HMAC_SHA256"[..], true),
            (b"key=webhooks_sharedkey_01h,algorithm=HMAC_SHA1", false),
            (b"algorithm=none", false),
            (b"algorithm=HMAC_SHA256\xff", false),
        ] {
            let settings = HeaderValue::from_bytes(settings).expect("a value");
            let request = TestRequest::post().uri("/intake/sms").insert_header(("x-twilio-signature", signature));
            let request = request.insert_header(("x-twilio-webhooks-signature-settings", settings));
            assert_eq!(door.open(&request.to_http_request(), b"").is_ok(), good);
        }
    }

    #[test]
    fn on_ones_own_machine_the_name_in_the_request_counts_and_no_proxys_word() {
        assert!(opens(None, "http://127.0.0.1:8080/intake/sms", "127.0.0.1:8080", "/intake/sms"));
        assert!(!opens(None, "https://forged.example/intake/sms", "127.0.0.1:8080", "/intake/sms"));
        let request = TestRequest::post().insert_header(("x-twilio-signature", "x")).to_http_request();
        let problem = door(CalledAs::Unknown).open(&request, b"").expect_err("nobody said");
        assert_eq!(problem.kind(), &kind::SMS_NOT_CONFIGURED);
    }
}
