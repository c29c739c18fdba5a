//! A provider that follows a script instead of a network, so that time can be a test's own. Speaks OpenAI's format.

use crate::provider::{Kind, Prices, Provider, ProviderOptions};
use bytes::Bytes;
use dispatch_classification::classifier::Listener;
use dispatch_outbound::SendError;
use futures_util::stream::{self, StreamExt};
use rig_core::http_client::{
    Error, HttpClientExt, LazyBody, MultipartForm, Request, Response, Result, StreamingResponse,
};
use rig_core::wasm_compat::WasmCompatSend;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The key and the text that no error and no log may show.
pub const KEY: &str = "sk-hunter2-key";
pub const TEXT: &str = "hunter2 wants a lockbox at 12 Elm St";

/// How one call goes.
pub enum Reply {
    /// Says these pieces and ends well.
    Says(Vec<String>),
    /// Says these pieces, then the line is cut.
    Cut(Vec<String>),
    /// Answers with these events as they are.
    Events(Vec<Value>),
    /// Refuses with this status, this wait and this body.
    Status(u16, Option<u64>, String),
    /// Never answers.
    Silence,
    /// Says a piece and then nothing more, the line open.
    Stalls,
    /// Cannot be connected.
    Unreachable,
    /// Goes so, after a second.
    Slow(Box<Reply>),
    /// Does not take the connection in time.
    ConnectTimeout,
}

impl Reply {
    pub fn says(text: &str) -> Self {
        let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        Self::Says(vec![text[..middle].to_owned(), text[middle..].to_owned()])
    }

    pub fn status(status: u16) -> Self {
        Self::Status(status, None, json!({ "error": { "message": format!("about {TEXT} by {KEY}") } }).to_string())
    }
}

/// The script, and what was sent meanwhile.
#[derive(Clone, Default)]
pub struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Script {
    pub fn of(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Self::default();
        script.then(replies);
        script
    }

    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().expect("unpoisoned").extend(replies);
    }

    /// The bodies that were sent.
    pub fn sent(&self) -> Vec<Value> {
        self.sent.lock().expect("unpoisoned").clone()
    }

    pub fn calls(&self) -> usize {
        self.sent().len()
    }

    /// A provider that follows it, with eight seconds for everything.
    pub fn provider(&self) -> Arc<Provider> {
        self.provider_of(4)
    }

    pub fn provider_of(&self, concurrency: usize) -> Arc<Provider> {
        self.provider_with(concurrency, Duration::from_secs(8))
    }

    pub fn provider_with(&self, concurrency: usize, timeout: Duration) -> Arc<Provider> {
        let options = ProviderOptions {
            name: "mock".to_owned(),
            kind: Kind::OpenAi,
            model: "mock-1".to_owned(),
            base_url: None,
            api_key: Some(KEY.into()),
            prices: Some(Prices { input: 0.5, output: 2.0 }),
            timeout,
            concurrency,
        };
        Arc::new(Provider::new(options, self.clone()))
    }
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    json!({ "id": "1", "object": "chat.completion.chunk", "model": "mock-1-0611", "choices": [choice] })
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// What ends a stream well.
fn ending() -> Vec<Result<Bytes>> {
    let usage = json!({ "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100 });
    let usage =
        json!({ "id": "1", "object": "chat.completion.chunk", "model": "mock-1-0611", "choices": [], "usage": usage });
    vec![Ok(event(&chunk(&json!({}), Some("stop")))), Ok(event(&usage)), Ok("data: [DONE]\n\n".into())]
}

impl HttpClientExt for Script {
    fn send<T, U>(
        &self,
        _: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + WasmCompatSend + 'static
    where
        T: Into<Bytes> + WasmCompatSend,
        U: From<Bytes> + WasmCompatSend + 'static,
    {
        std::future::ready(Err(Error::instance(io::Error::other("everything streams"))))
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + WasmCompatSend + 'static
    where
        U: From<Bytes> + WasmCompatSend + 'static,
    {
        std::future::ready(Err(Error::instance(io::Error::other("everything streams"))))
    }

    async fn send_streaming<T>(&self, request: Request<T>) -> Result<StreamingResponse>
    where
        T: Into<Bytes> + WasmCompatSend,
    {
        let body: Bytes = request.into_body().into();
        self.sent.lock().expect("unpoisoned").push(serde_json::from_slice(&body).expect("JSON"));
        let reply = self.replies.lock().expect("unpoisoned").pop_front().expect("a call that the script knows");
        let reply = match reply {
            Reply::Slow(reply) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                *reply
            }
            reply => reply,
        };
        let content = |pieces: Vec<String>| -> Vec<Result<Bytes>> {
            let events = pieces.into_iter().map(|piece| event(&chunk(&json!({ "content": piece }), None)));
            events.map(Ok).collect()
        };
        let source = || Box::new(io::Error::other(format!("at {TEXT}")));
        let mut status = 200;
        let mut wait = None;
        let chunks = match reply {
            Reply::Says(pieces) => content(pieces).into_iter().chain(ending()).collect(),
            Reply::Cut(pieces) => {
                let cut = SendError::Ambiguous { code: "connection_cut", source: source() };
                content(pieces).into_iter().chain([Err(Error::instance(cut))]).collect()
            }
            Reply::Events(events) => events.iter().map(event).map(Ok).chain([Ok("data: [DONE]\n\n".into())]).collect(),
            Reply::Status(code, seconds, body) => {
                (status, wait) = (code, seconds);
                vec![Ok(body.into())]
            }
            Reply::Silence | Reply::Slow(_) => std::future::pending().await,
            Reply::Stalls => {
                let first = stream::iter(content(vec!["{".to_owned()])).chain(stream::pending());
                return Ok(Response::builder()
                    .header("content-type", "text/event-stream")
                    .body(Box::pin(first) as _)?);
            }
            Reply::ConnectTimeout => {
                return Err(Error::instance(SendError::NotSent { code: "connect_timeout", source: source() }));
            }
            Reply::Unreachable => {
                return Err(Error::instance(SendError::NotSent { code: "connection_refused", source: source() }));
            }
        };
        let mut response = Response::builder().status(status).header("content-type", "text/event-stream");
        if let Some(seconds) = wait {
            response = response.header("retry-after", seconds);
        }
        Ok(response.body(Box::pin(stream::iter(chunks)) as _)?)
    }
}

/// Writes down what it hears, by attempt.
#[derive(Default)]
pub struct Ear(Mutex<Vec<(u32, String)>>);

impl Ear {
    pub fn heard(&self) -> Vec<(u32, String)> {
        self.0.lock().expect("unpoisoned").clone()
    }
}

impl Listener for Ear {
    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        assert_eq!(provider, "mock");
        let mut heard = self.0.lock().expect("unpoisoned");
        match heard.last_mut().filter(|(last, _)| *last == attempt) {
            Some((_, so_far)) => so_far.push_str(text),
            None => heard.push((attempt, text.to_owned())),
        }
    }
}
