//! The document is checked in as this code makes it. Its rules are held by `cargo xtask spec lint`.

use super::json;
use serde_json::Value;
use std::path::Path;

#[test]
fn the_checked_in_document_is_the_one_of_this_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/dispatch.json");
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let checked_in = read(&std::fs::read_to_string(&file).unwrap_or_default());
    assert!(
        checked_in == read(&json()),
        "openapi/dispatch.json is not what the code says; run `cargo xtask spec write`"
    );
}
