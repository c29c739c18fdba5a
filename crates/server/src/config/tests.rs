//! The configuration as a table: what is set, what comes of it.

use super::*;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::time::Duration;

fn read(variables: &[(&str, &str)], role: Role) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::from_env(&|name| variables.get(name).cloned(), role)
}

fn wrong(variables: &[(&str, &str)], role: Role) -> Vec<String> {
    read(variables, role).expect_err("refused").0.into_iter().map(|problem| problem.variable.into_owned()).collect()
}

const JWT: (&str, &str) = ("SUPABASE_JWT_SECRET", "a-secret-for-tests-of-at-least-32-bytes");
const DATABASE: (&str, &str) = ("DATABASE_URL", "postgresql://dispatch:hunter2@db.example/dispatch");

#[test]
fn dev_needs_nothing_and_has_the_documented_defaults() {
    let config = read(&[], Role::Dev).expect("valid");
    assert_eq!(config.http.address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.routing.zone.name(), "America/Toronto");
    assert!(config.slack.signing_secrets.is_none() && config.slack.bot_tokens.is_none());
    let settings = config.worker.settings;
    assert_eq!((settings.burst.quiet, settings.burst.max), (Duration::from_secs(2), 10));
    assert_eq!((settings.claim.lease, settings.claim.max_attempts), (Duration::from_secs(30), 5));
    assert_eq!(config.telemetry.format, None);
    assert_eq!(config.retention, dispatch_pipeline::ports::retention::Ages::default());
}

#[test]
fn nothing_is_kept_for_less_time_than_repeats_come_in() {
    let wanted = [("RETAIN_WORK_DAYS", "7"), ("RETAIN_BODIES_DAYS", "14"), ("RETAIN_DEAD_DAYS", "36500")];
    let days = |time: Duration| time.as_secs() / 86_400;
    let ages = read(&wanted, Role::Dev).expect("valid").retention;
    assert_eq!((days(ages.work), days(ages.bodies), days(ages.dead), days(ages.ignored)), (7, 14, 36_500, 30));
    for little in ["6", "0", "-1", "soon", "36501"] {
        assert_eq!(wrong(&[("RETAIN_IGNORED_DAYS", little)], Role::Dev), ["RETAIN_IGNORED_DAYS"], "{little}");
    }
}

#[test]
fn serve_needs_a_database_and_authentication() {
    assert_eq!(wrong(&[], Role::Serve), ["DATABASE_URL", "SUPABASE_JWT_SECRET"]);
    assert_eq!(wrong(&[DATABASE, ("SUPABASE_JWT_SECRET", "  ")], Role::Serve), ["SUPABASE_JWT_SECRET"]);
    assert_eq!(wrong(&[DATABASE, ("SUPABASE_JWT_SECRET", "short")], Role::Serve), ["SUPABASE_JWT_SECRET"]);
    assert_eq!(wrong(&[], Role::Database), ["DATABASE_URL"]);
    assert!(read(&[DATABASE, JWT], Role::Serve).is_ok());
    assert!(
        read(&[DATABASE, ("JWKS_URL", "https://x.supabase.co/auth/v1/.well-known/jwks.json")], Role::Serve).is_ok()
    );
    assert!(read(&[DATABASE], Role::Database).is_ok());
}

#[test]
fn dev_is_for_this_machine_only() {
    for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.7:8080"] {
        assert_eq!(wrong(&[("DISPATCH_ADDR", address)], Role::Dev), ["DISPATCH_ADDR"]);
        assert!(read(&[DATABASE, JWT, ("DISPATCH_ADDR", address)], Role::Serve).is_ok());
    }
    for address in ["127.0.0.1:0", "[::1]:8080"] {
        assert!(read(&[("DISPATCH_ADDR", address)], Role::Dev).is_ok());
    }
}

#[test]
fn every_mistake_is_told_at_once_and_no_secret_is_shown() {
    let error = read(
        &[
            ("DISPATCH_ADDR", "8080"),
            ("PUBLIC_URL", "dispatch.example"),
            ("SLACK_SIGNING_SECRET", " , "),
            ("SLACK_API_URL", "ftp://slack"),
            ("TWILIO_ACCOUNT_SID", "SK0123"),
            ("TWILIO_AUTH_TOKEN", " ,hunter2 hunter2"),
            ("TWILIO_FROM", "416-555-0100"),
            ("TWILIO_API_URL", "api.twilio.com"),
            ("LLM_PROVIDER", "openai, grok, Big=openai, openai, local=openai, groq=openai"),
            ("LLM_BASE_URL", "https://me:hunter2@llm.example"),
            ("LLM_PRICE_INPUT", "cheap"),
            ("LLM_PRICE_OUTPUT", "1.6"),
            ("GROQ_PRICE_INPUT", "0.1"),
            ("LLM_TIMEOUT_MS", "8s"),
            ("LLM_CONCURRENCY", "0"),
            ("AUTO_DISPATCH_THRESHOLD", "70"),
            ("DISPATCH_TIMEZONE", "Toronto"),
            ("DISPATCH_POLICY", "/no/such/policy.toml"),
            ("BURST_QUIET_MS", "2s"),
            ("BURST_MAX", "0"),
            ("DISPATCH_LEASE_MS", "1"),
            ("DISPATCH_MAX_ATTEMPTS", "-1"),
            ("DISPATCH_BATCH", "many"),
            ("SUPABASE_JWT_SECRET", "hunter2"),
            ("JWKS_URL", "http://keys.example"),
            ("LOG_FORMAT", "xml"),
            ("RUST_LOG", "dispatch=loud"),
            ("RATE_LIMIT_PER_CALLER", "many"),
            ("RATE_LIMIT_PER_ADDRESS", "5:0"),
            ("TRUSTED_PROXIES", "0.0.0.0/0, 10.0.0.0/8, proxy"),
            ("CORS_ALLOWED_ORIGINS", "https://*.vercel-*.app, https://app.example/"),
            ("DRAIN_DELAY_MS", "5s"),
            ("MAX_CONNECTIONS", "1"),
        ],
        Role::Serve,
    )
    .expect_err("nearly everything is wrong");
    let text = error.to_string();
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn values_arrive() {
    let config = read(
        &[
            DATABASE,
            JWT,
            ("SLACK_SIGNING_SECRET", "old, new"),
            ("TWILIO_ACCOUNT_SID", "ACdeadbeef0123456789abcdef01234567"),
            ("TWILIO_AUTH_TOKEN", "hunter2-new, hunter2-old"),
            ("TWILIO_FROM", "+14165550100"),
            ("AUTO_DISPATCH_THRESHOLD", "0.5"),
            ("DISPATCH_TIMEZONE", "europe/berlin"),
            ("BURST_QUIET_MS", "300"),
            ("DISPATCH_LEASE_MS", "1500"),
            ("LOG_FORMAT", "json"),
        ],
        Role::Serve,
    )
    .expect("valid");
    assert!(config.slack.signing_secrets.is_some());
    let twilio = &config.twilio;
    assert_eq!(twilio.credentials.as_ref().expect("both").account.as_str(), "ACdeadbeef0123456789abcdef01234567");
    assert_eq!(twilio.sending_token.as_ref().expect("the first").expose_secret(), "hunter2-new");
    assert_eq!(twilio.from.as_deref(), Some("+14165550100"));
    assert!((config.routing.policy.threshold - 0.5).abs() < f32::EPSILON);
    assert_eq!(config.routing.zone.name(), "Europe/Berlin");
    assert_eq!(config.worker.settings.burst.quiet, Duration::from_millis(300));
    assert_eq!(config.worker.settings.claim.lease, Duration::from_millis(1500));
    assert_eq!(config.telemetry.format, Some(LogFormat::Json));
    assert!(!format!("{config:?}").contains("hunter2"), "a password never reaches a log");
}

#[test]
fn the_front_door_is_limited_except_for_whoever_develops() {
    let limits = read(&[DATABASE, JWT], Role::Serve).expect("valid").limits;
    let told = |rate: Option<Rate>| rate.map(|rate| rate.to_string()).unwrap_or_default();
    assert_eq!((told(limits.per_caller), told(limits.per_address)), ("50:200".to_owned(), "10:100".to_owned()));
    assert_eq!((limits.proxies.len(), limits.origins.len(), limits.drain_delay), (0, 0, Duration::ZERO));
    let dev = read(&[], Role::Dev).expect("valid").limits;
    assert_eq!((dev.per_caller, dev.per_address), (None, None));
    let off = read(&[DATABASE, JWT, ("RATE_LIMIT_PER_CALLER", "0")], Role::Serve).expect("valid").limits;
    assert_eq!((off.per_caller, told(off.per_address)), (None, "10:100".to_owned()));
    let proxies = read(&[("TRUSTED_PROXIES", "10.1.2.3/8,192.0.2.7, ::1")], Role::Dev).expect("valid").limits.proxies;
    assert_eq!(proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "192.0.2.7/32", "::1/128"]);
}

#[test]
fn half_of_twilios_credentials_is_a_mistake_and_none_is_not() {
    let (account, token) =
        (("TWILIO_ACCOUNT_SID", "ACdeadbeef0123456789abcdef01234567"), ("TWILIO_AUTH_TOKEN", "hunter2"));
    assert_eq!(wrong(&[account], Role::Dev), ["TWILIO_AUTH_TOKEN"]);
    assert_eq!(wrong(&[DATABASE, JWT, token], Role::Serve), ["TWILIO_ACCOUNT_SID"]);
    let cure = &read(&[account], Role::Dev).expect_err("half").0[0].cure;
    assert!(cure.contains("Twilio console"), "{cure}");
    let none = read(&[("TWILIO_ACCOUNT_SID", " ")], Role::Dev).expect("valid").twilio;
    assert!(none.credentials.is_none() && none.sending_token.is_none());
    assert!(read(&[account, token], Role::Dev).expect("valid").twilio.credentials.is_some());
}

#[test]
fn a_policy_file_is_read_and_its_mistakes_have_a_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, "treshold = 0.7\n").expect("written");
    let path = file.to_str().expect("Unicode");
    let error = read(&[("DISPATCH_POLICY", path)], Role::Dev).expect_err("a typo").to_string();
    assert!(error.contains(&format!("\n    {path}:1:1: a policy has no `treshold`")), "{error}");

    let text = "threshold = 0.6\n";
    std::fs::write(&file, text).expect("written");
    let origin = read(&[("DISPATCH_POLICY", path)], Role::Dev).expect("valid").routing.origin;
    assert_eq!((origin.path.as_deref(), origin.sha256.len()), (Some(path), 64));
    let routing =
        read(&[("DISPATCH_POLICY", path), ("AUTO_DISPATCH_THRESHOLD", "0.5")], Role::Dev).expect("valid").routing;
    assert!((routing.policy.threshold - 0.5).abs() < f32::EPSILON, "the environment counts");
    assert_eq!((routing.threshold_is_set, routing.origin.sha256), (true, origin.sha256));
}
