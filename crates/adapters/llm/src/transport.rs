//! The library's transport over the one HTTP client of the project: allow-listed hosts, no redirects, capped answers. Must
//! not know which provider is called or what is said.

use bytes::Bytes;
use dispatch_outbound::{Arriving, Outbound, SendError, Url};
use futures_util::stream;
use rig_core::http_client::{
    Error, HeaderMap, HeaderValue, HttpClientExt, LazyBody, Method, MultipartForm, Request, Response, Result,
    StreamingResponse,
};
use rig_core::wasm_compat::WasmCompatSend;
use std::future::Future;
use std::io;
use std::time::Duration;

/// Calls by `outbound`; whoever waits for the answer gives up sooner than `total`.
#[derive(Clone, Debug)]
pub struct Transport {
    outbound: Outbound,
    total: Duration,
}

/// Where Gemini takes its key, so that it need not stand in the URL, which others may write down.
const KEY_HEADER: &str = "x-goog-api-key";

impl Transport {
    /// A transport whose calls end after `total` whatever happens.
    pub fn new(outbound: Outbound, total: Duration) -> Self {
        Self { outbound, total }
    }

    async fn call(self, method: Method, uri: String, headers: HeaderMap, body: Bytes) -> Result<Arriving> {
        if method != Method::POST {
            return Err(Error::instance(io::Error::other("only POST is called")));
        }
        let mut url = Url::parse(&uri).map_err(|_| Error::instance(io::Error::other("the URL is none")))?;
        let mut pairs = Vec::with_capacity(headers.len() + 1);
        for (name, value) in &headers {
            pairs.push((name.as_str(), value.to_str().map_err(Error::instance)?));
        }
        let key = key_taken_out(&mut url);
        pairs.extend(key.as_deref().map(|key| (KEY_HEADER, key)));
        self.outbound.post_json_arriving(&url, &pairs, body.to_vec(), self.total).await.map_err(Error::instance)
    }
}

/// The parameter `key`, which `url` has no longer.
fn key_taken_out(url: &mut Url) -> Option<String> {
    let (keys, others): (Vec<_>, Vec<_>) = url.query_pairs().into_owned().partition(|(name, _)| name == "key");
    let (_, key) = keys.into_iter().next()?;
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    Some(key)
}

#[allow(clippy::result_large_err)] // the library's error, which its trait wants
fn response<B>(head: (u16, HeaderMap), body: B) -> Result<Response<B>> {
    let mut response = Response::builder().status(head.0).body(body)?;
    *response.headers_mut() = head.1;
    // A server that names no type for a stream it was asked for means that one.
    response.headers_mut().entry("content-type").or_insert(HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

impl HttpClientExt for Transport {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + WasmCompatSend + 'static
    where
        T: Into<Bytes> + WasmCompatSend,
        U: From<Bytes> + WasmCompatSend + 'static,
    {
        let this = self.clone();
        let (parts, body) = request.into_parts();
        let body = body.into();
        async move {
            let mut arriving = this.call(parts.method, parts.uri.to_string(), parts.headers, body).await?;
            let head = (arriving.status, std::mem::take(&mut arriving.headers));
            let whole: LazyBody<U> = Box::pin(async move {
                let mut body = Vec::new();
                while let Some(chunk) = arriving.chunk().await.map_err(Error::instance)? {
                    body.extend_from_slice(&chunk);
                }
                Ok(Bytes::from(body).into())
            });
            response(head, whole)
        }
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + WasmCompatSend + 'static
    where
        U: From<Bytes> + WasmCompatSend + 'static,
    {
        std::future::ready(Err(Error::instance(io::Error::other("no files are sent"))))
    }

    async fn send_streaming<T>(&self, request: Request<T>) -> Result<StreamingResponse>
    where
        T: Into<Bytes> + WasmCompatSend,
    {
        let (parts, body) = request.into_parts();
        let mut arriving = self.clone().call(parts.method, parts.uri.to_string(), parts.headers, body.into()).await?;
        let head = (arriving.status, std::mem::take(&mut arriving.headers));
        response(head, Box::pin(stream::unfold(Some(arriving), next_chunk)) as _)
    }
}

/// The next piece; an error is the last one.
async fn next_chunk(arriving: Option<Arriving>) -> Option<(Result<Bytes>, Option<Arriving>)> {
    let mut arriving = arriving?;
    match arriving.chunk().await {
        Ok(Some(chunk)) => Some((Ok(chunk), Some(arriving))),
        Ok(None) => None,
        Err(error) => Some((Err(Error::instance(error)), None)),
    }
}

/// What our HTTP client said, where the library passes it on.
pub fn send_error(error: &Error) -> Option<&SendError> {
    if let Error::Instance(inner) = error { inner.downcast_ref() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leaves_the_url() {
        for (from, to, key) in [
            ("https://a.example/v1?key=hunter2", "https://a.example/v1", Some("hunter2")),
            ("https://a.example/v1?alt=sse&key=a%2Bb", "https://a.example/v1?alt=sse", Some("a+b")),
            ("https://a.example/v1?alt=sse", "https://a.example/v1?alt=sse", None),
        ] {
            let mut url = Url::parse(from).expect("a URL");
            assert_eq!((key_taken_out(&mut url).as_deref(), url.as_str()), (key, to));
        }
    }
}
