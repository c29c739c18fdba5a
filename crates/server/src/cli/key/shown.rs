//! Keys as people and programs read them. Only a fresh key is shown whole.

use crate::cli::server::printable;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use dispatch_pipeline::ports::api_keys::ApiKey;
use dispatch_pipeline::ports::identity::Scope;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A fresh key, with what to do with it.
pub(super) fn created(key: &ApiKey, text: &str) -> String {
    let until = key.expires_at.map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {}", minute(at)));
    format!(
        "{text}\n\nThis is the only time that it is shown. It is good for {}, {until}.\n\
         Send it as `Authorization: Bearer dsp_…`; take it back with `dispatch key revoke {}`.",
        scopes(key).join(", "),
        key.key_id,
    )
}

/// A fresh key for programs.
pub(super) fn created_json(key: &ApiKey, text: &str) -> String {
    let mut shown = public(key);
    shown["key"] = json!(text);
    format!("{shown:#}")
}

/// All keys as a table.
pub(super) fn list(keys: &[ApiKey], now: OffsetDateTime) -> String {
    if keys.is_empty() {
        return "There are no keys yet. `dispatch key create --help` says how to make one.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "name", "key", "scopes", "state", "made (UTC)", "expires", "last used"]);
    for key in keys {
        table.add_row([
            key.key_id.to_string(),
            printable(&key.name),
            format!("dsp_{}…", key.prefix),
            scopes(key).join(", "),
            state(key, now).to_owned(),
            format!("{} by {}", minute(key.created_at), printable(&key.created_by)),
            key.expires_at.map_or_else(|| "never".to_owned(), minute),
            key.last_used_at.map_or_else(|| "never".to_owned(), minute),
        ]);
    }
    table.to_string()
}

/// All keys for programs.
pub(super) fn list_json(keys: &[ApiKey], now: OffsetDateTime) -> String {
    let shown = keys.iter().map(|key| {
        let mut shown = public(key);
        shown["state"] = json!(state(key, now));
        shown
    });
    format!("{:#}", shown.collect::<Value>())
}

fn state(key: &ApiKey, now: OffsetDateTime) -> &'static str {
    if key.revoked_at.is_some() {
        "revoked"
    } else if key.expires_at.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "active"
    }
}

/// Everything that may be known of a key; what is absent is left out.
fn public(key: &ApiKey) -> Value {
    let mut shown = json!({
        "key_id": key.key_id.to_string(), "name": key.name, "prefix": format!("dsp_{}", key.prefix),
        "scopes": scopes(key), "created_by": key.created_by, "created_at": instant(key.created_at),
    });
    let times = [("expires_at", key.expires_at), ("last_used_at", key.last_used_at), ("revoked_at", key.revoked_at)];
    for (name, at) in times.into_iter().filter_map(|(name, at)| Some((name, at?))) {
        shown[name] = json!(instant(at));
    }
    shown
}

fn scopes(key: &ApiKey) -> Vec<&'static str> {
    key.scopes.iter().map(Scope::as_str).collect()
}

fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn minute(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_pipeline::ports::api_keys::{ApiKeyId, KeyDigest};
    use time::macros::datetime;
    use uuid::uuid;

    const NOW: OffsetDateTime = datetime!(2026-11-20 14:03 UTC);

    fn key(expires_at: Option<OffsetDateTime>, revoked_at: Option<OffsetDateTime>) -> ApiKey {
        ApiKey {
            key_id: ApiKeyId(uuid!("01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e")),
            prefix: "0bFxT3stPr3f".into(),
            digest: KeyDigest([7; 32]),
            name: "night\treport".into(),
            scopes: [Scope::Observe, Scope::Missions].into_iter().collect(),
            created_by: "sam".into(),
            created_at: datetime!(2026-11-01 09:30 UTC),
            expires_at,
            last_used_at: None,
            revoked_at,
        }
    }

    #[test]
    fn a_list_tells_everything_but_the_key() {
        let keys = [key(None, None), key(Some(NOW), None), key(Some(NOW), Some(datetime!(2026-11-19 10:00 UTC)))];
        insta::assert_snapshot!(list(&keys, NOW));
        insta::assert_snapshot!(list_json(&keys, NOW));
        assert!(list(&[], NOW).contains("key create"));
    }

    #[test]
    fn a_fresh_key_is_shown_once_with_what_to_do() {
        insta::assert_snapshot!(created(&key(Some(NOW), None), "dsp_0bFxT3stPr3f_whole"));
        let shown: Value = serde_json::from_str(&created_json(&key(None, None), "dsp_x")).expect("JSON");
        assert_eq!((&shown["key"], &shown["scopes"]), (&json!("dsp_x"), &json!(["observe", "missions"])));
    }
}
