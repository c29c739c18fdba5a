//! The `FlagStore` over an Edge Config. Must not know who sets the flag.

use crate::connection::Connection;
use crate::items;
use async_trait::async_trait;
use dispatch_outbound::{Credentials, Outbound, Response, SendError, Url};
use dispatch_pipeline::ports::flag::{Change, Flag, FlagError, FlagStore, Steering};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Vercel's REST API.
pub const DEFAULT_API_URL: &str = "https://api.vercel.com";

/// The flag in an Edge Config.
pub struct EdgeConfig {
    outbound: Outbound,
    connection: Connection,
    api_url: Url,
    token: Option<SecretString>,
    last: Mutex<Option<(String, Option<Flag>)>>,
}

impl EdgeConfig {
    /// Read by `connection`, set with `token` at `api_url` (see [`DEFAULT_API_URL`]); without a token it is only read.
    #[must_use]
    pub fn new(outbound: Outbound, connection: Connection, api_url: Url, token: Option<SecretString>) -> Self {
        Self { outbound, connection, api_url, token, last: Mutex::default() }
    }

    async fn get(&self, what: &str) -> Result<Value, FlagError> {
        let url = self.connection.at(what);
        let answer = self.outbound.get(&url, Credentials::Bearer(&self.connection.token), &[]).await;
        let answer = good(answer)?;
        serde_json::from_slice(&answer.body).map_err(|error| FlagError::Unavailable(error.into()))
    }

    fn last(&self) -> Option<(String, Option<Flag>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn items_url(&self) -> Url {
        let mut url = self.api_url.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["v1", "edge-config", &self.connection.id, "items"]);
        }
        url
    }
}

impl fmt::Debug for EdgeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdgeConfig({})", self.connection.id)
    }
}

#[async_trait]
impl FlagStore for EdgeConfig {
    fn name(&self) -> &'static str {
        "edge_config"
    }

    async fn read(&self) -> Result<Option<Flag>, FlagError> {
        let digest = self.get("digest").await?.to_string();
        if let Some((_, flag)) = self.last().filter(|(known, _)| *known == digest) {
            return Ok(flag);
        }
        let all = self.get("items").await?;
        let flag = items::read(all.as_object().unwrap_or(&Map::new()))?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((digest, flag.clone()));
        Ok(flag)
    }

    fn mint(&self, steering: Steering) -> Flag {
        items::minted(steering, &Uuid::now_v7().to_string())
    }

    /// An Edge Config compares nothing: between the look and the change somebody may still be faster.
    async fn write(&self, change: &Change, instead_of: Option<&str>) -> Result<bool, FlagError> {
        let Some(token) = &self.token else {
            return Err(FlagError::Refused("VERCEL_TOKEN is not set, and the connection string only reads".into()));
        };
        if let Some(mark) = instead_of
            && self.read().await?.is_none_or(|flag| flag.mark != mark)
        {
            return Ok(false);
        }
        let body = items::write(&change.flag).to_string().into_bytes();
        good(self.outbound.patch_json(&self.items_url(), Credentials::Bearer(token), &[], body).await)?;
        Ok(true)
    }

    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError> {
        match self.read().await? {
            Some(flag) => Ok(flag),
            // Several first replicas seed the same.
            None => {
                let flag = self.mint(steering);
                self.write(&Change { flag: flag.clone(), by: String::new(), reason: None }, None).await?;
                Ok(flag)
            }
        }
    }

    /// Edge Config says nothing by itself.
    async fn stirred(&self) {
        std::future::pending::<()>().await;
    }
}

fn good(answer: Result<Response, SendError>) -> Result<Response, FlagError> {
    let answer = answer.map_err(|error| FlagError::Unavailable(error.into()))?;
    match answer.status {
        200..=299 => Ok(answer),
        status @ (400..=407 | 409..=428 | 430..=499) => {
            Err(FlagError::Refused(format!("Vercel answered {status}; check the token and the id of the Edge Config")))
        }
        status => Err(FlagError::Unavailable(format!("Vercel answered {status}").into())),
    }
}
