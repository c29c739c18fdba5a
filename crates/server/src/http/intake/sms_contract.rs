//! What both webhooks of Twilio say alike in the document: how a request is signed, and how it may be refused. Must not
//! know either of them.

use utoipa::{IntoParams, IntoResponses};

/// What a request is signed with. Never read into this type: `sms_door` verifies the raw request.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // only its description is used
pub struct SmsSignature {
    /// Base64 of the HMAC of the URL and the sorted parameters: HMAC-SHA1, unless the settings name another
    #[param(rename = "X-Twilio-Signature", example = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")]
    signature: String,
    /// Where a SharedKey signs: its name, and `HMAC_SHA1` or `HMAC_SHA256`
    #[param(
        rename = "X-Twilio-Webhooks-Signature-Settings",
        nullable = false,
        example = "key=webhooks_sharedkey_01h8mvq2zj9q6r3wx0c5n7t4ke,algorithm=HMAC_SHA256"
    )]
    settings: Option<String>,
}

/// What stands in the URL of a request whose body is JSON.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its description is used
pub struct SmsBodyHash {
    /// Hex SHA-256 of the body, where the body is JSON
    #[param(rename = "bodySHA256", nullable = false)]
    hash: Option<String>,
}

/// How every request may be refused.
#[derive(IntoResponses)]
#[allow(dead_code)] // only its description is used
pub enum SmsRefused {
    /// `sms_signature_missing`, `sms_signature_malformed`, `sms_signature_mismatch`, `sms_body_mismatch` (JSON that is not the signed one), or `account_mismatch`: another account's message
    #[response(status = 403)]
    NotTwilio,
    /// `request_timeout`: the body did not arrive within 10 s
    #[response(status = 408)]
    TooSlow,
    /// `payload_too_large`: more than 1 MiB
    #[response(status = 413)]
    TooLarge,
    /// `unsupported_media_type`: neither a form nor JSON
    #[response(status = 415)]
    NoForm,
    /// `signal_rejected`: it can never be stored
    #[response(status = 422)]
    NeverStored,
}
