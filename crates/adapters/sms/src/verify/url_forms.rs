//! The URL as Twilio may have signed it. Must not know tokens.

use url::form_urlencoded;

/// The query parameter with the hash of a JSON body.
const BODY_HASH: &str = "bodySHA256";

/// `url` as it is, without its port, and with the port that its scheme implies: Twilio's signing is not consistent about
/// it, and its own libraries try the same. What stands after `#` is for Twilio and never signed.
pub(super) fn url_forms(url: &str) -> Vec<String> {
    let url = url.split('#').next().unwrap_or_default();
    let mut forms = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return forms };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority);
    let implied = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    if port.is_some() {
        forms.push(format!("{scheme}://{host}{tail}"));
    } else {
        forms.push(format!("{scheme}://{host}:{implied}{tail}"));
    }
    forms
}

/// The hash that a JSON body must have, by the URL.
pub(super) fn body_hash(url: &str) -> Option<String> {
    let url = url.split('#').next().unwrap_or_default();
    let (_, query) = url.split_once('?')?;
    let hash = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == BODY_HASH)?.1;
    Some(hash.to_ascii_lowercase())
}

/// A host and its port, if it has one. Other colons are those of an IPv6 address or of a password.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_tried_with_and_without_its_port() {
        for (url, other) in [
            ("https://a.example/intake/sms?x=1", "https://a.example:443/intake/sms?x=1"),
            ("http://a.example/intake/sms", "http://a.example:80/intake/sms"),
            ("https://a.example:443/intake/sms", "https://a.example/intake/sms"),
            ("http://a.example:80?x=http://b.example:1/", "http://a.example?x=http://b.example:1/"),
            ("https://a.example:8443/", "https://a.example/"),
            ("https://a.example", "https://a.example:443"),
            ("https://me:hush@a.example/", "https://me:hush@a.example:443/"),
            ("https://me:1@a.example:443/", "https://me:1@a.example/"),
            ("https://[::1]/", "https://[::1]:443/"),
            ("https://[::1]:443/", "https://[::1]/"),
        ] {
            assert_eq!(url_forms(url), [url, other]);
            assert_eq!(url_forms(&format!("{url}#rc=5&rp=all")), [url, other], "the fragment is not signed");
        }
        assert_eq!(url_forms("no url"), ["no url"]);
    }

    #[test]
    fn the_hash_stands_in_the_query() {
        for (url, hash) in [
            ("https://a.example/?bodySHA256=AB12", Some("ab12")),
            ("https://a.example/?x=1&bodySHA256=ab12&bodySHA256=cd34", Some("ab12")),
            ("https://a.example/?bodySHA256=", Some("")),
            ("https://a.example/bodySHA256=ab12", None),
            ("https://a.example/?x=1#?bodySHA256=ab12", None),
        ] {
            assert_eq!(body_hash(url).as_deref(), hash, "{url}");
        }
    }
}
