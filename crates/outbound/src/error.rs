//! What can go wrong with a call, told apart by what a sender must know. No message holds a URL or a token.

use crate::resolve::NoPublicAddress;
use std::error::Error;
use std::io;
use thiserror::Error;

/// Why the client could not be made.
#[derive(Debug, Error)]
pub enum SetupError {
    /// An entry of the allow-list is neither a host nor `host:port`.
    #[error("{entry:?} in the allow-list is neither a host nor host:port")]
    InvalidAllowEntry {
        /// The entry.
        entry: String,
    },
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
    /// The client could not be built.
    #[error("the HTTP client could not be built")]
    Client(#[from] reqwest::Error),
}

/// Why a URL is not called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Forbidden {
    /// It is not `https` and its host is not on the allow-list.
    #[error("only https is called")]
    Scheme,
    /// It carries a user or a password, which would end up in logs.
    #[error("a URL with credentials is not called")]
    Credentials,
    /// It is no public address, or its host has none.
    #[error("the host has no public address")]
    Address,
}

/// Why there is no answer to a call.
#[derive(Debug, Error)]
pub enum SendError {
    /// The request certainly never went out: no address, no connection, no TLS. It may be tried again.
    #[error("the request was not sent ({code})")]
    NotSent {
        /// `dns_failed`, `connection_refused`, `connect_timeout`, `tls_failed` or `connect_failed`.
        code: &'static str,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The request may have gone out, and what became of it is not known.
    #[error("the request may have been sent ({code})")]
    Ambiguous {
        /// `timeout` or `connection_cut`.
        code: &'static str,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It was answered with more than is read.
    #[error("the answer with status {status} is too large")]
    TooLarge {
        /// The status of the answer.
        status: u16,
    },
    /// The URL is not one we call. Nothing went out.
    #[error("the URL is not called: {0}")]
    Forbidden(Forbidden),
    /// URL, header or token cannot be put into a request. Nothing went out.
    #[error("there is no such request")]
    Invalid {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SendError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSent { code, .. } | Self::Ambiguous { code, .. } => code,
            Self::TooLarge { .. } => "response_too_large",
            Self::Forbidden(Forbidden::Scheme) => "forbidden_scheme",
            Self::Forbidden(Forbidden::Credentials) => "forbidden_credentials",
            Self::Forbidden(Forbidden::Address) => "forbidden_address",
            Self::Invalid { .. } => "invalid_request",
        }
    }

    /// Sorts what the client reports.
    pub(crate) fn from_client(error: reqwest::Error) -> Self {
        // `reqwest` shows the URL, and a webhook's URL may be a secret.
        let error = error.without_url();
        if error.is_builder() {
            return Self::Invalid { source: error.into() };
        }
        if chain(&error).any(|cause| cause.is::<NoPublicAddress>()) {
            return Self::Forbidden(Forbidden::Address);
        }
        if error.is_connect() {
            return Self::NotSent { code: not_sent_code(&error), source: error.into() };
        }
        let code = if error.is_timeout() { "timeout" } else { "connection_cut" };
        Self::Ambiguous { code, source: error.into() }
    }
}

fn not_sent_code(error: &reqwest::Error) -> &'static str {
    let refused = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
    };
    if error.is_dns() {
        "dns_failed"
    } else if error.is_timeout() {
        "connect_timeout"
    } else if chain(error).any(|cause| cause.is::<rustls::Error>()) {
        "tls_failed"
    } else if chain(error).any(refused) {
        "connection_refused"
    } else {
        "connect_failed"
    }
}

/// An error and its causes. An `io::Error` around another error is followed into it, for its `source` skips that one.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn Error + 'static)| {
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => (*cause).source(),
        }
    })
}
