//! `RATE_LIMIT_PER_CALLER`, `RATE_LIMIT_PER_ADDRESS`, `TRUSTED_PROXIES`, `CORS_ALLOWED_ORIGINS`, `DRAIN_DELAY_MS`,
//! `MAX_CONNECTIONS`: what the front door lets through, and how it closes.

use super::Role;
use super::reader::Reader;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;
use url::Url;

/// So many requests a second, and so many at once after a pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once after a pause.
    pub burst: NonZeroU32,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.per_second, self.burst)
    }
}

/// A rate as it is written: `rate`, `rate:burst`, or `0` for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Written(Option<Rate>);

/// It is no rate.
#[derive(Debug, Error)]
#[error("not a rate")]
struct NoRate;

impl FromStr for Written {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (rate, burst) = text.split_once(':').map_or((text, None), |(rate, burst)| (rate, Some(burst)));
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number <= 1_000_000).ok_or(NoRate);
        let Some(per_second) = NonZeroU32::new(number(rate)?) else {
            return if burst.is_none() { Ok(Self(None)) } else { Err(NoRate) };
        };
        let burst = burst.map_or(Ok(per_second.saturating_mul(BURST_SECONDS)), |burst| {
            NonZeroU32::new(number(burst)?).ok_or(NoRate)
        })?;
        Ok(Self(Some(Rate { per_second, burst })))
    }
}

/// A burst that is not named is the rate of so many seconds.
const BURST_SECONDS: NonZeroU32 = NonZeroU32::new(4).expect("not zero");
const fn rate(per_second: u32, burst: u32) -> Option<Rate> {
    match (NonZeroU32::new(per_second), NonZeroU32::new(burst)) {
        (Some(per_second), Some(burst)) => Some(Rate { per_second, burst }),
        _ => None,
    }
}

/// One web page's address, or all below a domain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// `*`: every page. No credentials are ever allowed across origins, so it shows only what a token opens.
    Any,
    /// `https://app.example`, spelt as browsers spell it.
    Exact(String),
    /// `https://*.app.example`: any name below it, on the same scheme and port.
    Below {
        /// `https://`.
        scheme: String,
        /// `.app.example`, with a port where there is one.
        suffix: String,
    },
}

/// What the front door lets through, and how it closes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// `RATE_LIMIT_PER_CALLER`: for each authenticated principal.
    pub per_caller: Option<Rate>,
    /// `RATE_LIMIT_PER_ADDRESS`: for each address, of requests that are anonymous or fail to prove who they are.
    pub per_address: Option<Rate>,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpNet>,
    /// `CORS_ALLOWED_ORIGINS`: pages of which sites may ask.
    pub origins: Vec<Origin>,
    /// `DRAIN_DELAY_MS`: how long `/readyz` says no before the port closes.
    pub drain_delay: Duration,
    /// `MAX_CONNECTIONS`: open at the same time, over all threads.
    pub max_connections: u32,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        // Whoever develops is alone on this machine, and in a hurry; a limit there is one that he asked for.
        let usual = |rate: Option<Rate>| if role == Role::Dev { None } else { rate };
        Self {
            per_caller: per(reader, "RATE_LIMIT_PER_CALLER", usual(rate(50, 200))),
            per_address: per(reader, "RATE_LIMIT_PER_ADDRESS", usual(rate(10, 100))),
            proxies: proxies(reader),
            origins: origins(reader),
            drain_delay: Duration::from_millis(reader.parsed(
                "DRAIN_DELAY_MS",
                0,
                |value| *value <= 60_000,
                "milliseconds from 0 to 60000",
            )),
            max_connections: reader.parsed(
                "MAX_CONNECTIONS",
                10_000,
                |value| (16..=1_000_000).contains(value),
                "a whole number from 16 to 1000000",
            ),
        }
    }
}

fn per(reader: &mut Reader<'_>, name: &'static str, default: Option<Rate>) -> Option<Rate> {
    let expected = "requests a second, such as 50; with a burst, such as 50:200; or 0 for no limit";
    reader.parsed(name, Written(default), |_| true, expected).0
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn proxies(reader: &mut Reader<'_>) -> Vec<IpNet> {
    const NAME: &str = "TRUSTED_PROXIES";
    let text = reader.text(NAME).unwrap_or_default();
    let mut found = Vec::new();
    for entry in listed(&text) {
        match entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) if network.prefix_len() > 0 => found.push(network.trunc()),
            Ok(_) => reader.problem(
                NAME,
                format!("holds {entry:?}, which is everybody"),
                "List your proxies' own networks only: who is listed may say that he is anybody.",
            ),
            Err(_) => reader.problem(
                NAME,
                format!("holds {entry:?}"),
                "Set it to networks or addresses, such as 10.0.0.0/8, 2001:db8::/48, 192.0.2.7.",
            ),
        }
    }
    found
}

fn origins(reader: &mut Reader<'_>) -> Vec<Origin> {
    const NAME: &str = "CORS_ALLOWED_ORIGINS";
    let text = reader.text(NAME).unwrap_or_default();
    let mut found = Vec::new();
    for entry in listed(&text) {
        match origin(entry) {
            Ok(origin) => found.push(origin),
            Err(cure) => reader.problem(NAME, format!("holds {entry:?}"), cure),
        }
    }
    if found.len() > 1 && found.contains(&Origin::Any) {
        reader.problem(NAME, "holds * and others", "Leave the others out, or better the *.");
    }
    found
}

/// One entry, or what would be right.
fn origin(entry: &str) -> Result<Origin, &'static str> {
    const EXPECTED: &str = "Set it to origins: scheme, host and port without a path, such as https://app.example.";
    const WILDCARD: &str =
        "A * stands for whole names before a domain of yours, such as https://*.app.example; or write each origin out.";
    if entry == "*" {
        return Ok(Origin::Any);
    }
    let (scheme, rest) = entry.split_once("://").ok_or(EXPECTED)?;
    let below = rest.strip_prefix("*.");
    let host = below.unwrap_or(rest);
    if host.contains('*') {
        return Err(WILDCARD);
    }
    let url = Url::parse(&format!("{scheme}://{host}")).map_err(|_| EXPECTED)?;
    let ascii = url.origin().ascii_serialization();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !host.ends_with('/');
    if !matches!(url.scheme(), "http" | "https") || !bare || url.username() != "" || host.contains('@') {
        return Err(EXPECTED);
    }
    match (below, url.domain(), ascii.split_once("://")) {
        (None, ..) => Ok(Origin::Exact(ascii)),
        // `*.com` would be everybody, and an address has nothing below it.
        (Some(_), Some(domain), Some((scheme, rest))) if domain.trim_end_matches('.').contains('.') => {
            Ok(Origin::Below { scheme: format!("{scheme}://"), suffix: format!(".{rest}") })
        }
        _ => Err(WILDCARD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_in_three_ways() {
        let read = |text: &str| text.parse::<Written>().map(|written| written.0).map_err(drop);
        assert_eq!(read("50"), Ok(rate(50, 200)));
        assert_eq!(read("5:7"), Ok(rate(5, 7)));
        assert_eq!(read("0"), Ok(None));
        for wrong in ["", "x", "-1", "1.5", "5:", "5:0", "0:5", ":5", "5:5:5", "1000001", "99999999999"] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn origins_are_spelt_as_browsers_spell_them_or_refused() {
        let exact = |text: &str| Ok(Origin::Exact(text.to_owned()));
        let below = |scheme: &str, suffix: &str| Ok(Origin::Below { scheme: scheme.into(), suffix: suffix.into() });
        for (entry, expected) in [
            ("https://app.example", exact("https://app.example")),
            ("https://App.Example:443", exact("https://app.example")),
            ("http://localhost:3000", exact("http://localhost:3000")),
            ("http://127.0.0.1:3000", exact("http://127.0.0.1:3000")),
            ("https://*.app.example", below("https://", ".app.example")),
            ("https://*.app.example:8443", below("https://", ".app.example:8443")),
        ] {
            assert_eq!(origin(entry), expected, "{entry}");
        }
        assert_eq!(origin("*"), Ok(Origin::Any));
        for wrong in [
            "app.example",
            "https://",
            "https://app.example/",
            "https://app.example/path",
            "https://a@app.example",
            "https://app.example?x",
            "ftp://app.example",
            "null",
            "file://",
            "https://*",
            "https://*.com",
            "https://*app.example",
            "https://preview-*.app.example",
            "https://a.*.example",
            "*.app.example",
            "https://*.127.0.0.1",
            "https://*.*.example",
            "https://*.[::1]",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}: {:?}", origin(wrong));
        }
    }
}
