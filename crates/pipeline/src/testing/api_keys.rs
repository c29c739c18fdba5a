//! What every [`ApiKeys`] owes its callers.

use crate::ports::api_keys::{ApiKeyId, ApiKeys, KeyDigest, NewApiKey};
use crate::ports::identity::{Scope, Scopes};
use time::macros::datetime;

/// A key that ends in 2030.
fn key(prefix: &str, scopes: &[Scope]) -> NewApiKey {
    NewApiKey {
        key_id: ApiKeyId::mint(),
        prefix: prefix.to_owned(),
        digest: KeyDigest([7; 32]),
        name: format!("key {prefix}"),
        scopes: scopes.iter().copied().collect(),
        created_by: "sam".to_owned(),
        expires_at: Some(datetime!(2030-01-01 00:00 UTC)),
    }
}

/// The contract of [`ApiKeys`], on an empty store.
///
/// # Panics
/// When it is broken.
pub async fn api_keys_contract(keys: &dyn ApiKeys) {
    assert!(keys.list().await.expect("answers").is_empty(), "the suite needs an empty store");
    what_was_made_is_found_as_it_was(keys).await;
    a_prefix_belongs_to_one_key(keys).await;
    a_key_is_revoked_once_and_for_good(keys).await;
    its_use_is_noted(keys).await;
    let listed: Vec<_> = keys.list().await.expect("answers").into_iter().map(|key| key.prefix).collect();
    assert_eq!(listed, ["used", "revoked", "made"], "the newest first, revoked ones too");
}

async fn what_was_made_is_found_as_it_was(keys: &dyn ApiKeys) {
    let new = NewApiKey { expires_at: None, ..key("made", &Scope::ALL) };
    let made = keys.create(&new).await.expect("kept");
    assert_eq!((made.key_id, &made.prefix, made.digest), (new.key_id, &new.prefix, new.digest));
    assert_eq!((&made.name, made.scopes, &made.created_by), (&new.name, new.scopes, &new.created_by));
    assert_eq!((made.expires_at, made.last_used_at, made.revoked_at), (None, None, None));
    assert_eq!(keys.find("made").await.expect("answers"), Some(made));
    assert_eq!(keys.find("MADE").await.expect("answers"), None, "letters count");
    assert_eq!(keys.find("' OR true --").await.expect("answers"), None);
}

async fn a_prefix_belongs_to_one_key(keys: &dyn ApiKeys) {
    assert!(keys.create(&key("made", &[Scope::Intake])).await.is_err());
    let first = keys.find("made").await.expect("answers").expect("there");
    assert_eq!(first.scopes, Scope::ALL.into_iter().collect::<Scopes>(), "the first one stays as it was");
}

async fn a_key_is_revoked_once_and_for_good(keys: &dyn ApiKeys) {
    let made = keys.create(&key("revoked", &[Scope::Missions, Scope::Observe])).await.expect("kept");
    assert_eq!(made.expires_at, Some(datetime!(2030-01-01 00:00 UTC)));
    let revoked = keys.revoke(made.key_id).await.expect("answers").expect("there");
    assert!(revoked.revoked_at.is_some());
    let again = keys.revoke(made.key_id).await.expect("answers");
    assert_eq!(again.as_ref(), Some(&revoked), "the first time counts");
    assert_eq!(keys.find("revoked").await.expect("answers"), again);
    assert_eq!(keys.revoke(ApiKeyId::mint()).await.expect("answers"), None);
    assert_eq!(keys.find("made").await.expect("answers").and_then(|key| key.revoked_at), None, "nobody else's");
}

async fn its_use_is_noted(keys: &dyn ApiKeys) {
    let made = keys.create(&key("used", &[Scope::Admin])).await.expect("kept");
    let last_used = async || keys.find("used").await.expect("answers").expect("there").last_used_at;
    assert_eq!(last_used().await, None);
    keys.used(made.key_id).await.expect("noted");
    let first = last_used().await;
    assert!(first.is_some());
    keys.used(made.key_id).await.expect("noted");
    assert_eq!(last_used().await, first, "not twice within a minute");
    keys.used(ApiKeyId::mint()).await.expect("nobody's");
}

#[tokio::test]
async fn the_one_in_memory_keeps_the_contract() {
    api_keys_contract(&crate::ports::api_keys::MemoryApiKeys::default()).await;
}
