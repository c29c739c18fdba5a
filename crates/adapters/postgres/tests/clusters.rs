//! Throwaway clusters: they end with their owner, however it ends, and many processes share one without a fight.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use dispatch_postgres::connect;
use dispatch_postgres::testing::{TestDatabase, URL_VARIABLE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A temporary directory of one's own, so that nothing here meets the clusters of other tests.
fn elsewhere() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let base = folder.path().join(format!("dispatch-test-{}", nix::unistd::geteuid()));
    (folder, base)
}

struct Cluster {
    owner: Child,
    folder: PathBuf,
    server: i32,
    url: String,
}

/// As `cargo xtask test` starts it.
fn cluster(elsewhere: &Path, base: &Path) -> Cluster {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_dispatch-test-cluster"))
        .env("TMPDIR", elsewhere)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let folder = base.join(format!("run-{}", owner.id()));
    let mark = fs::read_to_string(folder.join("postgres/data/postmaster.pid")).unwrap();
    Cluster { owner, folder, server: mark.lines().next().unwrap().parse().unwrap(), url: url.trim().to_owned() }
}

fn is_alive(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
        && fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| !line.is_empty())
}

async fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !done() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    done()
}

#[tokio::test]
async fn a_cluster_ends_with_its_run() {
    let (folder, base) = elsewhere();
    for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGKILL)] {
        let mut cluster = cluster(folder.path(), &base);
        let template = cluster.url.parse::<connect::DatabaseUrl>().unwrap();
        connect::one(&template).await.unwrap();
        match signal {
            None => drop(cluster.owner.stdin.take()),
            Some(signal) => kill(Pid::from_raw(cluster.owner.id().cast_signed()), signal).unwrap(),
        }
        cluster.owner.wait().unwrap();
        let gone = || !is_alive(cluster.server) && !cluster.folder.exists();
        assert!(within(Duration::from_secs(8), gone).await, "after {signal:?} {} is left", cluster.folder.display());
    }
}

#[tokio::test]
async fn what_even_a_killed_keeper_leaves_is_swept_and_a_live_one_is_not() {
    let (folder, base) = elsewhere();
    let (mut dead, mut live) = (cluster(folder.path(), &base), cluster(folder.path(), &base));
    let keeper: i32 = fs::read_to_string(dead.folder.join("keeper")).unwrap().parse().unwrap();
    for pid in [keeper, dead.owner.id().cast_signed()] {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    dead.owner.wait().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(is_alive(dead.server), "nobody has ended it yet");

    let mut next = cluster(folder.path(), &base);
    assert!(!is_alive(dead.server) && !dead.folder.exists());
    assert!(is_alive(live.server) && is_alive(next.server));
    for cluster in [&mut live, &mut next] {
        drop(cluster.owner.stdin.take());
        cluster.owner.wait().unwrap();
    }
}

/// Started in processes of their own by the test below, as nextest does.
#[tokio::test]
#[ignore = "another test starts it"]
async fn member() {
    let began = Instant::now();
    let database = TestDatabase::new().await;
    let ready = began.elapsed();
    let mut connection = database.connect().await;
    connection.batch_execute("CREATE TABLE mine (id int)").await.unwrap();
    diesel::sql_query("SELECT count(*) FROM dispatch.signals").execute(&mut connection).await.unwrap();
    drop((connection, database));
    println!("\nready after {ready:?}, done after {:?}", began.elapsed());
}

#[tokio::test]
async fn many_processes_share_one_cluster_that_ends_after_the_last() {
    let (folder, base) = elsewhere();
    let member = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["member", "--exact", "--ignored", "--nocapture"])
            .env("TMPDIR", folder.path())
            .env_remove(URL_VARIABLE)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for round in 1..=2 {
        let members: Vec<Child> = (0..8).map(|_| member()).collect();
        for member in members {
            let output = member.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            let line = said.lines().find(|line| line.starts_with("ready after")).unwrap_or_default();
            eprintln!("round {round}: {line}");
        }
    }
    let mark = fs::read_to_string(base.join("shared/postgres/data/postmaster.pid")).unwrap();
    let server = mark.lines().next().unwrap().parse().unwrap();
    let gone = || !is_alive(server) && !base.join("shared").exists();
    assert!(within(Duration::from_secs(30), gone).await, "{} is left", base.display());
}
