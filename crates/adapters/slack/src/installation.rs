//! Whether our app is installed: Slack knows each bot token and says whose it is. Must not know what follows from that.

use crate::api::SlackApi;
use crate::tokens::BotTokens;
use dispatch_outbound::{Class, Failure, Outbound, Url};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::time::Duration;

/// Longer than any id of Slack's.
const MAX_ID: usize = 64;

/// One bot token, to be confirmed by Slack.
#[derive(Clone, Debug)]
pub struct Installation {
    api: SlackApi,
    token: SecretString,
    /// For which workspace it was configured, where somebody said.
    workspace: Option<String>,
}

/// Why a token is not confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unconfirmed {
    /// A stable code: Slack's own, or one about the call.
    pub code: String,
    /// Whether asking again may help.
    pub may_pass: bool,
    /// How long Slack asks to wait.
    pub retry_after: Option<Duration>,
}

impl Installation {
    /// One for each token, at the Web API at `api_url`; `outbound` as for a courier.
    #[must_use]
    pub fn all(outbound: &Outbound, api_url: &Url, tokens: &BotTokens) -> Vec<Self> {
        let api = SlackApi::new(outbound.clone(), api_url.clone());
        let of = |(workspace, token): (Option<&str>, &SecretString)| Self {
            api: api.clone(),
            token: token.clone(),
            workspace: workspace.map(str::to_owned),
        };
        tokens.each().into_iter().map(of).collect()
    }

    /// For which workspace the token was configured, where somebody said.
    #[must_use]
    pub fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    /// Asks Slack. Answers the ids under which the app is known to be installed: the workspace; of an app that is
    /// installed for a whole organisation also that, and the workspace that the token was configured for.
    ///
    /// # Errors
    /// [`Unconfirmed`].
    pub async fn confirmed(&self) -> Result<Vec<String>, Unconfirmed> {
        let answer = self.api.auth_test(&self.token).await.map_err(Unconfirmed::from)?;
        let ids = self.ids(&answer);
        if ids.is_empty() { Err(Failure::unreadable().into()) } else { Ok(ids) }
    }

    fn ids(&self, answer: &Map<String, Value>) -> Vec<String> {
        let id = |key: &str| answer.get(key).and_then(Value::as_str).filter(|id| is_id(id));
        let mut ids: Vec<&str> = id("team_id").into_iter().collect();
        // A workspace may belong to an organisation that did not install the app as a whole.
        if answer.get("is_enterprise_install").and_then(Value::as_bool) == Some(true) {
            ids.extend(id("enterprise_id").into_iter().chain(self.workspace()));
        }
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(str::to_owned).collect()
    }
}

impl From<Failure> for Unconfirmed {
    fn from(failure: Failure) -> Self {
        let may_pass = !matches!(failure.class, Class::Never | Class::Unwanted);
        Self { code: failure.code, may_pass, retry_after: failure.retry_after }
    }
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
