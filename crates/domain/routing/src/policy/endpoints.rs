//! `[endpoints.NAME]` and `[agents.NAME]` of the policy file: whose programs are told, where they are, and which secrets
//! sign. It must not hold a secret: it names environment variables.

use crate::event::EventType;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use url::{Host, Url};

/// The agent that is a part of Dispatch: it makes listings and missions.
pub const TASK_ORCHESTRATOR: &str = "task_orchestrator";

/// How long an answer may take, in seconds; Standard Webhooks recommends 15 to 30.
const TIMEOUTS: std::ops::RangeInclusive<u64> = 15..=30;

/// Everybody who can be told, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Endpoints {
    /// `[endpoints.NAME]`.
    pub webhooks: BTreeMap<String, Endpoint>,
    /// `[agents.NAME]`.
    pub agents: BTreeMap<String, ExternalAgent>,
}

/// Where events go.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "EndpointTable")]
pub struct Endpoint {
    /// `https`, or `http` where its host is in `allow`.
    pub url: Url,
    /// Names of environment variables with a signing secret each: one, or two while rotating, the new one first.
    pub secrets: Vec<String>,
    /// What it hears of without being named.
    pub events: Vec<EventType>,
    /// How long its answer may take.
    pub timeout: Duration,
    /// Its own host, where that may be private and without TLS.
    pub allow: Vec<String>,
}

/// An agent of somebody's: an endpoint that may answer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(from = "AgentTable")]
pub struct ExternalAgent {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it does, in a sentence, for `/observe/agents`.
    pub description: String,
    /// What it can do, for the same.
    pub capabilities: Vec<String>,
}

/// Whether an endpoint or agent may be called that.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_-".contains(&letter);
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointTable {
    url: Address,
    secrets: Vec<String>,
    #[serde(default)]
    events: Vec<EventType>,
    #[serde(default)]
    timeout_seconds: Timeout,
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "AgentFields")]
struct AgentTable {
    endpoint: Endpoint,
    description: String,
    capabilities: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentFields {
    url: Address,
    secrets: Vec<String>,
    #[serde(default)]
    events: Vec<EventType>,
    #[serde(default)]
    timeout_seconds: Timeout,
    #[serde(default)]
    allow: Vec<String>,
    description: String,
    capabilities: Vec<String>,
}

impl From<AgentTable> for ExternalAgent {
    fn from(table: AgentTable) -> Self {
        Self { endpoint: table.endpoint, description: table.description, capabilities: table.capabilities }
    }
}

impl TryFrom<AgentFields> for AgentTable {
    type Error = String;

    fn try_from(fields: AgentFields) -> Result<Self, String> {
        let AgentFields { url, secrets, events, timeout_seconds, allow, description, capabilities } = fields;
        let table = EndpointTable { url, secrets, events, timeout_seconds, allow };
        Ok(Self { endpoint: table.try_into()?, description, capabilities })
    }
}

impl TryFrom<EndpointTable> for Endpoint {
    type Error = String;

    fn try_from(table: EndpointTable) -> Result<Self, String> {
        let Address(url) = table.url;
        if table.events.contains(&EventType::Answered) {
            return Err("events names \"answered\", which nobody subscribes to: an agent names who is told".to_owned());
        }
        let itself = named(&url);
        if let Some(stranger) = table.allow.iter().find(|entry| !itself.contains(entry)) {
            return Err(format!("allow names {stranger:?}, which is not where the URL leads: write {:?}", itself[0]));
        }
        if url.scheme() != "https" && table.allow.is_empty() {
            return Err(format!(
                "url is not https: write https, or allow = [{:?}] where it is your own host",
                itself[0]
            ));
        }
        Ok(Self {
            url,
            secrets: table.secrets,
            events: table.events,
            timeout: Duration::from_secs(table.timeout_seconds.0),
            allow: table.allow,
        })
    }
}

/// `host:port` and `host` of a URL, as an allow-list names them.
fn named(url: &Url) -> [String; 2] {
    let host = url.host().map_or_else(String::new, |host: Host<&str>| host.to_string());
    [format!("{host}:{}", url.port_or_known_default().unwrap_or_default()), host]
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Address(Url);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = Url::parse(&text).map_err(|error| format!("is no URL ({error}): write https://host/path"))?;
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Err("is no web address: write https://host/path".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or a password, which would end up in logs: what signs is in `secrets`".to_owned());
        }
        Ok(Self(url))
    }
}

/// One name of an environment variable, or two.
pub(super) fn are_names(secrets: &[&str]) -> bool {
    let fits = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == b'_';
    let is_name = |name: &&str| {
        name.starts_with(|first: char| first.is_ascii_uppercase()) && name.len() <= 64 && name.bytes().all(fits)
    };
    (1..=2).contains(&secrets.len()) && secrets.first() != secrets.get(1) && secrets.iter().all(is_name)
}

#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct Timeout(u64);

impl Default for Timeout {
    fn default() -> Self {
        Self(*TIMEOUTS.start())
    }
}

impl TryFrom<u64> for Timeout {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if TIMEOUTS.contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(format!("timeout_seconds: an answer may take 15 to 30 seconds, not {seconds}"))
        }
    }
}
