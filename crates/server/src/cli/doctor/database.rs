//! How the database is: reachable, encrypted, migrated, whose tables, its clock against ours. Changes nothing.

use super::check::Check;
use crate::compose;
use dispatch_pipeline::observe::{CheckStatus, Health};
use dispatch_postgres::connect::{self, DatabaseUrl, SslMode};
use dispatch_postgres::embedded;
use std::path::Path;
use time::OffsetDateTime;

/// Slack refuses to be answered by a clock that is five minutes off; people should know long before.
const CLOCK_WARN_SECONDS: f64 = 5.0;
const CLOCK_FAIL_SECONDS: f64 = 300.0;

/// Looks at the database of `url`, or at the embedded one that runs below `folder`.
pub async fn look(url: Option<DatabaseUrl>, folder: &Path) -> Vec<Check> {
    let (mut checks, url) = which(url, folder).await;
    if let Some(url) = url {
        checks.push(encryption(&url));
        match connect::refuse_pooler(&url).await {
            Ok(()) => checks.extend(inside(&url).await),
            Err(error) => checks.push(Check::fail("database", error.to_string())),
        }
    }
    checks
}

async fn which(url: Option<DatabaseUrl>, folder: &Path) -> (Vec<Check>, Option<DatabaseUrl>) {
    if let Some(url) = url {
        return (vec![Check::ok("DATABASE_URL", url.target())], Some(url));
    }
    match embedded::running(folder).await {
        Ok(Some(text)) => match text.parse::<DatabaseUrl>() {
            Ok(url) => (vec![Check::ok("embedded database", format!("runs, {}", url.target()))], Some(url)),
            Err(error) => (vec![Check::fail("embedded database", error.to_string())], None),
        },
        Ok(None) => {
            let found = format!("not set, and no `dispatch dev` runs with {}", folder.display());
            (vec![Check::off("DATABASE_URL", found).cure("Set it, or start `dispatch dev`.")], None)
        }
        Err(error) => (vec![Check::fail("embedded database", error.to_string())], None),
    }
}

fn encryption(url: &DatabaseUrl) -> Check {
    let mode = match url.ssl_mode() {
        SslMode::Disable if url.target().starts_with('/') => return Check::ok("TLS", "a unix socket needs none"),
        SslMode::Disable => "sslmode=disable: passwords and data travel in the clear",
        SslMode::Prefer => "sslmode=prefer: encrypted only if the server offers it, by whomever answers",
        SslMode::Require => "sslmode=require: encrypted, by whomever answers",
        SslMode::VerifyCa => return Check::ok("TLS", "sslmode=verify-ca"),
        SslMode::VerifyFull => return Check::ok("TLS", "sslmode=verify-full"),
    };
    Check::warn("TLS", mode).cure("Use sslmode=verify-full in DATABASE_URL where the network is not yours.")
}

async fn inside(url: &DatabaseUrl) -> Vec<Check> {
    let pool = match connect::pool(url, 1) {
        Ok(pool) => pool,
        Err(error) => return vec![Check::fail("database", error.to_string())],
    };
    let before = OffsetDateTime::now_utc();
    let health = compose::observe(&pool, &pool).health().await;
    let after = OffsetDateTime::now_utc();
    let mut checks: Vec<_> = health.checks.iter().map(of_health).collect();
    checks.extend(clock(&health, before + (after - before) / 2));
    checks.extend(queues(&health));
    pool.close();
    checks
}

fn of_health(check: &dispatch_pipeline::observe::Check) -> Check {
    let detail = check.detail.clone();
    match check.status {
        CheckStatus::Pass => Check::ok(check.name, detail.unwrap_or_else(|| "well".to_owned())),
        CheckStatus::Warn => Check::warn(check.name, detail.unwrap_or_default()),
        // Between two starts there is none; that is no fault of the installation.
        CheckStatus::Fail if check.name == "workers" => Check::warn(check.name, detail.unwrap_or_default()),
        CheckStatus::Fail => Check::fail(check.name, detail.unwrap_or_default()),
    }
}

fn clock(health: &Health, ours: OffsetDateTime) -> Option<Check> {
    let theirs = health.signs.as_ref()?.database_time;
    let off = (ours - theirs).as_seconds_f64();
    let found = format!("{off:+.1} s against the database's");
    Some(if off.abs() >= CLOCK_FAIL_SECONDS {
        Check::fail("clock", found).cure("Set this machine's clock (NTP): Slack's signatures are refused as stale.")
    } else if off.abs() >= CLOCK_WARN_SECONDS {
        Check::warn("clock", found).cure("Set the clocks of both machines (NTP).")
    } else {
        Check::ok("clock", found)
    })
}

fn queues(health: &Health) -> Option<Check> {
    let waiting = health.signs.as_ref()?.queues.iter().filter(|queue| queue.depth > 0);
    let told: Vec<_> = waiting
        .map(|queue| format!("{} {} (oldest {:.0} s)", queue.depth, queue.stage, queue.oldest_age_seconds))
        .collect();
    Some(Check::ok("waiting", if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }))
}
