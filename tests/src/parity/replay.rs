//! Asks a server everything that was recorded: under the prefix, and on the unprefixed paths under both values of the flag. Must
//! not know where the server came from.

use super::compare::{Answer, Place};
use super::recorded::{Proof, Recorded, Set};
use super::target::Target;
use super::{Difference, Documented};
use anyhow::{Context as _, Result, ensure};
use dispatch_slack::verify::sign as sign_slack;
use dispatch_sms::verify::sign as sign_sms;
use reqwest::{Client, Method, Request};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use time::OffsetDateTime;

/// Headers by which an answer of the old contract says that it will go.
const FAREWELL: [&str; 3] = ["deprecation", "sunset", "link"];

/// What came of a replay.
#[derive(Clone, Default, Serialize, Debug)]
pub struct Outcome {
    /// How many requests were sent.
    pub asked: usize,
    /// Differences that nobody has listed: there should be none.
    pub differences: Vec<Difference>,
    /// Listed ones that were found: name and reason.
    pub documented: Vec<(String, String)>,
}

/// How a path is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Prefixed,
    Flagged,
}

/// Replays the whole set.
///
/// # Errors
/// When the server cannot be reached, or does not let the flag be set.
pub async fn replay(target: &Target, set: &Set) -> Result<Outcome> {
    let teller = Teller { target, client: Client::new() };
    let mut outcome = Outcome::default();
    teller.recorded(set, Way::Prefixed, &mut outcome).await?;
    if target.may_flip {
        let before = teller.flag().await?;
        let done = async {
            teller.flip("operations").await?;
            teller.recorded(set, Way::Flagged, &mut outcome).await?;
            teller.flip("dispatch").await?;
            teller.successors(set, &mut outcome).await
        };
        let done: Result<()> = Box::pin(done).await;
        teller.flip(&before).await?;
        done?;
    }
    Ok(outcome)
}

struct Teller<'a> {
    target: &'a Target,
    client: Client,
}

impl Teller<'_> {
    async fn recorded(&self, set: &Set, way: Way, outcome: &mut Outcome) -> Result<()> {
        for one in &set.requests {
            let path = if way == Way::Prefixed { format!("/operations{}", one.path) } else { one.path.clone() };
            let asked = format!("{path}{}", if way == Way::Prefixed { "" } else { " (operations)" });
            let answer = self.ask(one, &path).await?;
            outcome.asked += 1;
            let mut found = one.answer.differences(&answer);
            if let Some(meant) = set.exception(&one.name) {
                found = self.meant(meant, found.is_empty(), &answer, &one.name, outcome);
            }
            let silent = FAREWELL.iter().filter(|name| !answer.headers.contains_key(**name));
            found.extend(silent.map(|name| (format!("header {name}"), "there".to_owned(), "missing".to_owned())));
            outcome.differences.extend(found.into_iter().map(|(at, expected, found)| Difference {
                request: one.name.clone(),
                asked: asked.clone(),
                at,
                expected,
                found,
            }));
        }
        Ok(())
    }

    /// What is wrong with an answer that is meant to be another one.
    fn meant(
        &self,
        meant: &Documented,
        is_as_recorded: bool,
        answer: &Answer,
        name: &str,
        outcome: &mut Outcome,
    ) -> Vec<Place> {
        if is_as_recorded {
            let stale = ("documented".to_owned(), meant.reason.clone(), "as the old system".to_owned());
            return if self.target.is_strict { vec![stale] } else { Vec::new() };
        }
        let wrong = meant.instead.differences(answer);
        if wrong.is_empty() && !outcome.documented.iter().any(|(known, _)| known == name) {
            outcome.documented.push((name.to_owned(), meant.reason.clone()));
        }
        wrong
    }

    /// Under the new value an unprefixed path answers as its successor.
    async fn successors(&self, set: &Set, outcome: &mut Outcome) -> Result<()> {
        for one in &set.requests {
            let successor = &set.successors[&one.path];
            let (old_path, new_path) = (self.ask(one, &one.path).await?, self.ask(one, successor).await?);
            outcome.asked += 2;
            let (found, expected) = (shape(&old_path), shape(&new_path));
            if found != expected {
                let asked = format!("{} (dispatch)", one.path);
                let at = format!("as {successor}");
                outcome.differences.push(Difference { request: one.name.clone(), asked, at, expected, found });
            }
        }
        Ok(())
    }

    async fn ask(&self, one: &Recorded, path: &str) -> Result<Answer> {
        let request = self.request(one, path)?;
        let response = self.client.execute(request).await.with_context(|| format!("{} did not answer", one.name))?;
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(Answer { status: response.status().as_u16(), headers, body: response.text().await? })
    }

    fn request(&self, one: &Recorded, path: &str) -> Result<Request> {
        let (body, content_type) = self.body(one);
        let mut path = path.to_owned();
        let hashed = one.proof == Proof::Twilio && one.form.is_none();
        if hashed {
            let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
            let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            path = format!("{path}?bodySHA256={hash}");
        }
        let method = Method::from_bytes(one.method.as_bytes())?;
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.target.base));
        if method == Method::POST {
            request = request.header("content-type", content_type).body(body.clone());
        }
        request = match one.proof {
            Proof::Slack => {
                let now = OffsetDateTime::now_utc().unix_timestamp();
                let signature = sign_slack(&self.target.slack_secret.clone().into(), now, body.as_bytes());
                request.header("x-slack-request-timestamp", now).header("x-slack-signature", signature)
            }
            Proof::Twilio => {
                let form: Vec<(String, String)> = if hashed {
                    Vec::new()
                } else {
                    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
                };
                let url = format!("{}{path}", self.target.public_url);
                request.header("x-twilio-signature", sign_sms(&self.target.auth_token.clone().into(), &url, &form))
            }
            Proof::Token => self.bearer(request),
            Proof::None => request,
        };
        Ok(request.build()?)
    }

    fn bearer(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.target.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The body with everything filled in, each time anew: a repeat would be known as one.
    fn body(&self, one: &Recorded) -> (String, &'static str) {
        // From anywhere, so that one replay does not know the numbers of another one, and then on by one.
        static NEXT: LazyLock<AtomicU64> =
            LazyLock::new(|| AtomicU64::new(OffsetDateTime::now_utc().microsecond().into()));
        let now = OffsetDateTime::now_utc();
        let number = NEXT.fetch_add(1, Ordering::Relaxed) % 1_000_000;
        let filled = |text: &str| {
            text.replace("{n}", &format!("{number:06}"))
                .replace("{now}", &now.unix_timestamp().to_string())
                .replace("{account}", &self.target.account)
        };
        if let Some(form) = &one.form {
            let pairs = form.iter().map(|(name, value)| (name, filled(value)));
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            return (body, "application/x-www-form-urlencoded");
        }
        let json = one.json.as_ref().map(ToString::to_string);
        (filled(&json.or_else(|| one.text.clone()).unwrap_or_default()), "application/json")
    }

    async fn flag(&self) -> Result<String> {
        let request = self.client.get(format!("{}/route/flag", self.target.base));
        let flag: Value = self.bearer(request).send().await?.error_for_status()?.json().await?;
        Ok(flag["api_version"].as_str().context("the flag has no value")?.to_owned())
    }

    async fn flip(&self, version: &str) -> Result<()> {
        let wish = json!({ "api_version": version, "reason": "parity" });
        let request = self.client.put(format!("{}/route/flag", self.target.base)).json(&wish);
        let told: Value = self.bearer(request).send().await?.error_for_status()?.json().await?;
        ensure!(told["complete"] == true, "not every replica serves by {version}: {told}");
        Ok(())
    }
}

/// Status, type, members and code; or the names of a stream's events. What is in them differs from request to request.
fn shape(answer: &Answer) -> String {
    let content_type = answer.headers.get("content-type").map_or("", String::as_str);
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let members = json.as_object().into_iter().flat_map(|body| body.keys().cloned());
    let events = answer.body.lines().filter(|line| line.starts_with("event: ")).map(str::to_owned);
    let names: BTreeSet<String> = members.chain(events).collect();
    let code = json["code"].as_str().unwrap_or_default();
    let names: Vec<String> = names.into_iter().collect();
    format!("{} {content_type} {code} {}", answer.status, names.join(", "))
}
