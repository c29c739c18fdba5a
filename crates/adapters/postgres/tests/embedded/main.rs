//! The embedded server as a process: what it survives, whom it refuses, where it lives.
#![allow(clippy::unwrap_used)]

mod kept;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dispatch_postgres::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres, running};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// Started in a process of its own by the tests below: owns a server until it is killed.
#[tokio::test]
#[ignore = "the other tests start it"]
async fn owner() {
    let Ok(root) = std::env::var("OWNER_ROOT") else { return };
    let server = start(Path::new(&root)).await;
    println!("\nserver {} {} {}", server.pid(), server.url(), server.location());
    std::future::pending::<()>().await;
}

struct Owner {
    process: Child,
    server: i32,
    url: String,
    location: String,
}

fn spawn_owner(root: &Path, account: Option<&User>) -> Child {
    let mut command = Command::new(executable_for(root, account));
    command.args(["owner", "--exact", "--ignored", "--nocapture"]).env("OWNER_ROOT", root).current_dir("/");
    if let Some(user) = account {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn().unwrap()
}

/// This test's own executable; a copy beside the project for an account that may not enter the folder where it was built (a
/// clone below a closed home).
fn executable_for(root: &Path, account: Option<&User>) -> PathBuf {
    let built = std::env::current_exe().unwrap();
    if account.is_none() {
        return built;
    }
    let copy = root.with_file_name("owner");
    if !copy.exists() {
        fs::copy(built, &copy).unwrap();
    }
    copy
}

fn own(root: &Path, account: Option<&User>) -> Owner {
    let mut process = spawn_owner(root, account);
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("server ")).expect("the owner has a server");
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    let (server, url, location) = (words[1].parse().unwrap(), words[2].to_owned(), words[3].to_owned());
    Owner { process, server, url, location }
}

impl Owner {
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A folder that every account can enter, as most projects' folders are.
fn project() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let root = folder.path().join(".dispatch");
    (folder, root)
}

async fn query(url: &str, sql: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driver = tokio::spawn(connection);
    let messages = client.simple_query(sql).await?;
    drop(client);
    let _ended = driver.await;
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect::<Vec<_>>()
        .join(","))
}

fn is_alive(pid: i32) -> bool {
    // A zombie, in a container without an init process, has no command line any more.
    kill(Pid::from_raw(pid), None).is_ok()
        && fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| !line.is_empty())
}

/// Without fsync, for speed: what a killed process costs does not depend on it.
async fn start(root: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(EmbeddedOptions::new(root).throwaway()).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn it_is_durable_private_and_keeps_what_was_stored() {
    let (_folder, root) = project();
    let server = EmbeddedPostgres::start(EmbeddedOptions::new(&root)).await.unwrap();
    let url = server.url().to_owned();
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", ""),
        ("search_path", "public"),
    ] {
        assert_eq!(query(&url, &format!("SHOW {setting}")).await.unwrap(), value, "{setting}");
    }
    assert_eq!(query(&url, "SELECT current_database() || current_user").await.unwrap(), "dispatchdispatch");
    let socket = fs::metadata(&server.location().socket).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o700);
    query(&url, "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('this')").await.unwrap();
    let pid = i32::try_from(server.pid()).unwrap();
    server.stop().await.unwrap();
    assert!(!is_alive(pid));
    assert!(query(&url, "SELECT 1").await.is_err());

    let server = start(&root).await;
    assert_eq!(query(server.url(), "SELECT what FROM kept").await.unwrap(), "this");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_owners_do_not_fight() {
    let (_folder, root) = project();
    let starts = tokio::join!(
        EmbeddedPostgres::start(EmbeddedOptions::new(&root).throwaway()),
        EmbeddedPostgres::start(EmbeddedOptions::new(&root).throwaway()),
    );
    let (server, refusal) = match starts {
        (Ok(server), Err(refusal)) | (Err(refusal), Ok(server)) => (server, refusal),
        other => panic!("{other:?}"),
    };
    assert!(matches!(refusal, EmbeddedError::AlreadyRunning { .. }), "{refusal}");
    assert!(refusal.to_string().contains(&format!("process {}", std::process::id())), "{refusal}");
    assert_eq!(running(&root).await.unwrap().as_deref(), Some(server.url()));
    assert_eq!(query(server.url(), "SELECT 1").await.unwrap(), "1");
    server.stop().await.unwrap();
    assert_eq!(running(&root).await.unwrap(), None);
}

#[tokio::test]
async fn a_killed_owner_leaves_a_server_that_the_next_one_takes_over() {
    let (_folder, root) = project();
    let mut owner = own(&root, None);
    query(&owner.url, "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('this')").await.unwrap();
    owner.kill();
    assert_eq!(query(&owner.url, "SELECT what FROM kept").await.unwrap(), "this", "it runs on alone");

    let server = start(&root).await;
    assert!(!is_alive(owner.server), "the one left behind has ended");
    assert_eq!(query(server.url(), "SELECT what FROM kept").await.unwrap(), "this");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_recovers() {
    let (_folder, root) = project();
    let mut owner = own(&root, None);
    query(&owner.url, "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('this')").await.unwrap();
    kill(Pid::from_raw(owner.server), Signal::SIGKILL).unwrap();
    owner.kill();
    let server = start(&root).await;
    assert_eq!(query(server.url(), "SELECT what FROM kept").await.unwrap(), "this");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_id_that_somebody_else_has_now_is_no_obstacle() {
    let (_folder, root) = project();
    let mut owner = own(&root, None);
    kill(Pid::from_raw(owner.server), Signal::SIGKILL).unwrap();
    owner.kill();
    // After a restart of a container small process ids mean something else.
    let mark = root.join("postgres/data/postmaster.pid");
    let text = fs::read_to_string(&mark).unwrap();
    let rest = text.split_once('\n').unwrap().1;
    fs::write(&mark, format!("{}\n{rest}", std::process::id())).unwrap();
    let server = start(&root).await;
    assert_eq!(query(server.url(), "SELECT 1").await.unwrap(), "1");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn ctrl_c_reaches_the_owner_and_not_the_server() {
    let (_folder, root) = project();
    let mut owner = own(&root, None);
    killpg(Pid::from_raw(i32::try_from(owner.process.id()).unwrap()), Signal::SIGINT).unwrap();
    owner.process.wait().unwrap();
    assert_eq!(query(&owner.url, "SELECT 1").await.unwrap(), "1");
    start(&root).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_kill_at_any_moment_of_the_first_start_is_made_good() {
    let (_folder, root) = project();
    let mut unfinished = 0;
    for milliseconds in [30, 120, 250, 400, 600, 900] {
        let mut owner = spawn_owner(&root, None);
        std::thread::sleep(Duration::from_millis(milliseconds));
        owner.kill().unwrap();
        owner.wait().unwrap();
        let entries = fs::read_dir(root.join("postgres")).into_iter().flatten().flatten();
        unfinished += entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("unfinished-")).count();
    }
    eprintln!("killed {unfinished} times in the middle of initdb");
    let server = start(&root).await;
    assert_eq!(query(server.url(), "SELECT 1").await.unwrap(), "1");
    let leftovers = fs::read_dir(root.join("postgres")).unwrap().flatten();
    let leftovers: Vec<_> = leftovers.map(|entry| entry.file_name()).filter(|name| name != "data").collect();
    assert!(!leftovers.iter().any(|name| name.to_string_lossy().starts_with("unfinished-")), "{leftovers:?}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_kill_at_any_moment_of_a_later_start_is_made_good() {
    let (_folder, root) = project();
    start(&root).await.stop().await.unwrap();
    for milliseconds in [5, 15, 25, 35, 45, 55, 65, 80, 100, 130, 170, 220] {
        let mut owner = spawn_owner(&root, None);
        std::thread::sleep(Duration::from_millis(milliseconds));
        owner.kill().unwrap();
        owner.wait().unwrap();
        let server = start(&root).await;
        assert_eq!(query(server.url(), "SELECT 1").await.unwrap(), "1");
        assert!(is_alive(i32::try_from(server.pid()).unwrap()));
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_deep_folder_is_no_obstacle() {
    let (folder, _) = project();
    let root = folder.path().join("x".repeat(100)).join("y y'\"".repeat(10)).join(".dispatch");
    let server = start(&root).await;
    assert_eq!(query(server.url(), "SELECT 1").await.unwrap(), "1");
    let socket = server.location().socket.clone();
    assert!(!socket.starts_with(&root), "{}", socket.display());
    server.stop().await.unwrap();
    fs::remove_dir_all(socket).unwrap();
}

#[tokio::test]
async fn as_root_a_closed_home_sends_the_data_elsewhere() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root runs the server as somebody else");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let root = folder.path().join("clone/.dispatch");
    let server = start(&root).await;
    let location = server.location().clone();
    assert!(location.data.starts_with("/var/lib/dispatch"), "{location}");
    let shown = location.to_string();
    assert!(shown.contains("cannot reach") && shown.contains(&root.display().to_string()), "{shown}");
    assert_ne!(location.account, None);
    assert_eq!(query(server.url(), "SELECT 1").await.unwrap(), "1");
    server.stop().await.unwrap();
    fs::remove_dir_all(location.data.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn as_an_ordinary_user_it_runs_as_that_user() {
    let Some(nobody) = User::from_name("nobody").unwrap().filter(|_| geteuid().is_root()) else {
        eprintln!("skipped: only root can become somebody else (every other test ran as an ordinary user)");
        return;
    };
    let (folder, root) = project();
    std::os::unix::fs::chown(folder.path(), Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut owner = own(&root, Some(&nobody));
    assert!(
        owner.location.contains("where it was asked for") && !owner.location.contains("run as"),
        "{}",
        owner.location
    );
    let status = fs::read_to_string(format!("/proc/{}/status", owner.server)).unwrap_or_default();
    if cfg!(target_os = "linux") {
        assert!(status.contains(&format!("Uid:\t{}", nobody.uid)), "{status}");
    }
    owner.kill();
    // Its server is taken over by its next owner, and that one is ended with it.
    let mut next = own(&root, Some(&nobody));
    assert!(!is_alive(owner.server));
    kill(Pid::from_raw(next.server), Signal::SIGINT).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(next.server) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    next.kill();
}
