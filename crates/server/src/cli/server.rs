//! A running server, as commands ask it: one request, and an answer that people can act on when it is an error.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use dispatch_outbound::{Credentials, Outbound, OutboundOptions, Response, SendError, authority};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

/// Which server.
#[derive(Args)]
pub struct ServerArguments {
    /// The server's address
    #[arg(long, env = "PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    url: Url,
}

impl ServerArguments {
    /// A client that may call this server and nobody else by plain HTTP.
    pub fn connect(&self) -> Result<RunningServer> {
        let allow = authority(&self.url).into_iter().collect();
        let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() })?;
        Ok(RunningServer { base: self.url.clone(), outbound })
    }

    /// The address, for people: without what may be secret in it.
    pub fn place(&self) -> String {
        let mut url = self.url.clone();
        let _without_a_host = url.set_username("").and_then(|()| url.set_password(None));
        url.set_query(None);
        printable(url.as_str().trim_end_matches('/'))
    }

    /// `--url …` where another command needs it too, else nothing.
    pub fn repeated(&self) -> String {
        let default = self.url.as_str() == "http://127.0.0.1:8080/";
        if default { String::new() } else { format!("--url {} ", self.url.as_str().trim_end_matches('/')) }
    }
}

/// A server to ask.
pub struct RunningServer {
    base: Url,
    outbound: Outbound,
}

impl RunningServer {
    /// GETs a path given by its segments, which are escaped here.
    pub async fn get(&self, segments: &[&str], token: Option<&SecretString>) -> Result<Value> {
        let credentials = token.map_or(Credentials::None, Credentials::Bearer);
        let sent = self.outbound.get(&self.at(segments)?, credentials, &[]).await;
        understood(&sent.map_err(|error| self.unanswered(error))?)
    }

    /// POSTs JSON with these headers.
    pub async fn post(&self, segments: &[&str], headers: &[(&str, &str)], body: Vec<u8>) -> Result<Value> {
        let sent = self.outbound.post_json(&self.at(segments)?, Credentials::None, headers, body).await;
        understood(&sent.map_err(|error| self.unanswered(error))?)
    }

    /// POSTs JSON with these headers, as whoever has the token.
    pub async fn post_as(
        &self,
        segments: &[&str],
        token: Option<&SecretString>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Value> {
        let credentials = token.map_or(Credentials::None, Credentials::Bearer);
        let sent = self.outbound.post_json(&self.at(segments)?, credentials, headers, body).await;
        understood(&sent.map_err(|error| self.unanswered(error))?)
    }

    /// POSTs a form with these headers; answers whatever is good.
    pub async fn post_form(
        &self,
        segments: &[&str],
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Result<Response> {
        let sent = self.outbound.post_form(&self.at(segments)?, Credentials::None, headers, fields).await;
        let answer = sent.map_err(|error| self.unanswered(error))?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        Err(refusal(answer.status, serde_json::from_slice(&answer.body).ok().as_ref()))
    }

    /// The URL of a path given by its segments, which are escaped here.
    pub fn at(&self, segments: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow!("{} cannot have a path", self.base))?
            .pop_if_empty()
            .extend(segments);
        Ok(url)
    }

    fn unanswered(&self, error: SendError) -> anyhow::Error {
        let cure = match error.code() {
            "connection_refused" => "; start it with `cargo run --release -- dev`, or name another with --url",
            "dns_failed" => "; check --url",
            _ => "",
        };
        let what = format!("{} does not answer ({}){cure}", self.base, error.code());
        anyhow::Error::new(error).context(what)
    }
}

/// The JSON of a good answer, or the problem in words.
fn understood(answer: &Response) -> Result<Value> {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    if (200..300).contains(&answer.status) {
        return body.context("the server's answer is not JSON; is there a Dispatch at --url?");
    }
    Err(refusal(answer.status, body.as_ref()))
}

fn refusal(status: u16, problem: Option<&Value>) -> anyhow::Error {
    let member = |name: &str| problem.and_then(|problem| problem[name].as_str()).map(printable);
    let (Some(code), Some(title)) = (member("code"), member("title")) else {
        return anyhow!("the server answered {status}, and not as a Dispatch would; check --url");
    };
    let detail = member("detail").map(|detail| format!(" {detail}")).unwrap_or_default();
    let cure = match code.as_str() {
        "authentication_required" => " Set DISPATCH_TOKEN to a valid access token.",
        "signature_mismatch" => " The server has another signing secret: give it with --secret, or with --data-dir.",
        "sms_signature_mismatch" => {
            " The server has another auth token or another PUBLIC_URL: give --auth-token and --url, or --data-dir."
        }
        "account_mismatch" => " The server has another TWILIO_ACCOUNT_SID: give it with --account.",
        _ => "",
    };
    anyhow!("{title} ({status} {code}).{detail}{cure} Trace {}.", member("trace_id").unwrap_or_default())
}

/// What a server says is shown on a terminal; it must not be able to redraw it.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_is_told_with_its_cure() {
        let problem =
            json!({"title": "The signature does not match", "code": "signature_mismatch", "trace_id": "4bf9"});
        let told = refusal(401, Some(&problem)).to_string();
        assert!(
            told.contains("401 signature_mismatch") && told.contains("--secret") && told.contains("4bf9"),
            "{told}"
        );
        assert!(refusal(502, None).to_string().contains("check --url"));
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        let server = ServerArguments { url: Url::parse("http://127.0.0.1:1/base/").expect("valid") };
        let server = server.connect().expect("a client");
        let url = server.at(&["observe", "logs", "../../x?y#z"]).expect("a URL");
        assert_eq!(url.as_str(), "http://127.0.0.1:1/base/observe/logs/..%2F..%2Fx%3Fy%23z");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
