//! The parameters of a body, as a form or as JSON. What is verified and what is read are the same, by one rule. Must not
//! know what they mean.

use url::form_urlencoded;

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// `application/x-www-form-urlencoded`, Twilio's usual one; also what has another type or none.
    Form,
    /// `application/json` and its kin.
    Json,
}

impl Format {
    /// The format that a `Content-Type` announces.
    pub(crate) fn of(content_type: Option<&str>) -> Self {
        let essence =
            content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
            Self::Json
        } else {
            Self::Form
        }
    }
}

/// The pairs of a form, decoded as browsers and Twilio's own libraries do: `+` is a space, a `%` that begins nothing is
/// itself, and what is not UTF-8 becomes U+FFFD.
pub(crate) fn pairs(form: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(form).into_owned().collect()
}
