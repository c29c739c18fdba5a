//! The connection string of an Edge Config: where it is read, and with which token. Must not know what is in it.

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

/// Where an Edge Config is read.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `https://edge-config.vercel.com/ecfg_…`, without the token.
    pub(crate) base: Url,
    pub(crate) id: String,
    pub(crate) token: SecretString,
}

/// Why a connection string is none. Never repeats it: the token is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ConnectionError {
    /// It is no `http` or `https` URL with a path.
    #[error("it is no URL such as https://edge-config.vercel.com/ecfg_…?token=…")]
    NoUrl,
    /// There is no token in it.
    #[error("it has no ?token=…")]
    NoToken,
}

impl Connection {
    /// Reads `EDGE_CONFIG`. `id` (`VERCEL_EDGE_CONFIG_ID`) names the config where the path does not.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn parse(text: &str, id: Option<&str>) -> Result<Self, ConnectionError> {
        let mut base = Url::parse(text.trim()).map_err(|_| ConnectionError::NoUrl)?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(ConnectionError::NoUrl);
        }
        let token = base.query_pairs().find(|(name, _)| name == "token").map(|(_, value)| value.into_owned());
        let token = token.filter(|token| !token.is_empty()).ok_or(ConnectionError::NoToken)?;
        base.set_query(None);
        base.set_fragment(None);
        let last = base.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
        let id = id.map_or(last, str::to_owned);
        if id.is_empty() {
            return Err(ConnectionError::NoUrl);
        }
        Ok(Self { base, id, token: token.into() })
    }

    /// The same host and path, for an allow-list.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.base
    }

    pub(crate) fn at(&self, what: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().push(what);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_taken_out_and_what_is_none_is_refused() {
        let read = Connection::parse("https://edge-config.vercel.com/ecfg_1?token=t", None).unwrap();
        assert_eq!((read.base.as_str(), read.id.as_str()), ("https://edge-config.vercel.com/ecfg_1", "ecfg_1"));
        assert_eq!(read.at("digest").as_str(), "https://edge-config.vercel.com/ecfg_1/digest");
        assert!(!format!("{read:?}").contains("\"t\""));
        assert_eq!(
            Connection::parse("https://edge-config.vercel.com/ecfg_1?token=t", Some("ecfg_2")).unwrap().id,
            "ecfg_2"
        );
        for (text, error) in [
            ("ecfg_1", ConnectionError::NoUrl),
            ("ftp://x/ecfg_1?token=t", ConnectionError::NoUrl),
            ("https://x/?token=t", ConnectionError::NoUrl),
            ("https://x/ecfg_1", ConnectionError::NoToken),
        ] {
            assert_eq!(Connection::parse(text, None).unwrap_err(), error, "{text}");
        }
    }
}
