//! The allow-list: hosts that may be called wherever they are. Must not know addresses of names.

use crate::error::SetupError;
use url::{Host, Url};

/// Hosts, each on every port or on one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct AllowList(Vec<(String, Option<u16>)>);

impl AllowList {
    /// Reads entries `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub(crate) fn parse(entries: &[String]) -> Result<Self, SetupError> {
        let parsed = entries.iter().map(|entry| {
            parse_entry(entry.trim()).ok_or_else(|| SetupError::InvalidAllowEntry { entry: entry.clone() })
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether `url` is on it.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        url.host_str()
            .is_some_and(|host| self.0.iter().any(|(name, only)| name == host && (only.is_none() || *only == port)))
    }
}

fn parse_entry(entry: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
        _ => (entry, None),
    };
    // `*` is a character like others to the URL standard; here somebody hopes for a wildcard.
    if host.contains('*') {
        return None;
    }
    // Spelt as in a parsed URL, so that comparing the text is enough.
    Some((Host::parse(host).ok()?.to_string(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lets_its_host_through_on_its_port() {
        let list = ["127.0.0.1:8081", "Slack.Internal", "[::1]:99", "[::2]"].map(str::to_owned);
        let list = AllowList::parse(&list).expect("sound entries");
        for (url, allowed) in [
            ("http://127.0.0.1:8081/api", true),
            ("http://2130706433:8081/", true),
            ("http://127.0.0.1:8082/", false),
            ("http://127.0.0.1/", false),
            ("https://slack.internal/x", true),
            ("http://SLACK.internal:1234/", true),
            ("http://not.slack.internal/", false),
            ("http://slack.internal.evil.example/", false),
            ("http://evil.example/slack.internal", false),
            ("http://slack.internal@evil.example/", false),
            ("http://[::1]:99/", true),
            ("http://[::1]/", false),
            ("http://[0:0::2]/", true),
        ] {
            assert_eq!(list.contains(&Url::parse(url).expect("a URL")), allowed, "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for entry in ["", "a:b", "a:0", "a:65536", "http://a", "a/b", "::1", "[::1", "*", "*.a"] {
            assert!(AllowList::parse(&[entry.to_owned()]).is_err(), "{entry:?}");
        }
    }
}
