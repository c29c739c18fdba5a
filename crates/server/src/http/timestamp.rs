//! Instants on the wire: always UTC, always milliseconds, always `Z`. Every timestamp of every answer goes through here.

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// An instant that serializes as exactly `YYYY-MM-DDTHH:MM:SS.mmmZ`. Stock Foundation decoders reject anything that
/// changes its number of digits, so there is one shape, also for whole seconds. Its schema is written out where it is used:
/// a component would give clients a type for what is a plain date-time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timestamp(pub OffsetDateTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_offset(UtcOffset::UTC);
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second, milli) = at.to_hms_milli();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads any RFC 3339 time: clients differ in digits and offsets.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = OffsetDateTime::parse(&text, &Rfc3339).map(Self);
        read.map_err(|_| D::Error::invalid_value(Unexpected::Other("text"), &"an RFC 3339 time with its offset"))
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn there_is_one_shape() {
        for (instant, text) in [
            (datetime!(2026-11-20 14:03 UTC), "2026-11-20T14:03:00.000Z"),
            (datetime!(2026-11-20 14:03:07.1 UTC), "2026-11-20T14:03:07.100Z"),
            (datetime!(2026-11-20 14:03:07.123_999 UTC), "2026-11-20T14:03:07.123Z"),
            (datetime!(2026-11-20 09:03:07 -5), "2026-11-20T14:03:07.000Z"),
            (datetime!(0099-01-02 03:04:05 UTC), "0099-01-02T03:04:05.000Z"),
        ] {
            assert_eq!(Timestamp(instant).to_string(), text);
        }
    }

    #[test]
    fn any_rfc_3339_time_is_read() {
        for (text, instant) in [
            ("2026-11-20T14:03:07.123Z", Some(datetime!(2026-11-20 14:03:07.123 UTC))),
            ("2026-11-20T09:03:07-05:00", Some(datetime!(2026-11-20 14:03:07 UTC))),
            ("2026-11-20t14:03:07.123456789z", Some(datetime!(2026-11-20 14:03:07.123_456_789 UTC))),
            ("2026-11-20T14:03:07", None),
            ("2026-11-20", None),
            ("tomorrow", None),
        ] {
            let read = serde_json::from_value::<Timestamp>(text.into());
            assert_eq!(read.ok().map(|read| read.0), instant, "{text}");
        }
    }
}
