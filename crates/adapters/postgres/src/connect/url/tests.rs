//! What a URL means, and what of it is shown.

use super::*;

fn read(raw: &str) -> DatabaseUrl {
    raw.parse().unwrap_or_else(|error| panic!("{raw}: {error}"))
}

#[test]
fn modes_and_roots_mean_what_they_mean_to_libpq() {
    let cases = [
        ("postgres://u:p@h/d", SslMode::Prefer, None),
        ("postgres://u:p@h/d?sslmode=disable", SslMode::Disable, None),
        ("postgres://u:p@h/d?sslmode=require", SslMode::Require, None),
        ("postgres://u:p@h/d?sslmode=require&sslrootcert=/a%20b.pem", SslMode::VerifyCa, Some("/a b.pem")),
        ("postgres://u:p@h/d?sslmode=verify-full&sslrootcert=/c.pem", SslMode::VerifyFull, Some("/c.pem")),
        ("postgres://u:p@h/d?sslrootcert=system", SslMode::VerifyFull, None),
        ("postgresql:///d?user=u&host=/run/x&sslmode=require", SslMode::Disable, None),
        ("postgresql://u:p%3F?@h/d?sslmode=verify-ca", SslMode::VerifyCa, None),
    ];
    for (raw, mode, roots) in cases {
        let url = read(raw);
        assert_eq!((url.mode, url.roots.as_deref().and_then(|path| path.to_str())), (mode, roots), "{raw}");
    }
}

#[test]
fn the_target_is_shown_and_the_rest_is_not() {
    let url = read("postgresql://someone:hunter2@db.example.com:6543/d?gssencmode=disable&supa=base-pooler.x");
    assert_eq!(format!("{url} {url:?}"), "db.example.com:6543/d DatabaseUrl(db.example.com:6543/d, Prefer)");
    assert_eq!(read("postgresql:///d?user=u&host=/run/x").target(), "/run/x/d");
    assert_eq!(read("postgres://u@a:1,b:2/d").target(), "a:1,b:2/d");
}

#[test]
fn another_database_of_the_same_server() {
    for (raw, other) in [
        ("postgresql:///d?user=u&host=/run/x", "/run/x/other"),
        ("postgres://u:p@h:1/d?sslmode=require", "h:1/other"),
        ("postgres://u:p@h", "h:5432/other"),
    ] {
        let url = read(raw).on_database("other").unwrap();
        assert_eq!((url.target().as_str(), url.mode), (other, read(raw).mode), "{raw}");
    }
}

#[test]
fn errors_never_hold_the_secret() {
    let secret = "hunter2";
    let bad = [
        format!("mysql://u:{secret}@h/d"),
        format!("postgres://u:{secret}@h:{secret}/d"),
        format!("postgres://u:{secret}@h:99999999/d"),
        format!("postgres://u:{secret}@h/d?sslmode={secret}"),
        format!("postgres://u:{secret}@h/d?port={secret}"),
        format!("postgres://u:{secret}@h/d?sslrootcert=%{secret}"),
        format!("postgres://u:{secret}@/d"),
        format!("postgres://u:{secret}@h/d?nonsense=1"),
        secret.to_owned(),
    ];
    for raw in bad {
        let error = raw.parse::<DatabaseUrl>().expect_err(&raw);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(secret), "{raw} gives {shown}");
        assert!(shown.contains("DATABASE_URL"), "{shown}");
    }
}
