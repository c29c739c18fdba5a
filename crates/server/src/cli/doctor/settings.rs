//! What is configured, and what is switched off because it is not. Shows no secret.

use super::super::state;
use super::check::Check;
use crate::config::{Config, Llm, Routing};
use dispatch_pipeline::ports::retention::Ages;
use std::path::Path;

/// One finding for each setting that matters.
pub fn look(config: &Config, folder: &Path) -> Vec<Check> {
    vec![
        Check::ok("DISPATCH_ADDR", config.http.address.to_string()),
        signing_secret(config, folder),
        bot_token(config),
        twilio_credentials(config, folder),
        twilio_sender(config),
        public_url(config),
        llm(config),
        policy(config),
        Check::ok("DISPATCH_TIMEZONE", config.routing.zone.name()),
        Check::ok("CUTOVER_QUIET_HOURS", config.quiet_hours.to_string()),
        worker(config),
        retention(config),
    ]
}

fn signing_secret(config: &Config, folder: &Path) -> Check {
    const NAME: &str = "SLACK_SIGNING_SECRET";
    if config.slack.signing_secrets.is_some() {
        return Check::ok(NAME, "set");
    }
    let cure = "Copy it from the Slack app's Basic Information.";
    if state::stored_secret(folder).is_ok() {
        let file = state::secret_file(folder);
        return Check::off(NAME, format!("not set; `dispatch dev` uses its own from {}", file.display())).cure(cure);
    }
    Check::off(NAME, "not set: POST /intake/slack answers 503 (`dispatch dev` makes its own)").cure(cure)
}

fn bot_token(config: &Config) -> Check {
    const NAME: &str = "SLACK_BOT_TOKEN";
    let api = config.slack.api_url.as_ref().map(|url| format!(", to {url}")).unwrap_or_default();
    match &config.slack.bot_tokens {
        Some(_) => Check::ok(NAME, format!("set{api}")),
        None => Check::off(NAME, "not set: receipts fail visibly, with no_token (`dispatch dev` records them)")
            .cure("Install the Slack app and copy its bot token (xoxb-…)."),
    }
}

fn twilio_credentials(config: &Config, folder: &Path) -> Check {
    const NAME: &str = "TWILIO_AUTH_TOKEN";
    if let Some(credentials) = &config.twilio.credentials {
        let api = config.twilio.api_url.as_ref().map(|url| format!(", to {url}")).unwrap_or_default();
        return Check::ok(NAME, format!("set, for account {}{api}", credentials.account));
    }
    let cure = "Copy TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN from the Twilio console's account page.";
    if state::stored_twilio_credentials(folder).is_ok() {
        let file = state::twilio_token_file(folder);
        return Check::off(NAME, format!("not set; `dispatch dev` uses its own from {}", file.display())).cure(cure);
    }
    Check::off(NAME, "not set: POST /intake/sms answers 503, receipts by SMS fail with no_credentials").cure(cure)
}

fn twilio_sender(config: &Config) -> Check {
    const NAME: &str = "TWILIO_FROM";
    match &config.twilio.from {
        Some(_) => Check::ok(NAME, "set"),
        None => Check::ok(NAME, "not set: each answer comes from the number that was written to"),
    }
}

/// Part of what Twilio signs; Slack does not ask for it.
fn public_url(config: &Config) -> Check {
    const NAME: &str = "PUBLIC_URL";
    match (&config.http.public_url, &config.twilio.credentials) {
        (Some(url), _) => {
            let others = config.http.other_urls.iter().map(|url| format!(", also {url}"));
            Check::ok(NAME, std::iter::once(url.to_string()).chain(others).collect::<String>())
        }
        (None, Some(_)) => {
            Check::warn(NAME, "not set: POST /intake/sms answers 503, for Twilio signs the URL it calls")
                .cure("Set it to the URL under which Twilio calls this server, such as https://dispatch.example.")
        }
        (None, None) => Check::off(NAME, "not set; only text messages need it"),
    }
}

fn llm(config: &Config) -> Check {
    const NAME: &str = "LLM_PROVIDER";
    const CURE: &str = "Set LLM_PROVIDER and its key, such as OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY.";
    let Llm { providers, keyless, timeout, concurrency } = &config.llm;
    let asked: Vec<_> = providers
        .iter()
        .map(|provider| {
            let at = provider.base_url.as_ref().and_then(|url| Some(format!(" at {}", url.host_str()?)));
            format!("{} ({}{})", provider.name, provider.model, at.unwrap_or_default())
        })
        .collect();
    let missing = keyless.join(", ");
    match (asked.is_empty(), keyless.is_empty()) {
        (true, true) => Check::off(NAME, "no language model: rules alone classify and answer").cure(CURE),
        (true, false) => Check::warn(NAME, format!("{missing} not set: rules alone classify and answer")).cure(CURE),
        (false, everybody) => {
            let found = format!(
                "{}, then rules; {timeout:?} for each, {concurrency} at a time{}",
                asked.join(", then "),
                if everybody { String::new() } else { format!("; without {missing}") }
            );
            if everybody { Check::ok(NAME, found) } else { Check::warn(NAME, found).cure(CURE) }
        }
    }
}

fn policy(config: &Config) -> Check {
    const NAME: &str = "policy";
    let Routing { policy, origin, .. } = &config.routing;
    let rules = policy.rules.iter().count();
    let found = format!("{origin}, threshold {}, {rules} rules", policy.threshold);
    let warnings: Vec<_> = policy.warnings().iter().map(ToString::to_string).collect();
    if warnings.is_empty() {
        return Check::ok(NAME, found);
    }
    let cure =
        "Change their order or their conditions; `dispatch policy explain` shows what each rule makes of a message.";
    Check::warn(NAME, format!("{found}; {}", warnings.join("; "))).cure(cure)
}

fn worker(config: &Config) -> Check {
    let settings = config.worker.settings;
    Check::ok(
        "worker",
        format!(
            "bursts close after {:?} or {} messages; lease {:?}, {} attempts, {} at a time",
            settings.burst.quiet,
            settings.burst.max,
            settings.claim.lease,
            settings.claim.max_attempts,
            settings.claim.limit
        ),
    )
}

fn retention(config: &Config) -> Check {
    let days = |time: std::time::Duration| time.as_secs() / (24 * 60 * 60);
    let Ages { work, dead, bodies, ignored, requests, reports } = config.retention;
    Check::ok(
        "RETAIN_…_DAYS",
        format!(
            "finished work {}, dead letters {}, bodies {}, ignored {}, requests {}, reports {}",
            days(work),
            days(dead),
            days(bodies),
            days(ignored),
            days(requests),
            days(reports)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    #[test]
    fn what_is_missing_says_what_it_switches_off_and_no_secret_is_shown() {
        let secrets = [
            ("SLACK_SIGNING_SECRET", "hunter2"),
            ("SLACK_BOT_TOKEN", "xoxb-hunter2"),
            ("TWILIO_ACCOUNT_SID", "AC1"),
            ("TWILIO_AUTH_TOKEN", "hunter2"),
            ("LLM_PROVIDER", "anthropic,gemini,groq=openai"),
            ("LLM_API_KEY", "hunter2"),
            ("GROQ_BASE_URL", "https://api.groq.com/openai/v1"),
            ("GROQ_MODEL", "llama"),
        ];
        let full = |name: &str| secrets.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let folder = tempfile::tempdir().expect("a folder");
        let bare = look(&Config::from_env(&|_| None, Role::Inspect).expect("valid"), folder.path());
        let found =
            |all: &[Check], name: &str| all.iter().find(|check| check.name == name).expect("looked at").found.clone();
        assert!(found(&bare, "SLACK_SIGNING_SECRET").contains("503"));
        assert!(found(&bare, "SLACK_BOT_TOKEN").contains("no_token"));
        assert!(found(&bare, "TWILIO_AUTH_TOKEN").contains("503"));
        let set = look(&Config::from_env(&full, Role::Inspect).expect("valid"), folder.path());
        assert!(!format!("{set:?}").contains("hunter2"));
        assert!(found(&set, "TWILIO_AUTH_TOKEN").contains("AC1"));
        assert!(found(&set, "PUBLIC_URL").contains("503"), "half of what it takes");
        assert!(found(&bare, "LLM_PROVIDER").contains("rules alone"));
        assert_eq!(
            found(&set, "LLM_PROVIDER"),
            "anthropic (claude-haiku-4-5), then groq (llama at api.groq.com), then rules; 8s for each, 8 at a time; \
             without GEMINI_API_KEY"
        );
    }
}
