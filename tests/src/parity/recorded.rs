//! The recorded requests and answers, and the documented differences: two checked-in files. Must not know a server.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

use super::Pattern;

/// How a request proves where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // one word, one provider
pub enum Proof {
    Slack,
    Twilio,
    Token,
    None,
}

/// One request, and what the old system answered.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // said above
pub struct Recorded {
    pub name: String,
    pub method: String,
    pub path: String,
    pub proof: Proof,
    pub json: Option<Value>,
    pub form: Option<BTreeMap<String, String>>,
    pub text: Option<String>,
    pub answer: Pattern,
}

/// A difference that is meant, for one request or, with `*`, for several.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Documented {
    /// Its name; `*_suffix` for all that end so.
    pub request: String,
    /// Why it is meant.
    pub reason: String,
    /// The words by which docs/LEGACY.md says so.
    pub says: String,
    /// What is answered instead.
    pub instead: Pattern,
}

/// Everything that is replayed, and what may differ.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // said above
pub struct Set {
    pub requests: Vec<Recorded>,
    /// Which new path comes after which old one.
    pub successors: BTreeMap<String, String>,
    pub documented: Vec<Documented>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    successors: BTreeMap<String, String>,
    requests: Vec<Recorded>,
}

impl Set {
    /// Reads `recorded.json` and `documented.json` in `folder`.
    ///
    /// # Errors
    /// When one is missing or says something that is not known here.
    pub fn read(folder: &Path) -> Result<Self> {
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let file: File = serde_json::from_str(&text("recorded.json")?).context("recorded.json")?;
        let documented: Vec<Documented> = serde_json::from_str(&text("documented.json")?).context("documented.json")?;
        let set = Self { requests: file.requests, successors: file.successors, documented };
        for one in &set.requests {
            ensure!(set.successors.contains_key(&one.path), "{}: nothing comes after {}", one.name, one.path);
        }
        Ok(set)
    }

    /// The documented difference of a request.
    #[must_use]
    pub fn exception(&self, name: &str) -> Option<&Documented> {
        self.documented.iter().find(|one| match one.request.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => one.request == name,
        })
    }
}
