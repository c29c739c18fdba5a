//! The client: two of them in truth, one for public hosts and one for those on the allow-list.

use crate::address::is_public;
use crate::allow::AllowList;
use crate::credentials::Credentials;
use crate::error::{Forbidden, SendError, SetupError};
use crate::resolve::PublicOnly;
use crate::response::{Arriving, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url, form_urlencoded};

/// What a call may cost, and who may be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundOptions {
    /// For name, connection and TLS together.
    pub connect_timeout: Duration,
    /// For the whole call, the answer read.
    pub total_timeout: Duration,
    /// The longest body that is read.
    pub max_response_bytes: usize,
    /// Hosts (`host` or `host:port`) that may be called by plain HTTP and at addresses that are not public.
    pub allow: Vec<String>,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_response_bytes: 1024 * 1024,
            allow: Vec::new(),
        }
    }
}

/// The HTTP client. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Outbound {
    public: Client,
    allowed: Client,
    allow: AllowList,
    max_response_bytes: usize,
}

impl Outbound {
    /// A client by these options. Trusts the machine's certificate authorities; without any, `https` fails at the call.
    ///
    /// # Errors
    /// [`SetupError`] for an entry of the allow-list that is none, or when TLS cannot be set up.
    pub fn new(options: &OutboundOptions) -> Result<Self, SetupError> {
        let allow = AllowList::parse(&options.allow)?;
        let tls = tls()?;
        Ok(Self {
            public: base(options, tls.clone()).dns_resolver(PublicOnly).build()?,
            allowed: base(options, tls).build()?,
            allow,
            max_response_bytes: options.max_response_bytes,
        })
    }

    /// POSTs `body`, which is JSON already. `headers` win over the content type set here.
    ///
    /// # Errors
    /// [`SendError`]. An answer of any status is `Ok`, a redirect too.
    pub async fn post_json(
        &self,
        url: &Url,
        credentials: Credentials<'_>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Response, SendError> {
        self.post(url, credentials, headers, "application/json", body).await
    }

    /// POSTs `body`, which is JSON already, and answers as soon as the head of the answer is there; its body is read piece
    /// by piece. `total` stands in for the time-out of the client.
    ///
    /// # Errors
    /// [`SendError`]. An answer of any status is `Ok`, a redirect too.
    pub async fn post_json_arriving(
        &self,
        url: &Url,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        total: Duration,
    ) -> Result<Arriving, SendError> {
        let written_as = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let request = self.client_for(url)?.post(url.clone()).headers(written_as).body(body).timeout(total);
        let answer = request.headers(header_map(headers)?).send().await.map_err(SendError::from_client)?;
        Arriving::new(answer, self.max_response_bytes)
    }

    /// PATCHes with `body`, which is JSON already.
    ///
    /// # Errors
    /// [`SendError`]. An answer of any status is `Ok`, a redirect too.
    pub async fn patch_json(
        &self,
        url: &Url,
        credentials: Credentials<'_>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Response, SendError> {
        let written_as = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let request = self.client_for(url)?.patch(url.clone()).headers(written_as).body(body);
        self.send(request, credentials, headers).await
    }

    /// POSTs `fields` as a form, in their order.
    ///
    /// # Errors
    /// [`SendError`]. An answer of any status is `Ok`, a redirect too.
    pub async fn post_form(
        &self,
        url: &Url,
        credentials: Credentials<'_>,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Result<Response, SendError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
        self.post(url, credentials, headers, "application/x-www-form-urlencoded", body).await
    }

    /// GETs `url`.
    ///
    /// # Errors
    /// [`SendError`]. An answer of any status is `Ok`, a redirect too.
    pub async fn get(
        &self,
        url: &Url,
        credentials: Credentials<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Response, SendError> {
        self.send(self.client_for(url)?.get(url.clone()), credentials, headers).await
    }

    async fn post(
        &self,
        url: &Url,
        credentials: Credentials<'_>,
        headers: &[(&str, &str)],
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Response, SendError> {
        let written_as = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let request = self.client_for(url)?.post(url.clone()).headers(written_as).body(body);
        self.send(request, credentials, headers).await
    }

    /// The client that may call `url`. A literal address never reaches the resolver, so it is checked here.
    fn client_for(&self, url: &Url) -> Result<&Client, SendError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SendError::Forbidden(Forbidden::Credentials));
        }
        if matches!(url.scheme(), "http" | "https") && self.allow.contains(url) {
            return Ok(&self.allowed);
        }
        if url.scheme() != "https" {
            return Err(SendError::Forbidden(Forbidden::Scheme));
        }
        let public = match url.host() {
            Some(Host::Domain(_)) => true, // by the resolver
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            None => false,
        };
        if public { Ok(&self.public) } else { Err(SendError::Forbidden(Forbidden::Address)) }
    }

    async fn send(
        &self,
        request: RequestBuilder,
        credentials: Credentials<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Response, SendError> {
        let request = credentials.put_on(request.headers(header_map(headers)?));
        let answer = request.send().await.map_err(SendError::from_client)?;
        Arriving::new(answer, self.max_response_bytes)?.whole().await
    }
}

fn header_map(headers: &[(&str, &str)]) -> Result<HeaderMap, SendError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).map_err(|error| SendError::Invalid { source: error.into() })?;
        let mut value = HeaderValue::try_from(*value).map_err(|error| SendError::Invalid { source: error.into() })?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

fn base(options: &OutboundOptions, tls: ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("dispatch/", env!("CARGO_PKG_VERSION")))
        // An address that was checked must be the one that is called: no redirect, and no proxy that resolves by itself.
        .redirect(redirect::Policy::none())
        .no_proxy()
        // Whether to repeat is the sender's to decide.
        .retry(retry::never())
        .connect_timeout(options.connect_timeout)
        .timeout(options.total_timeout)
        // Servers drop idle connections without a word, and a request on such a one ends as `Ambiguous`.
        .pool_idle_timeout(Duration::from_secs(15))
}

/// TLS by ring, chosen here so that no other crate's choice of a process-wide default matters.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let (trusted, _unreadable) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if trusted == 0 {
        tracing::warn!("no certificate authority found on this machine: every https call will fail");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
