//! docs/DEPLOY.md, carried out: its nginx in front of replicas, the old public URL, a rolling restart under load, and a replica of
//! the release before on a database that a later one has migrated. Without nginx on the machine its tests are skipped.

use crate::sms::launch;
use crate::system;
use dispatch_tests::harness::event::signed;
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::sms_message::{ACCOUNT, TOKEN};
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage, SmsMessage, System, TwilioPeer};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const OLD_HOST: &str = "operations.example";
const NEW_HOST: &str = "dispatch.example";

fn nginx() -> Option<PathBuf> {
    let found = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/opt/homebrew/bin/nginx"];
    let found = found.into_iter().map(PathBuf::from).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: no nginx on this machine (apt install nginx-light)");
    }
    found
}

/// A port that is free, and was until this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The block of this language in the page.
fn snippet(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/DEPLOY.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("the page has such a block");
    rest.split("```").next().unwrap().to_owned()
}

/// nginx as the page says, on ports of this test.
struct Proxy {
    child: Child,
    port: u16,
    certificate: Vec<u8>,
    _folder: TempDir,
}

impl Proxy {
    async fn start(program: &Path, replicas: [u16; 2], old_system: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([OLD_HOST.to_owned(), NEW_HOST.to_owned()]).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_string_lossy().into_owned()
        };
        let (pem, key) = (file("cert.pem", &cert.pem()), file("key.pem", &signing_key.serialize_pem()));
        let port = free_port();
        let mut rules = snippet("nginx");
        let mut put = |what: &str, with: &str| {
            assert!(rules.contains(what), "the page has no {what}");
            rules = rules.replace(what, with);
        };
        put("127.0.0.1:8080", &format!("127.0.0.1:{}", replicas[0]));
        put("127.0.0.1:8081", &format!("127.0.0.1:{}", replicas[1]));
        put("127.0.0.1:8000", &format!("127.0.0.1:{old_system}"));
        put("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"));
        for host in [OLD_HOST, NEW_HOST] {
            put(&format!("/etc/ssl/{host}.pem"), &pem);
            put(&format!("/etc/ssl/private/{host}.key"), &key);
        }
        let base = folder.path().to_string_lossy().into_owned();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {base}/{name};\n"))
            .concat();
        // As root nginx's processes would become somebody who may not enter the folder.
        let user = if nix::unistd::geteuid().is_root() { "user root;\n" } else { "" };
        let whole = format!(
            "{user}daemon off;\nworker_processes 1;\npid {base}/pid;\nerror_log stderr warn;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{rules}}}\n"
        );
        let config = file("nginx.conf", &whole);
        let child = Command::new(program)
            .args(["-p", &base, "-c", &config])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, port, certificate: cert.pem().into_bytes(), _folder: folder }
    }

    /// A client that finds both hosts here, over TLS.
    fn client(&self) -> Client {
        let here = ([127, 0, 0, 1], self.port).into();
        let certificate = reqwest::Certificate::from_pem(&self.certificate).unwrap();
        let client = Client::builder().resolve(OLD_HOST, here).resolve(NEW_HOST, here);
        client.tls_certs_only([certificate]).build().unwrap()
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }

    /// Orderly: its workers end with it.
    async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status().await;
        let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
    }
}

/// A replica that can be started again where it was.
async fn replica(launch: &Launch, port: u16) -> Server {
    launch.clone().env("DISPATCH_ADDR", &format!("127.0.0.1:{port}")).start().await
}

/// The signed event, for any URL.
async fn post(client: &Client, url: &str, message: &SlackMessage) -> (StatusCode, Value) {
    let mut request = signed(client, "http://nowhere", message.body().to_string().into_bytes()).build().unwrap();
    *request.url_mut() = url.parse().unwrap();
    let response = client.execute(request).await.expect("the proxy answers");
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

async fn set(system: &System, server: &Server, version: &str) {
    crate::flag::set(system, server, version).await;
}

async fn stand(system: &System, extra: &[(&str, &str)]) -> (Launch, TwilioPeer) {
    let twilio = TwilioPeer::start().await;
    let launch = extra.iter().fold(launch(system, &twilio), |launch, (name, value)| launch.env(name, value));
    (launch, twilio)
}

#[tokio::test]
async fn the_old_public_url_reaches_dispatch_through_the_proxy_of_the_page() {
    let Some(program) = nginx() else { return };
    let system = system().await;
    let old_system = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string("the old system"))
        .mount(&old_system)
        .await;
    let ports = [free_port(), free_port()];
    let proxy = Proxy::start(&program, ports, old_system.address().port()).await;
    // What Twilio signs is the URL that it calls.
    let public_url = format!("https://{OLD_HOST}:{}", proxy.port);
    let settings = [("PUBLIC_URL", public_url.as_str()), ("TRUSTED_PROXIES", "127.0.0.1/32")];
    let (launch, _twilio) = stand(&system, &settings).await;
    let replicas = [replica(&launch, ports[0]).await, replica(&launch, ports[1]).await];
    let client = proxy.client();
    for version in ["operations", "dispatch"] {
        set(&system, &replicas[0], version).await;
        let is_old = version == "operations";
        for path in ["/webhooks/slack", "/api/slack_webhook"] {
            let (status, told) = post(&client, &proxy.url(OLD_HOST, path), &SlackMessage::new("U1", "lol")).await;
            assert_eq!((status, told.get("ok").is_some()), (StatusCode::OK, is_old), "{path}: {told}");
        }
        let text = SmsMessage {
            account: ACCOUNT.into(),
            path: "/webhooks/sms?line=1".into(),
            ..SmsMessage::new("+14165550101", "lol")
        };
        let texted = text.signed(&client, &public_url, &public_url, TOKEN).send().await.unwrap();
        assert_eq!(texted.status(), StatusCode::OK, "path and query arrive as Twilio signed them");
        let status = client.get(proxy.url(OLD_HOST, "/status")).send().await.unwrap();
        assert!(status.headers().contains_key("deprecation"), "the path is deprecated, whoever answers");
        let health: Value = status.json().await.unwrap();
        assert_eq!(health.get("checks").is_none(), is_old, "{health}");
        let classify = client.post(proxy.url(OLD_HOST, "/classify")).bearer_auth(service_bearer());
        let told = classify.json(&json!({ "message": "lol" })).send().await.unwrap().text().await.unwrap();
        assert_eq!(told.ends_with("data: [DONE]\n\n"), is_old, "{told}");
        assert!(is_old || told.contains("event: complete"), "{told}");
        let root: Value = client.get(proxy.url(OLD_HOST, "/")).send().await.unwrap().json().await.unwrap();
        assert_eq!(root["name"], "Dispatch");
    }
    let rest = client.get(proxy.url(OLD_HOST, "/webhooks/other?x=1")).send().await.unwrap().text().await.unwrap();
    assert_eq!(rest, "the old system", "what Dispatch does not speak stays where it was");
    let (status, told) = post(&client, &proxy.url(NEW_HOST, "/intake/slack"), &SlackMessage::new("U1", "lol")).await;
    assert_eq!((status, &told["status"]), (StatusCode::OK, &json!("queued")));
    system.settled().await;
    proxy.stop().await;
    drop(replicas);
    system.finish().await;
}

/// One replica after the other ends and comes back, under load, after a later release has migrated the database.
#[tokio::test]
async fn a_rolling_restart_with_mixed_versions_fails_no_request_and_loses_nothing() {
    let Some(program) = nginx() else { return };
    let system = system().await;
    let ports = [free_port(), free_port()];
    let proxy = Proxy::start(&program, ports, free_port()).await;
    let (launch, _twilio) = stand(&system, &[("DRAIN_DELAY_MS", "300"), ("RATE_LIMIT_PER_ADDRESS", "0")]).await;
    let mut replicas = vec![replica(&launch, ports[0]).await, replica(&launch, ports[1]).await];
    set(&system, &replicas[0], "operations").await;
    // What the next release would do: a name that these know nothing of, and a record of it.
    let later = "ALTER TABLE dispatch.signals ADD COLUMN of_a_later_release text NOT NULL DEFAULT '';
        CREATE TABLE dispatch.of_a_later_release (id uuid PRIMARY KEY);
        INSERT INTO dispatch.schema_migrations (set_name, version) VALUES ('dispatch', '20990101000000')";
    system.database.execute(later).await;
    let (client, over) = (proxy.client(), AtomicBool::new(false));
    let sender = async |number: usize| {
        let mut sent = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let message = SlackMessage::new(&format!("U{number}"), "lol");
            let (status, told) = post(&client, &proxy.url(OLD_HOST, "/webhooks/slack"), &message).await;
            assert_eq!(status, StatusCode::OK, "{told}");
            sent.push(message.event_id);
            let page = client.get(proxy.url(OLD_HOST, "/status")).send().await.unwrap();
            assert_eq!(page.status(), StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sent
    };
    let restarts = async {
        for port in ports {
            let (status, _) = replicas.remove(0).terminate().await;
            assert!(status.success(), "{status}");
            let again = replica(&launch, port).await;
            system
                .eventually("the replica is ready on the migrated database", async || {
                    let ready = system.client.get(format!("{}/readyz", again.base())).send().await.unwrap();
                    ready.status() == StatusCode::OK
                })
                .await;
            replicas.push(again);
        }
        over.store(true, Ordering::SeqCst);
    };
    let (sent, ()) = tokio::join!(futures_util::future::join_all((0..4).map(sender)), restarts);
    let sent: HashSet<String> = sent.into_iter().flatten().collect();
    let stored = system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await;
    assert_eq!(stored, i64::try_from(sent.len()).unwrap(), "each once");
    assert!(sent.len() > 20, "there was load: {}", sent.len());
    system.settled().await;
    proxy.stop().await;
    drop(replicas);
    system.finish().await;
}

/// systemd itself reads the unit, and finds it well locked up.
#[tokio::test]
async fn the_unit_of_the_page_is_sound_and_hardened() {
    let analyze = async |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).output().await.ok()?;
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    };
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("dispatch@.service");
    std::fs::write(&unit, snippet("ini").replace("/usr/local/bin/dispatch", "/bin/true")).unwrap();
    let instance = folder.path().join("dispatch@8080.service").to_string_lossy().into_owned();
    std::fs::copy(&unit, &instance).unwrap();
    let Some((good, said)) = analyze(&["verify", &instance]).await else {
        eprintln!("skipped: no systemd on this machine");
        return;
    };
    assert!(good && !said.contains("dispatch@"), "{said}");
    // Of ten; a unit without hardening has 9.6.
    let (good, said) = analyze(&["security", "--offline=true", "--threshold=20", &instance]).await.unwrap();
    assert!(good, "{said}");
}
