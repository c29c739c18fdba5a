//! What verifies, and what does not.

use super::*;
use proptest::prelude::*;
use url::form_urlencoded;

/// The vectors of Twilio's documentation and of its own libraries.
const TOKEN: &str = "12345";
const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const JSON: &str = "application/json";
const JSON_BODY: &[u8] = br#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
const JSON_SIGNATURE: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

fn call(caller: &str) -> Vec<(String, String)> {
    let pairs = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", caller),
        ("Digits", "1234"),
        ("From", caller),
        ("To", "+18005551212"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
}

fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// What a request claims that an auth token signed.
fn by_token(signature: Option<&str>) -> Claim<'_> {
    Claim { signature, settings: None }
}

fn check(tokens: &str, signature: &str, url: &str, content_type: &str, body: &[u8]) -> Result<(), &'static str> {
    let tokens = AuthTokens::parse(tokens).expect("tokens");
    tokens.verify(by_token(Some(signature)), url, Some(content_type), body).map_err(|error| error.code())
}

fn signed(url: &str, body: &str) -> String {
    sign(&TOKEN.into(), url, &pairs(body.as_bytes()))
}

#[test]
fn twilios_published_vectors_verify_and_are_what_we_sign() {
    for (caller, signature) in
        [("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="), ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")]
    {
        let form = call(caller);
        assert_eq!(sign(&TOKEN.into(), URL, &form), signature);
        assert_eq!(check(TOKEN, signature, URL, FORM, encoded(&form).as_bytes()), Ok(()));
    }
    let url = format!("{URL}&bodySHA256={JSON_HASH}");
    assert_eq!(sign(&TOKEN.into(), &url, &[]), JSON_SIGNATURE);
    assert_eq!(check(TOKEN, JSON_SIGNATURE, &url, JSON, JSON_BODY), Ok(()));
}

#[test]
fn every_live_token_verifies() {
    let (form, signature) = (call("+14158675309"), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    for tokens in ["12345, next", "next,12345", " ,12345,"] {
        assert_eq!(check(tokens, signature, URL, FORM, encoded(&form).as_bytes()), Ok(()), "{tokens}");
    }
    assert_eq!(check("next", signature, URL, FORM, encoded(&form).as_bytes()), Err("signature_mismatch"));
}

#[test]
fn a_default_port_may_or_may_not_be_signed() {
    let body = encoded(&call("+14158675309"));
    for (signed_url, our_url) in [
        ("https://a.example:443/sms?x=1", "https://a.example/sms?x=1"),
        ("https://a.example/sms?x=1", "https://a.example:443/sms?x=1"),
        ("http://a.example:80/sms", "http://a.example/sms"),
        ("https://a.example/sms", "https://a.example/sms#rc=3"),
    ] {
        assert_eq!(check(TOKEN, &signed(signed_url, &body), our_url, FORM, body.as_bytes()), Ok(()), "{our_url}");
    }
    for (signed_url, our_url) in [
        ("https://a.example/sms", "http://a.example/sms"),
        ("https://a.example/sms", "https://b.example/sms"),
        ("https://a.example/sms", "https://a.example/sms/"),
        ("https://a.example/sms?x=1", "https://a.example/sms?x=2"),
        ("https://a.example:8443/sms", "https://a.example/sms"),
    ] {
        let refused = check(TOKEN, &signed(signed_url, &body), our_url, FORM, body.as_bytes());
        assert_eq!(refused, Err("signature_mismatch"), "{our_url}");
    }
}

#[test]
fn what_is_signed_is_sorted_and_each_pair_once() {
    let pairs_of = |form: &[(&str, &str)]| -> Vec<_> {
        form.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    for (form, text) in [
        (vec![("b", "2"), ("a", "1")], "a1b2"),
        (vec![("a", "2"), ("a", "1"), ("a", "2")], "a1a2"),
        (vec![("b", ""), ("B", "x"), ("a", "")], "Bxab"),
        (vec![("é", "ü"), ("z", "🏡")], "z🏡éü"),
        (vec![], ""),
    ] {
        assert_eq!(signed_text(&pairs_of(&form)), text);
    }
}

#[test]
fn a_body_is_decoded_before_it_is_checked() {
    for (raw, meant) in [
        ("Body=a+b", "Body=a%20b"),
        ("Body=%C3%A9", "Body=é"),
        ("Body=100%", "Body=100%25"),
        ("Body=%ff", "Body=%EF%BF%BD"),
        ("New=1&Body=", "Body&New=1"),
        ("b=2&a=1&b=1&b=2", "a=1&b=1&b=2"),
    ] {
        assert_eq!(check(TOKEN, &signed(URL, meant), URL, FORM, raw.as_bytes()), Ok(()), "{raw}");
    }
    for (raw, other) in [("Body=a+b", "Body=a%2Bb"), ("Body=a", "Body=A"), ("Body=a", "Body=a&New=1"), ("a=1", "")] {
        let refused = check(TOKEN, &signed(URL, other), URL, FORM, raw.as_bytes());
        assert_eq!(refused, Err("signature_mismatch"), "{raw}");
    }
}

#[test]
fn json_is_bound_to_the_url_by_its_hash() {
    let url = format!("{URL}&bodySHA256={JSON_HASH}");
    let upper = format!("{URL}&bodySHA256={}", JSON_HASH.to_uppercase());
    assert_eq!(check(TOKEN, &sign(&TOKEN.into(), &upper, &[]), &upper, JSON, JSON_BODY), Ok(()));
    assert_eq!(check(TOKEN, JSON_SIGNATURE, &url, JSON, b"{}"), Err("body_hash_mismatch"));
    assert_eq!(check(TOKEN, JSON_SIGNATURE, URL, JSON, JSON_BODY), Err("body_hash_missing"));
    let forged = format!("{URL}&bodySHA256={}", hex::encode(Sha256::digest(b"{}")));
    assert_eq!(check(TOKEN, JSON_SIGNATURE, &forged, JSON, b"{}"), Err("signature_mismatch"));
    let empty = format!("{URL}&bodySHA256=");
    assert_eq!(check(TOKEN, &sign(&TOKEN.into(), &empty, &[]), &empty, JSON, b""), Err("body_hash_mismatch"));
    // The same bytes as a form are another set of parameters, and those are not signed.
    assert_eq!(check(TOKEN, JSON_SIGNATURE, &url, FORM, JSON_BODY), Err("signature_mismatch"));
}

#[test]
fn what_is_no_signature_is_named() {
    let tokens = AuthTokens::parse(TOKEN).expect("one");
    assert_eq!(tokens.verify(by_token(None), URL, None, b""), Err(SignatureError::Missing));
    let whole = sign(&TOKEN.into(), URL, &[]);
    assert_eq!(tokens.verify(by_token(Some(&whole)), URL, None, b""), Ok(()));
    for odd in ["", "=", "not base64", "QUJD", &whole[..27], &format!("{whole} "), &whole.replace('=', "")] {
        assert_eq!(tokens.verify(by_token(Some(odd)), URL, None, b""), Err(SignatureError::Malformed), "{odd:?}");
    }
}

#[test]
fn there_is_no_empty_token_and_none_is_shown() {
    for text in ["", " ", ",", " , "] {
        assert_eq!(AuthTokens::parse(text).err(), Some(TokenError::Empty), "{text:?}");
    }
    for text in ["a b", "hush,h\u{e9}", "a\nb"] {
        assert_eq!(AuthTokens::parse(text).err(), Some(TokenError::NotAToken), "{text:?}");
    }
    let tokens = AuthTokens::parse("hush,hash").expect("two");
    assert_eq!(format!("{tokens:?}"), "AuthTokens(2 redacted)");
    assert_eq!(tokens.first().map(ExposeSecret::expose_secret), Some("hush"));
}

#[test]
fn a_shared_key_may_sign_with_sha_256_and_only_when_it_says_so() {
    const SHARED: Option<&str> = Some("key=webhooks_sharedkey_01,algorithm=HMAC_SHA256");
    // As Twilio's own library makes it.
    const SIGNATURE: &str = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    let (form, tokens) = (encoded(&call("+14158675309")), AuthTokens::parse("auth-token,12345").expect("two"));
    let verify = |signature, settings, body: &str| {
        let claim = Claim { signature: Some(signature), settings };
        tokens.verify(claim, URL, Some(FORM), body.as_bytes()).map_err(|error| error.code())
    };
    assert_eq!(verify(SIGNATURE, SHARED, &form), Ok(()));
    assert_eq!(verify(SIGNATURE, SHARED, &format!("{form}&New=1")), Err("signature_mismatch"));
    let sha_1 = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    assert_eq!(verify(sha_1, Some("key=1,algorithm=HMAC_SHA1"), &form), Ok(()));
    // Each signature counts under its own name alone.
    assert_eq!(verify(SIGNATURE, None, &form), Err("signature_malformed"));
    assert_eq!(verify(sha_1, SHARED, &form), Err("signature_malformed"));
    for unknown in ["algorithm=HMAC_SHA512", "algorithm=none", "algorithm=HMAC_SHA256;"] {
        assert_eq!(verify(SIGNATURE, Some(unknown), &form), Err("signature_algorithm_unknown"), "{unknown}");
    }
}

proptest! {
    #[test]
    fn what_we_sign_verifies_whatever_the_order(
        token in "[!-+.-~]{1,80}", form in proptest::collection::vec((".{0,9}", ".{0,30}"), 0..9), turn in any::<usize>(),
    ) {
        let mut turned = form.clone();
        turned.rotate_left(turn % form.len().max(1));
        let signature = sign(&token.as_str().into(), URL, &form);
        prop_assert_eq!(check(&token, &signature, URL, FORM, encoded(&turned).as_bytes()), Ok(()));
        let more = format!("{}&Extra=1", encoded(&turned));
        prop_assert_eq!(check(&token, &signature, URL, FORM, more.as_bytes()), Err("signature_mismatch"));
    }

    #[test]
    fn no_bytes_can_make_it_panic(
        signature in ".*", url in ".*", content_type in ".*", body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let tokens = AuthTokens::parse(TOKEN).expect("one");
        for content_type in [content_type.as_str(), JSON, FORM] {
            for signature in [signature.as_str(), JSON_SIGNATURE] {
                prop_assert!(tokens.verify(by_token(Some(signature)), &url, Some(content_type), &body).is_err());
            }
        }
    }
}
