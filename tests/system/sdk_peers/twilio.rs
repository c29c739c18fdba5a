//! Twilio: `RequestValidator` and we believe exactly the same requests.

use super::{HARD_TEXTS, one_of};
use dispatch_sms::verify::{AuthTokens, Claim, SignatureError, sign};
use dispatch_tests::harness::Peers;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

const TOKEN: &str = "12345";
const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");
const JSON: Option<&str> = Some("application/json");

const URLS: &[&str] = &[
    "https://mycompany.example/intake/sms",
    "https://mycompany.example/intake/sms?foo=1&bar=2",
    "https://mycompany.example:443/intake/sms",
    "http://mycompany.example:80/intake/sms?a=b%20c",
    "https://mycompany.example:8443/intake/sms",
    "http://mycompany.example/",
    "https://mycompany.example/intake/sms?url=https://other.example:1/&x=%2B",
];

/// Names of Twilio's, one that nobody has heard of, and odd ones.
const NAMES: &[&str] =
    &["From", "To", "Body", "MessageSid", "Brand_New", "a", "A", "Media Url0", "名", "", "b+c", "x&y=z"];

fn form(random: &mut fastrand::Rng) -> Vec<(String, String)> {
    let pair = |random: &mut fastrand::Rng| (one_of(random, NAMES).to_owned(), one_of(random, HARD_TEXTS).to_owned());
    // Few names and few values: repeated keys, and repeated pairs, are common.
    (0..random.usize(0..9)).map(|_| pair(random)).collect()
}

fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

fn other_port(url: &str) -> String {
    match url {
        with if with.contains(".example:443") => with.replacen(":443", "", 1),
        with if with.contains(".example:80/") => with.replacen(":80", "", 1),
        https if https.starts_with("https:") => https.replacen(".example/", ".example:443/", 1),
        http => http.replacen(".example/", ".example:80/", 1),
    }
}

/// Asks both about one request; they must agree.
fn believed(peers: &mut Peers, url: &str, content_type: Option<&str>, body: &str, signature: &str) -> bool {
    let of_json = content_type == JSON;
    let argument = if of_json { "json_body" } else { "form" };
    let question = json!({"ask": "twilio_verify", "token": TOKEN, "url": url, "signature": signature, argument: body});
    let theirs: bool = peers.ask(&question);
    let tokens = AuthTokens::parse(TOKEN).unwrap();
    let claim = Claim { signature: Some(signature), settings: None };
    let ours = tokens.verify(claim, url, content_type, body.as_bytes());
    assert_eq!(ours.is_ok(), theirs, "{question}: we say {ours:?}");
    theirs
}

#[test]
fn forms_are_signed_and_believed_alike() {
    let mut peers = Peers::start();
    let mut random = fastrand::Rng::with_seed(0x7011);
    let token = SecretString::from(TOKEN);
    let (mut good, mut bad) = (0, 0);
    for round in 0..400 {
        let (url, form) = (one_of(&mut random, URLS), form(&mut random));
        let body = encoded(&form);
        let theirs: String = peers.ask(&json!({"ask": "twilio_sign", "token": TOKEN, "url": url, "form": body}));
        assert_eq!(sign(&token, url, &form), theirs, "round {round}: {url} {body}");
        let another: String = peers.ask(&json!({"ask": "twilio_sign", "token": "54321", "url": url, "form": body}));
        for (what, url, body, signature) in [
            ("signed", url.to_owned(), body.clone(), theirs.as_str()),
            ("the default port", other_port(url), body.clone(), &theirs),
            ("the order", url.to_owned(), encoded(&form.iter().rev().cloned().collect::<Vec<_>>()), &theirs),
            ("one more", url.to_owned(), format!("{body}&Extra=1"), &theirs),
            ("one more, empty", url.to_owned(), format!("{body}&="), &theirs),
            ("another host", url.replacen(".example", ".example.org", 1), body.clone(), &theirs),
            ("another token", url.to_owned(), body.clone(), &another),
            ("cut off", url.to_owned(), body.clone(), &theirs[..theirs.len() - 2]),
            ("no signature", url.to_owned(), body.clone(), ""),
        ] {
            let believed = believed(&mut peers, &url, FORM, &body, signature);
            let expected = match what {
                "signed" | "the default port" | "the order" => Some(true),
                // An empty pair adds nothing to what is signed.
                "one more, empty" => None,
                _ => Some(false),
            };
            assert!(expected.is_none_or(|expected| expected == believed), "round {round}, {what}: {url} {body}");
            if believed { good += 1 } else { bad += 1 }
        }
    }
    assert!(good >= 1200 && bad >= 2000, "both kinds were seen: {good} and {bad}");
}

#[test]
fn json_bodies_are_believed_alike() {
    let mut peers = Peers::start();
    let mut random = fastrand::Rng::with_seed(0x7012);
    let token = SecretString::from(TOKEN);
    for round in 0..200 {
        let pairs = form(&mut random).into_iter().map(|(key, value)| (key, Value::String(value)));
        let body = Value::Object(pairs.collect()).to_string();
        let url = one_of(&mut random, URLS);
        let hash = hex::encode(Sha256::digest(body.as_bytes()));
        let joint = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{joint}bodySHA256={hash}");
        let signature = sign(&token, &url, &[]);
        let mut tell = |url: &str, body: &str| believed(&mut peers, url, JSON, body, &signature);
        assert!(tell(&url, &body), "round {round}: {url} {body}");
        assert!(tell(&other_port(&url), &body), "round {round}: {url}");
        assert!(!tell(&url, &format!("{body} ")), "round {round}: an altered body");
        // Without a hash there is nothing to hold the body by; the SDK has no answer to that at all.
        let bare = url.replace("bodySHA256", "x");
        let claim = Claim { signature: Some(&signature), settings: None };
        let refused = AuthTokens::parse(TOKEN).unwrap().verify(claim, &bare, JSON, body.as_bytes());
        assert_eq!(refused, Err(SignatureError::BodyHashMissing), "round {round}");
    }
}

/// What the header may say; the first two are what Twilio sends.
const SETTINGS: &[&str] = &[
    "key=webhooks_sharedkey_01h,algorithm=HMAC_SHA256",
    "key=webhooks_sharedkey_01h,algorithm=HMAC_SHA1",
    "key=webhooks_sharedkey_01h",
    "",
    " algorithm = hmac_sha256 ,key=1",
    "algorithm=,algorithm=HMAC_SHA256",
    "algorithm=HMAC_SHA1,algorithm=HMAC_SHA256",
    "Algorithm=HMAC_SHA256",
    "algorithm=HMAC_SHA256=",
    "algorithm=HMAC_SHA512",
    "algorithm=none",
];

#[test]
fn a_shared_key_is_believed_alike_under_whatever_it_names() {
    let mut peers = Peers::start();
    let mut random = fastrand::Rng::with_seed(0x7013);
    let tokens = AuthTokens::parse(TOKEN).unwrap();
    let (mut good, mut bad) = (0, 0);
    for round in 0..60 {
        let (url, form) = (one_of(&mut random, URLS), form(&mut random));
        let body = encoded(&form);
        for signed_by in &SETTINGS[..2] {
            let question =
                json!({"ask": "twilio_sign", "token": TOKEN, "url": url, "form": body, "settings": signed_by});
            let signature: String = peers.ask(&question);
            for named in SETTINGS {
                let question = json!({"ask": "twilio_verify", "token": TOKEN, "url": url, "signature": signature,
                    "form": body, "settings": named});
                let theirs: bool = peers.ask(&question);
                let claim = Claim { signature: Some(&signature), settings: Some(named) };
                let ours = tokens.verify(claim, url, FORM, body.as_bytes());
                assert_eq!(ours.is_ok(), theirs, "round {round}: {question}: we say {ours:?}");
                if theirs { good += 1 } else { bad += 1 }
            }
        }
    }
    assert!(good >= 300 && bad >= 300, "both kinds were seen: {good} and {bad}");
}
