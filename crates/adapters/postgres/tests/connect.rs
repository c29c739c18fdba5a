//! Connections against real servers: TLS by every `sslmode`, the pool when things break, poolers, LISTEN.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, TransactionManager};
use dispatch_postgres::connect::{self, ConnectError, DatabaseUrl, PoolOptions};
use dispatch_postgres::embedded::{EmbeddedOptions, EmbeddedPostgres};
use futures_util::StreamExt;
use nix::unistd::User;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// A server on the network, with TLS or without.
struct Server {
    postgres: EmbeddedPostgres,
    folder: TempDir,
    port: u16,
}

impl Server {
    async fn start(tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = free_port();
        let hba = folder.path().join("pg_hba.conf");
        let kind = if tls { "hostssl" } else { "host" };
        fs::write(&hba, format!("local all all trust\n{kind} all all 127.0.0.1/32 scram-sha-256\n")).unwrap();
        let mut options = EmbeddedOptions::new(folder.path().join(".dispatch"))
            .throwaway()
            .with("listen_addresses", "127.0.0.1")
            .with("port", port.to_string())
            .with("hba_file", hba.display().to_string());
        if tls {
            certify(folder.path());
            let file = |name: &str| folder.path().join(name).display().to_string();
            options = options
                .with("ssl", "on")
                .with("ssl_cert_file", file("server.pem"))
                .with("ssl_key_file", file("server.key"));
        }
        let postgres = EmbeddedPostgres::start(options).await.unwrap_or_else(|error| panic!("{error}"));
        let mut local = connect::one(&postgres.url().parse().unwrap()).await.unwrap();
        local.batch_execute(&format!("ALTER ROLE dispatch PASSWORD '{PASSWORD}'")).await.unwrap();
        Self { postgres, folder, port }
    }

    fn url(&self, host: &str, query: &str) -> DatabaseUrl {
        let password = PASSWORD.replace(' ', "%20");
        format!("postgresql://dispatch:{password}@{host}:{}/dispatch?{query}", self.port).parse().unwrap()
    }

    fn certificate(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `ca.pem` signs the server's certificate for `localhost`; `other.pem` is an authority that signed nothing.
fn certify(folder: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ca, other) = (authority("our authority"), authority("another authority"));
    fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    fs::write(folder.join("other.pem"), other.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    let path = folder.join("server.key");
    fs::write(&path, key.serialize_pem()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    if let Some(account) = server_account() {
        chown(&path, Some(account.uid.as_raw()), Some(account.gid.as_raw())).unwrap();
    }
}

/// Whom the server runs as when we are root.
fn server_account() -> Option<User> {
    let root = nix::unistd::geteuid().is_root();
    ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).unwrap()).filter(|_| root)
}

async fn ask(connection: &mut AsyncPgConnection, expression: &str) -> String {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Text)]
        answer: String,
    }
    let sql = format!("SELECT ({expression})::text AS answer");
    diesel::sql_query(sql).get_result::<Answer>(connection).await.unwrap().answer
}

/// The whole of an error, as logs would show it.
fn shown(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} | {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" | {error} | {error:?}"));
        source = error.source();
    }
    text
}

async fn refusal(url: &DatabaseUrl) -> (ConnectError, String) {
    let Err(error) = connect::one(url).await else { panic!("{url:?} connects") };
    let text = shown(&error);
    for secret in [PASSWORD, "correct%20horse", "wrong password"] {
        assert!(!text.contains(secret), "{text}");
    }
    (error, text)
}

#[tokio::test]
async fn tls_proves_what_the_mode_asks_for() {
    let server = Server::start(true).await;
    let (ours, other) = (server.certificate("ca.pem"), server.certificate("other.pem"));
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for (host, query) in [
        ("localhost", "sslmode=prefer".to_owned()),
        ("localhost", "sslmode=require".to_owned()),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={ours}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ours}")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ours}")),
    ] {
        let url = server.url(host, &query);
        let mut connection = connect::one(&url).await.unwrap_or_else(|error| panic!("{query}: {}", shown(&error)));
        assert_eq!(ask(&mut connection, encrypted).await, "true", "{query}");
    }
    for (host, query, reason) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), "UnknownIssuer"),
        ("localhost", format!("sslmode=require&sslrootcert={other}"), "UnknownIssuer"),
        ("localhost", "sslmode=verify-full".to_owned(), "UnknownIssuer"),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ours}"), "not valid for name"),
    ] {
        let (error, text) = refusal(&server.url(host, &query)).await;
        assert!(matches!(error, ConnectError::Tls { .. }) && !error.is_transient(), "{query}: {text}");
        assert!(error.to_string().contains(reason), "{query}: {error}");
    }
    let (error, text) = refusal(&server.url("localhost", "sslmode=disable")).await;
    assert!(matches!(error, ConnectError::Refused { .. }) && text.contains("set sslmode=require"), "{text}");
    let (error, _) = refusal(&server.url("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem")).await;
    assert!(error.to_string().contains("/nowhere.pem"), "{error}");
    let empty = server.certificate("pg_hba.conf");
    let (error, _) = refusal(&server.url("localhost", &format!("sslmode=verify-ca&sslrootcert={empty}"))).await;
    assert!(matches!(error, ConnectError::Certificates { .. }), "{error}");
    server.postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_and_a_wrong_password_are_named() {
    let server = Server::start(false).await;
    let (error, text) = refusal(&server.url("localhost", "sslmode=require")).await;
    assert!(matches!(error, ConnectError::Tls { .. }) && text.contains("does not support TLS"), "{text}");
    let mut connection = connect::one(&server.url("localhost", "sslmode=prefer")).await.unwrap();
    assert_eq!(ask(&mut connection, "1").await, "1");

    let wrong = format!("postgresql://dispatch:wrong%20password@127.0.0.1:{}/dispatch", server.port);
    let (error, text) = refusal(&wrong.parse().unwrap()).await;
    assert!(matches!(&error, ConnectError::Refused { code, .. } if code == "28P01"), "{text}");
    let missing = server.url("127.0.0.1", "").on_database("nowhere").unwrap();
    let (error, text) = refusal(&missing).await;
    assert!(matches!(&error, ConnectError::Refused { code, .. } if code == "3D000"), "{text}");
    server.postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_down_is_known_within_two_seconds() {
    let refused: DatabaseUrl = format!("postgresql://u:p@127.0.0.1:{}/d", free_port()).parse().unwrap();
    // Accepts and says nothing, as a dead network does.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let silent_url: DatabaseUrl = format!("postgresql://u:p@127.0.0.1:{port}/d").parse().unwrap();
    for url in [refused, silent_url] {
        let began = Instant::now();
        let error = connect::pool(&url, 4).unwrap().get().await.err().unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(matches!(error, ConnectError::Unreachable { .. } | ConnectError::TimedOut { .. }), "{error}");
        assert!(error.is_transient() && error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn the_pool_hands_out_what_works_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let options = EmbeddedOptions::new(folder.path().join(".dispatch")).throwaway();
    let server = EmbeddedPostgres::start(options.clone()).await.unwrap();
    let url: DatabaseUrl = server.url().parse().unwrap();
    let pool = connect::pool(&url, 1).unwrap();

    let mut held = pool.get().await.unwrap();
    assert_eq!(ask(&mut held, "current_setting('statement_timeout')").await, "30s");
    assert_eq!(ask(&mut held, "current_setting('application_name')").await, "dispatch");
    assert_eq!(pool.usage(), (1, 1));
    let busy = pool.get_within(Duration::from_millis(100)).await.err().unwrap();
    assert!(matches!(busy, ConnectError::Busy { size: 1, .. }), "{busy}");

    // Left inside a transaction, as when its use case is cancelled: not handed out again.
    let first = ask(&mut held, "pg_backend_pid()").await;
    AnsiTransactionManager::begin_transaction(&mut *held).await.unwrap();
    drop(held);
    let mut next = pool.get().await.unwrap();
    assert_ne!(ask(&mut next, "pg_backend_pid()").await, first);
    drop(next);

    // The server restarts under an idle connection.
    server.stop().await.unwrap();
    let down = pool.get().await.err().unwrap();
    assert!(down.is_transient(), "{down}");
    let server = EmbeddedPostgres::start(options).await.unwrap();
    assert_eq!(ask(&mut pool.get().await.unwrap(), "1").await, "1");

    let slow = PoolOptions { statement_timeout: Duration::from_millis(50), ..PoolOptions::new(1) };
    let slow = connect::pool_with(&url, slow).unwrap();
    let cut = diesel::sql_query("SELECT pg_sleep(5)").execute(&mut *slow.get().await.unwrap()).await;
    assert!(cut.unwrap_err().to_string().contains("statement timeout"));
    pool.close();
    assert!(matches!(pool.get().await.err().unwrap(), ConnectError::Closed));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_listener_hears() {
    let server = Server::start(false).await;
    let url = server.url("127.0.0.1", "");
    let (mut listener, mut speaker) = (connect::one(&url).await.unwrap(), connect::one(&url).await.unwrap());
    listener.batch_execute("LISTEN news").await.unwrap();
    speaker.batch_execute("NOTIFY news, 'hello'").await.unwrap();
    let mut news = Box::pin(listener.notifications_stream());
    let heard = tokio::time::timeout(Duration::from_secs(5), news.next()).await;
    assert_eq!(heard.unwrap().unwrap().unwrap().payload, "hello");
    server.postgres.stop().await.unwrap();
    let over = tokio::time::timeout(Duration::from_secs(5), async { while news.next().await.is_some() {} }).await;
    assert!(over.is_ok(), "a listener learns that its connection has ended");
}

struct Bouncer(Child);

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// PgBouncer in front of the server; it refuses to run as root, as PostgreSQL does.
fn bouncer(program: &Path, server: &Server, mode: &str, size: u8) -> (Bouncer, DatabaseUrl) {
    let port = free_port();
    let ini = server.folder.path().join(format!("{mode}-{size}.ini"));
    let socket = server.postgres.location().socket.display().to_string();
    let text = format!(
        "[databases]\n* = host={socket} port={} user=dispatch\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n",
        server.port
    );
    fs::write(&ini, text).unwrap();
    let mut command = Command::new(program);
    if let Some(account) = server_account() {
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    let child = command.arg(&ini).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    (Bouncer(child), format!("postgresql://dispatch@127.0.0.1:{port}/dispatch?sslmode=disable").parse().unwrap())
}

#[tokio::test]
async fn a_transaction_pooler_is_refused_and_a_session_pooler_is_not() {
    let found =
        ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
    let Some(program) = found.iter().map(PathBuf::from).find(|path| path.exists()) else {
        eprintln!("skipped: no pgbouncer on this machine (apt install pgbouncer)");
        return;
    };
    let server = Server::start(false).await;
    connect::refuse_pooler(&server.url("127.0.0.1", "")).await.unwrap();
    for (mode, size, refused) in
        [("transaction", 20, true), ("transaction", 1, true), ("statement", 20, true), ("session", 20, false)]
    {
        let (_bouncer, url) = bouncer(&program, &server, mode, size);
        let deadline = Instant::now() + Duration::from_secs(5);
        while connect::one(&url).await.is_err() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let outcome = connect::refuse_pooler(&url).await;
        let pooler = matches!(outcome, Err(ConnectError::Pooler { .. }));
        assert_eq!(pooler, refused, "{mode} {size}: {outcome:?}");
        assert_eq!(outcome.is_err(), refused, "{mode} {size}: {outcome:?}");
    }
    server.postgres.stop().await.unwrap();
}
