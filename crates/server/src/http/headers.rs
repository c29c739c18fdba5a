//! Security headers of every answer (OWASP's REST Security and HTTP Headers Cheat Sheets). Must not know what is answered.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;

/// For answers that are data. Pages of the server set a policy of their own, which stands.
const NOTHING_ALLOWED: &str = "default-src 'none'; frame-ancestors 'none'";

/// What Swagger UI needs: its own scripts and styles, and this server's API.
pub const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Nothing here needs a device.
const NO_DEVICES: &str = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
     payment=(), usb=()";

/// Two years, as browsers' preload lists ask; the siblings of our name are not ours to decide for.
const HTTPS_ONLY: &str = "max-age=63072000";

/// Adds what is missing, never replaces what a handler set. Only a server that the world reaches by `https` says that it
/// always will.
#[must_use]
pub fn security(https: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add((CONTENT_SECURITY_POLICY, NOTHING_ALLOWED))
        .add((CACHE_CONTROL, "no-store"))
        .add((REFERRER_POLICY, "no-referrer"))
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((X_FRAME_OPTIONS, "DENY"))
        .add((HeaderName::from_static("permissions-policy"), NO_DEVICES))
        // No other site embeds what is here; reading it is for CORS to allow.
        .add((HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .add((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"));
    if https { headers.add((STRICT_TRANSPORT_SECURITY, HTTPS_ONLY)) } else { headers }
}
