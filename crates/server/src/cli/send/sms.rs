//! `dispatch send --sms`: a text message, signed as Twilio signs, to a running server.

use super::super::dotenv::{self, DOTENV};
use super::super::server::{RunningServer, ServerArguments};
use super::super::state;
use anyhow::{Context, Result};
use clap::Args;
use dispatch_sms::verify::{SIGNATURE_HEADER, sign};
use dispatch_sms::{Account, AuthTokens};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::path::Path;
use url::Url;
use uuid::Uuid;

#[derive(Args)]
pub struct SmsArguments {
    /// Send a text message instead of a Slack message
    #[arg(long)]
    pub sms: bool,
    /// Phone number of the author
    #[arg(long, requires = "sms", default_value = "+14165550101", value_name = "NUMBER")]
    from: String,
    /// Phone number that is written to
    #[arg(long, requires = "sms", default_value = "+14165550100", value_name = "NUMBER")]
    to: String,
    /// Twilio's id of the message [default: a new one]
    #[arg(long, requires = "sms", value_name = "SID")]
    message_sid: Option<String>,
    /// Twilio account SID [default: the one that `dispatch dev` made]
    #[arg(long, env = "TWILIO_ACCOUNT_SID", value_name = "SID")]
    account: Option<String>,
    /// Twilio auth token [default: the one that `dispatch dev` made]
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    auth_token: Option<SecretString>,
}

/// Sends, and answers what a Slack message would have been answered with.
pub async fn send(arguments: &SmsArguments, server: &ServerArguments, folder: &Path, text: &str) -> Result<Value> {
    let dotenv = dotenv::with(Path::new(DOTENV))?;
    let setting = |name: &str| dotenv(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let (account, token) = credentials(arguments, &setting, folder)?;
    let running = server.connect()?;
    let url = signed_url(&running, setting("PUBLIC_URL"))?;
    let fields = form(arguments, &account, text);
    let signature = sign(&token, url.as_str(), &fields);
    let headers = [(SIGNATURE_HEADER, signature.as_str())];
    let pairs: Vec<_> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let answer = running.post_form(&["intake", "sms"], &headers, &pairs).await?;
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(json!({"event_id": header("dispatch-event-id"), "status": header("dispatch-status")}))
}

/// The URL as the server believes to be called. On this machine that is `PUBLIC_URL`, where `.env` names one for
/// `dispatch dev`; a server elsewhere is called by its name.
fn signed_url(server: &RunningServer, public: Option<String>) -> Result<Url> {
    let called = server.at(&["intake", "sms"])?;
    let here = matches!(called.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match public.filter(|_| here) {
        Some(public) => {
            let mut url = Url::parse(&public).context("PUBLIC_URL is no URL")?;
            url.set_path(called.path());
            url.set_query(None);
            Ok(url)
        }
        None => Ok(called),
    }
}

/// What was given, else what `dispatch dev` in this folder verifies with: `.env`, else what it made.
fn credentials(
    arguments: &SmsArguments,
    setting: &impl Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<(Account, SecretString)> {
    let account = arguments.account.clone().or_else(|| setting("TWILIO_ACCOUNT_SID"));
    let token = arguments.auth_token.as_ref().map(|token| token.expose_secret().to_owned());
    let (account, token) = match (account, token.or_else(|| setting("TWILIO_AUTH_TOKEN"))) {
        (Some(account), Some(token)) => (account, token),
        (account, token) => {
            let made = state::stored_twilio_credentials(folder).context(
                "there is no Twilio account; start `dispatch dev` here first, or give --account and --auth-token",
            )?;
            let made = (made.0.expose_secret().to_owned(), made.1.expose_secret().to_owned());
            (account.unwrap_or(made.0), token.unwrap_or(made.1))
        }
    };
    let tokens = AuthTokens::parse(&token)?;
    let token = tokens.first().context("the auth token is empty")?.clone();
    Ok((Account::parse(&account)?, token))
}

fn form(arguments: &SmsArguments, account: &Account, text: &str) -> Vec<(String, String)> {
    let sid = arguments.message_sid.clone().unwrap_or_else(|| format!("SM{}", Uuid::now_v7().simple()));
    let pairs = [
        ("MessageSid", sid.as_str()),
        ("SmsMessageSid", &sid),
        ("SmsSid", &sid),
        ("AccountSid", account.as_str()),
        ("From", &arguments.from),
        ("To", &arguments.to),
        ("Body", text),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: SmsArguments,
        #[command(flatten)]
        server: ServerArguments,
    }

    fn read(line: &[&str]) -> Line {
        Line::try_parse_from([&["send"], line].concat()).expect("valid")
    }

    #[test]
    fn it_looks_as_twilio_sends_it() {
        let line = read(&["--sms", "--from", "+14165550199", "--message-sid", "SM7"]);
        let sent = form(&line.arguments, &Account::parse("AC1").expect("a SID"), "hello");
        let field = |name: &str| sent.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(
            ["MessageSid", "AccountSid", "From", "Body"].map(field),
            ["SM7", "AC1", "+14165550199", "hello"].map(Some)
        );
        let new = form(&read(&["--sms"]).arguments, &Account::parse("AC1").expect("a SID"), "hello");
        assert!(new[0].1.starts_with("SM") && new[0].1.len() == 34);
        assert!(Line::try_parse_from(["send", "--from", "+14165550199"]).is_err(), "a number means --sms");
    }

    #[test]
    fn the_url_is_the_one_that_the_server_believes_in() {
        let public = || Some("https://tunnel.example/".to_owned());
        for (url, public, signed) in [
            ("http://127.0.0.1:8080", None, "http://127.0.0.1:8080/intake/sms"),
            ("http://127.0.0.1:8080", public(), "https://tunnel.example/intake/sms"),
            ("http://localhost:8080/dispatch", public(), "https://tunnel.example/dispatch/intake/sms"),
            ("https://dispatch.example", public(), "https://dispatch.example/intake/sms"),
        ] {
            let server = read(&["--url", url]).server.connect().expect("a client");
            assert_eq!(signed_url(&server, public).expect("a URL").as_str(), signed);
        }
    }
}
