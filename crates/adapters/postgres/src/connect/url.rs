//! `DATABASE_URL`: read once, checked, and kept so that it cannot be printed by accident.
//!
//! It must not connect.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{ConnectError, tls};

/// Options of libpq and of hosting providers that make no difference to us.
const WITHOUT_EFFECT: [&str; 9] = [
    "gssencmode",
    "krbsrvname",
    "sslcompression",
    "sslsni",
    "fallback_application_name",
    "passfile",
    "pgbouncer",
    "connection_limit",
    "supa",
];

/// What the connection must prove, in libpq's words.
/// See <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can, by whomever.
    Prefer,
    /// Encrypted, by whomever; with `sslrootcert` the same as `verify-ca`, as in libpq.
    Require,
    /// Encrypted, by somebody that a trusted authority vouches for.
    VerifyCa,
    /// The same, and under the name that was asked for.
    VerifyFull,
}

/// A checked database URL. `Debug` and `Display` show host, port and database only.
#[derive(Clone)]
pub struct DatabaseUrl {
    raw: SecretString,
    config: Config,
    mode: SslMode,
    roots: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Host, port and database, for messages.
    #[must_use]
    pub fn target(&self) -> String {
        let config = &self.config;
        let ports = config.get_ports();
        let hosts: Vec<String> = config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(index, host)| match host {
                Host::Tcp(name) => format!("{name}:{}", ports.get(index).or(ports.first()).unwrap_or(&5432)),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        format!("{}/{}", hosts.join(","), config.get_dbname().or(config.get_user()).unwrap_or_default())
    }

    /// The URL as it was given, secrets and all: for child processes, never for messages.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.raw.expose_secret()
    }

    /// The same server and user, another database.
    ///
    /// # Errors
    ///
    /// When the name cannot stand in a URL.
    pub fn on_database(&self, name: &str) -> Result<Self, ConnectError> {
        let raw = self.expose();
        let start = raw.find("://").map_or(0, |at| at + 3);
        let (place, query) = split(&raw[start..]);
        let authority = place.split('/').next().unwrap_or_default();
        format!("{}{authority}/{name}?{query}", &raw[..start]).parse()
    }

    /// What the connection must prove.
    #[must_use]
    pub fn ssl_mode(&self) -> SslMode {
        self.mode
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, ConnectError> {
        tls::connector(self.mode, self.roots.as_deref())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({}, {:?})", self.target(), self.mode)
    }
}

impl FromStr for DatabaseUrl {
    type Err = ConnectError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let raw = raw.trim();
        let rest = raw.strip_prefix("postgresql://").or_else(|| raw.strip_prefix("postgres://"));
        let rest = rest.ok_or_else(|| ConnectError::unreadable("it does not begin with postgresql://"))?;
        let (place, query) = split(rest);
        let (mut mode, mut roots, mut kept) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "sslmode" => mode = Some(ssl_mode(value)?),
                "sslrootcert" => roots = Some(PathBuf::from(decoded(value)?)),
                "sslcert" | "sslkey" => return Err(ConnectError::unreadable("client certificates are not supported")),
                key if WITHOUT_EFFECT.contains(&key) => {}
                _ => kept.push(pair),
            }
        }
        let mut config: Config =
            format!("postgresql://{place}?{}", kept.join("&")).parse().map_err(|error| refused(&error))?;
        if config.get_hosts().is_empty() {
            return Err(ConnectError::unreadable("it names no host"));
        }
        let system = roots.as_deref().is_some_and(|path| path.as_os_str() == "system");
        let mut mode = mode.unwrap_or(if system { SslMode::VerifyFull } else { SslMode::Prefer });
        if mode == SslMode::Require && roots.is_some() {
            mode = SslMode::VerifyCa;
        }
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            mode = SslMode::Disable;
        }
        config.ssl_mode(match mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => tokio_postgres::config::SslMode::Require,
        });
        Ok(Self { raw: raw.into(), config, mode, roots: roots.filter(|_| !system) })
    }
}

/// The part before the query and the query. A password may hold a question mark, so it is looked for after the `@`.
fn split(rest: &str) -> (&str, &str) {
    let authority = rest.find('/').unwrap_or(rest.len());
    let from = rest[..authority].rfind('@').unwrap_or(0);
    match rest[from..].find('?') {
        Some(at) => (&rest[..from + at], &rest[from + at + 1..]),
        None => (rest, ""),
    }
}

fn ssl_mode(value: &str) -> Result<SslMode, ConnectError> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "allow" | "prefer" => Ok(SslMode::Prefer),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        _ => Err(ConnectError::unreadable("sslmode is none of disable, prefer, require, verify-ca, verify-full")),
    }
}

/// The driver's message names an option, but it may also quote a value; only the name is let through.
fn refused(error: &tokio_postgres::Error) -> ConnectError {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let names_an_option = text.starts_with("unknown option") || text.starts_with("invalid value for option");
    ConnectError::unreadable(if names_an_option { text } else { "it is not a valid URL".to_owned() })
}

fn decoded(value: &str) -> Result<String, ConnectError> {
    let bad = || ConnectError::unreadable("sslrootcert is not valid percent-encoding");
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
            bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests;
