//! `SLACK_SIGNING_SECRET`, `SLACK_BOT_TOKEN`, `SLACK_API_URL`. Missing ones switch a feature off; none opens a door.

use super::reader::Reader;
use dispatch_slack::BotTokens;
use dispatch_slack::verify::SigningSecrets;
use url::Url;

/// What it takes to hear Slack and to answer.
#[derive(Clone, Debug)]
pub struct Slack {
    /// `SLACK_SIGNING_SECRET`, several with commas while rotating. None: `/intake/slack` answers 503.
    pub signing_secrets: Option<SigningSecrets>,
    /// `SLACK_BOT_TOKEN`: one token, or `T1=xoxb-…,T2=xoxb-…`. None: receipts fail with
    /// `no_token`; `dispatch dev` records them.
    pub bot_tokens: Option<BotTokens>,
    /// `SLACK_API_URL`: another Slack, for tests.
    pub api_url: Option<Url>,
}

impl Slack {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let signing_secrets = reader.text("SLACK_SIGNING_SECRET").and_then(|text| {
            SigningSecrets::parse(&text)
                .map_err(|_| {
                    reader.problem(
                        "SLACK_SIGNING_SECRET",
                        "holds no secret",
                        "Copy it from the Slack app's Basic Information.",
                    );
                })
                .ok()
        });
        let cure = "Set it to an http(s) URL, or leave it out for https://slack.com/api/.";
        Self { signing_secrets, bot_tokens: bot_tokens(reader), api_url: reader.http_url("SLACK_API_URL", cure) }
    }
}

fn bot_tokens(reader: &mut Reader<'_>) -> Option<BotTokens> {
    let text = reader.text("SLACK_BOT_TOKEN")?;
    let tokens = BotTokens::parse(&text);
    if let Err(error) = &tokens {
        reader.problem("SLACK_BOT_TOKEN", "cannot be used", format!("{error}."));
    }
    tokens.ok()
}
