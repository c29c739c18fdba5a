//! The embedded server that is kept running: it comes back until it is told to stop, and then no more.

use super::{is_alive, project, query, start};
use dispatch_postgres::embedded::{EmbeddedOptions, EmbeddedPostgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::{Duration, Instant};
use tokio::time::sleep;

fn pid(server: &EmbeddedPostgres) -> i32 {
    i32::try_from(server.pid()).unwrap()
}

fn kill_nine(server: &EmbeddedPostgres) -> i32 {
    let victim = pid(server);
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    victim
}

/// Asks until there is an answer from another process than that one.
async fn answer_after(server: &EmbeddedPostgres, victim: i32, sql: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if pid(server) != victim
            && let Ok(answer) = query(server.url(), sql).await
        {
            return answer;
        }
        assert!(Instant::now() < deadline, "it does not answer again");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_killed_server_is_started_again_until_it_is_told_to_stop() {
    let (_folder, root) = project();
    let server = EmbeddedPostgres::start(EmbeddedOptions::new(&root)).await.unwrap();
    let url = server.url().to_owned();
    query(&url, "CREATE TABLE kept (what text)").await.unwrap();
    let story = async {
        for what in ["this", "that"] {
            query(&url, &format!("INSERT INTO kept VALUES ('{what}')")).await.unwrap();
            let victim = kill_nine(&server);
            let kept = answer_after(&server, victim, "SELECT string_agg(what, '+') FROM kept").await;
            assert!(kept.ends_with(what), "{kept}");
            assert_eq!(query(&url, "SHOW fsync").await.unwrap(), "on", "with the same settings");
        }
    };
    tokio::select! {
        never = server.keep_running() => never,
        () = story => {}
    }
    assert_eq!(query(&url, "SELECT string_agg(what, '+') FROM kept").await.unwrap(), "this+that");
    assert_eq!(server.url(), url);

    let last = pid(&server);
    server.stop().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(!is_alive(last));
    assert!(query(&url, "SELECT 1").await.is_err(), "nobody starts it again");
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_restart_ends_that_one_too() {
    let (_folder, root) = project();
    for milliseconds in [0, 240, 255, 260, 300, 500, 505, 510, 515, 520, 540, 560, 600, 700] {
        let server = start(&root).await;
        let url = server.url().to_owned();
        let victim = kill_nine(&server);
        tokio::select! {
            never = server.keep_running() => never,
            () = sleep(Duration::from_millis(milliseconds)) => {}
        }
        eprintln!("{milliseconds} ms: {}", if pid(&server) == victim { "not yet launched" } else { "launched" });
        server.stop().await.unwrap();
        sleep(Duration::from_millis(200)).await;
        let mark = std::fs::read_to_string(root.join("postgres/data/postmaster.pid")).unwrap_or_default();
        let left = mark.lines().next().and_then(|pid| pid.parse().ok());
        assert!(!left.is_some_and(is_alive), "{milliseconds} ms: process {left:?} still runs");
        assert!(query(&url, "SELECT 1").await.is_err(), "{milliseconds} ms");
    }
}
