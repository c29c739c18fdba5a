//! The items that hold the flag. Must not know how they travel.

use dispatch_pipeline::ports::flag::{ApiVersion, Flag, FlagError, Steering};
use serde_json::{Map, Value, json};

const VERSION: &str = "api_version";
const BASE: &str = "api_base";
const REST: &str = "dispatch_flag";

/// Reads the flag out of all items; `None` where nobody has set it.
pub(crate) fn read(items: &Map<String, Value>) -> Result<Option<Flag>, FlagError> {
    let Some(said) = items.get(VERSION) else { return Ok(None) };
    let version = said.as_str().and_then(ApiVersion::parse);
    let version = version.ok_or_else(|| FlagError::Unreadable(said.to_string()))?;
    let rest = items.get(REST).and_then(Value::as_object);
    let set = |name: &str| rest.and_then(|rest| rest.get(name));
    // What was set together with another version says nothing about this one.
    let is_of = set("version").and_then(Value::as_str) == Some(version.as_str());
    let percent = set("percent").and_then(Value::as_u64).and_then(|percent| u8::try_from(percent).ok());
    let percent = percent.filter(|percent| is_of && (1..=100).contains(percent)).unwrap_or(100);
    let shadow = is_of && set("shadow").and_then(Value::as_bool).unwrap_or(false);
    let mark = set("mark").and_then(Value::as_str).unwrap_or("by hand");
    Ok(Some(Flag { steering: Steering { version, percent, shadow }, mark: format!("{}:{mark}", version.as_str()) }))
}

/// What is sent to set it: a flag of [`minted`].
pub(crate) fn write(flag: &Flag) -> Value {
    let Steering { version, percent, shadow } = flag.steering;
    let mark = flag.mark.split_once(':').map_or(flag.mark.as_str(), |(_, mark)| mark);
    let upsert = |key: &str, value: Value| json!({ "operation": "upsert", "key": key, "value": value });
    json!({ "items": [
        upsert(VERSION, json!(version.as_str())),
        upsert(BASE, json!(version.base())),
        upsert(REST, json!({ "version": version.as_str(), "percent": percent, "shadow": shadow, "mark": mark })),
    ] })
}

/// The flag that [`read`] finds once it is written.
pub(crate) fn minted(steering: Steering, mark: &str) -> Flag {
    Flag { steering, mark: format!("{}:{mark}", steering.version.as_str()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn whoever_sets_the_version_by_hand_makes_another_change() {
        let by_us = items(&json!({ "api_version": "dispatch",
            "dispatch_flag": { "version": "dispatch", "percent": 25, "shadow": true, "mark": "m" } }));
        let flag = read(&by_us).unwrap().unwrap();
        let steering = Steering { version: ApiVersion::Dispatch, percent: 25, shadow: true };
        assert_eq!(flag, minted(steering, "m"));
        let sent = write(&flag);
        assert_eq!(sent["items"][2]["value"], by_us["dispatch_flag"], "what is written is what is read");
        let mut by_hand = by_us;
        by_hand.insert("api_version".into(), json!("operations"));
        let flag = read(&by_hand).unwrap().unwrap();
        assert_eq!((flag.steering, flag.mark.as_str()), (Steering::all_to(ApiVersion::Operations), "operations:m"));
        assert_eq!(read(&items(&json!({}))).unwrap(), None);
        assert!(matches!(read(&items(&json!({ "api_version": 2 }))), Err(FlagError::Unreadable(_))));
    }
}
