//! `dispatch cutover run` beside a live server: killed between every two steps, taken back from anywhere, asked on a terminal.

mod night;

use crate::BINARY;
use dispatch_tests::harness::System;
use night::{Night, sitting};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Between every two steps, and within those that touch more than the tables.
const POINTS: [&str; 15] = [
    "cutover.begun@checklist",
    "cutover.noted@checklist",
    "cutover.done@expand",
    "cutover.noted@expand",
    "cutover.noted@backfill",
    "cutover.done@verify",
    "cutover.begun@switch",
    "cutover.done@switch",
    "cutover.flag.begun",
    "cutover.flag.set",
    "cutover.done@flag",
    "cutover.watched",
    "cutover.done@watch",
    "cutover.begun@contract",
    "cutover.done@contract",
];

#[tokio::test]
async fn killed_between_every_two_steps_it_goes_on_where_it_was() {
    let night = Night::begin().await;
    for point in POINTS {
        night.killed(point).await;
    }
    let ended = night.ended(None, &[]).await;
    assert_eq!((ended["exit"].as_i64(), ended["stage"].as_str()), (Some(0), Some("run")), "{ended}");
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("-r-r", "dispatch"));
    let moved = "SELECT count(*) AS n FROM dispatch_cutover.event WHERE what = 'moved'";
    assert_eq!(night.system.ledger().count(moved).await, 6, "two tables, three moves, none of them twice");
    let (report, markdown) = night.report();
    assert_eq!(
        (report["outcome"].as_str(), report["sittings"].as_array().map(Vec::len)),
        (Some("done"), Some(POINTS.len() + 1))
    );
    assert!(report["answers"]["backup_proof"]["text"] == "snapshot 7", "{report}");
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step.get("outcome").is_some()), "{steps:?}");
    for step in ["checklist", "expand", "backfill", "verify", "switch", "flag", "watch", "contract"] {
        assert!(steps.iter().any(|each| each["step"] == step) && markdown.contains(&format!("| {step} |")), "{step}");
    }
    assert_eq!(night.ended(None, &[]).await["changed"], false, "a last time: nothing is left to do");
    night.works(2).await;
    night.end().await;
}

#[tokio::test]
async fn rollback_takes_the_flag_back_that_the_walk_has_flipped_and_no_other() {
    let night = Night::begin().await;
    night.killed("cutover.noted@watch").await;
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("vrvr", "dispatch"));
    let dry = night.rollback(&["--dry-run"]).await;
    assert!(dry["summary"].as_str().unwrap().contains("operations") && night.flag().await == "dispatch", "{dry}");
    let killed = night.system.launch().env("DISPATCH_FAILPOINT", "cutover.begun@rollback");
    assert!(!killed.run(&["cutover", "rollback"]).await.0);
    let back = night.rollback(&[]).await;
    assert!(back["exit"] == 0 && back["summary"].as_str().unwrap().contains("the flag says operations"), "{back}");
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("rvrv", "operations"));
    assert_eq!(night.rollback(&[]).await["changed"], false);
    night.tells_of_the_rollback();
    night.works(2).await;

    // Nothing about the report is ever in the way of going back.
    std::fs::write(night.folder.path().join("night.json"), "no report").unwrap();
    assert!(night.rollback(&["--to", "legacy"]).await["exit"] == 0 && night.kinds().await == "r-r-");
    std::fs::remove_file(night.folder.path().join("night.json")).unwrap();

    // Killed after the flip, before anything says that it was done: rollback knows all the same.
    night.killed("cutover.flag.set").await;
    assert_eq!(night.flag().await, "dispatch");
    assert_eq!(night.rollback(&[]).await["exit"], 0);
    assert_eq!(night.flag().await, "operations");

    // To the end, and back from there; the flag is somebody else's by now.
    assert_eq!(night.ended(None, &[]).await["exit"], 0);
    assert!(night.system.launch().run(&["flag", "set", "dispatch", "--percent", "50"]).await.0);
    let back = night.rollback(&[]).await;
    assert!(back["summary"].as_str().unwrap().contains("left alone"), "{back}");
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("vrvr", "dispatch"));
    night.works(3).await;
    night.end().await;
}

/// While it only holds the old names, and no stage is at work: the walk is one, until its process is gone.
#[tokio::test]
async fn a_second_run_and_a_rollback_are_refused_while_one_walks_and_not_once_it_is_killed() {
    let night = Night::begin().await;
    let holds = |times| night.has_begun("hold") == times;
    let mut first = night.begun(&["--hold", "1h"]);
    night.system.eventually("it holds the old names", async || holds(1)).await;
    let (report, _) = night.report();
    for refused in [night.ended(None, &["--hold", "1h"]).await, night.rollback(&[]).await] {
        assert!(refused["exit"] == 77 && refused["summary"].as_str().unwrap().contains("stop it there"), "{refused}");
    }
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("vrvr", "dispatch"));
    assert_eq!(night.report().0, report, "it is the first one's");
    first.kill().await.unwrap();
    // Again, and interrupted: unlike the killed one it says so by itself.
    let mut again = night.begun(&["--hold", "1h"]);
    night.system.eventually("it holds them again", async || holds(2)).await;
    let pid = again.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(again.wait().await.unwrap().code(), Some(1));
    let (report, _) = night.report();
    let step = report["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((&step["step"], &step["outcome"]), (&"hold".into(), &"interrupted".into()), "{report}");
    assert!(report["outcome"].as_str().unwrap().starts_with("stopped: interrupted"), "{report}");
    let back = night.rollback(&[]).await;
    assert_eq!(back["exit"], 0, "{back}");
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("rvrv", "operations"));
    let (report, _) = night.report();
    let sittings: Vec<String> = report["sittings"].as_array().unwrap().iter().map(sitting).collect();
    assert_eq!(
        (sittings, report["outcome"].as_str()),
        (["run", "run 1", "rollback 0"].map(str::to_owned).to_vec(), Some("rolled back"))
    );
    night.works(2).await;
    night.end().await;
}

/// Somebody changes a privilege while the walk looks on: the tables go back, and the flag with them.
#[tokio::test]
async fn what_goes_wrong_while_it_watches_takes_tables_and_flag_back() {
    let night = Night::begin().await;
    let harm = async {
        let flipped = "SELECT count(*) AS n FROM dispatch_cutover.event WHERE what = 'flag_flipped'";
        night
            .system
            .eventually("the flag is flipped", async || {
                let there = "SELECT count(*) AS n FROM pg_class WHERE oid = to_regclass('dispatch_cutover.event')";
                night.system.ledger().count(there).await == 1 && night.system.ledger().count(flipped).await == 1
            })
            .await;
        night.system.database.execute("GRANT TRUNCATE ON activities TO PUBLIC").await;
    };
    let (ended, ()) = tokio::join!(night.ended(None, &["--watch", "1m"]), harm);
    assert_eq!(ended["exit"], 3, "{ended}");
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("rvrv", "operations"));
    let (report, _) = night.report();
    assert_eq!(report["outcome"], "rolled back");
    night.works(2).await;
    night.end().await;
}

/// Nobody guards the flip any more, and nobody judges it: that is no leave to take the old names away.
#[tokio::test]
async fn a_server_that_is_killed_while_it_is_watched_leaves_the_old_names_until_one_has_judged() {
    let mut night = Night::begin().await;
    let walk = night.begun(&["--watch", "2s"]);
    night.system.eventually("it watches", async || night.has_begun("watch") == 1).await;
    night.server.kill().await;
    let ended = walk.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.code() == Some(1) && said.contains("no replica was seen alive"), "{said}");
    night.server = night.system.serve().await;
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("vrvr", "dispatch"));
    let (good, said) = night.system.launch().run(&["cutover", "status"]).await;
    assert!(good && said.contains("dispatch_activities, and activities (a view)") && !said.contains('{'), "{said}");
    assert!(said.contains("verified: ") && said.contains("hold: ") && said.contains("stage: switched"), "{said}");
    let (report, _) = night.report();
    assert!(report["outcome"].as_str().unwrap().contains("the flip was not judged"), "{report}");
    let ended = night.ended(None, &[]).await;
    assert_eq!((ended["exit"].as_i64(), night.kinds().await.as_str()), (Some(0), "-r-r"), "{ended}");
    let (report, _) = night.report();
    let steps: Vec<&str> =
        report["steps"].as_array().unwrap().iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(steps.iter().filter(|step| **step == "flag").count(), 2, "guarded anew: {steps:?}");
    night.works(2).await;
    night.end().await;
}

#[tokio::test]
async fn without_a_terminal_it_refuses_what_nobody_has_answered() {
    let night = Night::begin().await;
    let words = night.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let run = async |more: &[&str]| night.system.launch().run(&[&words[..], more].concat()).await;
    let (good, said) = run(&[]).await;
    assert!(!good && said.contains("--yes") && said.contains("--backup-proof"), "{said}");
    let (good, said) = run(&["--yes", "--told", "on-call"]).await;
    assert!(!good && said.contains("--backup-proof, --monitoring-url") && !said.contains("--told,"), "{said}");
    let (good, said) = run(&["--yes", "--monitoring-url", "http://ann:hunter2@127.0.0.1:1"]).await;
    assert!(!good && said.contains("must not hold") && !said.contains("hunter2"), "{said}");
    assert_eq!(
        std::fs::read_dir(night.folder.path()).unwrap().count(),
        0,
        "nothing was begun: there is nothing to report"
    );
    // Looks, and touches nothing.
    night.system.database.execute("GRANT SELECT (name) ON activities TO pg_monitor").await;
    let (good, said) = run(&["--dry-run"]).await;
    night.system.database.execute("REVOKE SELECT (name) ON activities FROM pg_monitor").await;
    assert!(good && said.contains("CREATE VIEW") && said.contains("ok    backend, old contract"), "{said}");
    assert!(said.contains("1 replica lives"), "{said}");
    let mut warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warn  [")).collect();
    warnings.sort_unstable();
    assert!(!warnings.is_empty() && warnings.windows(2).all(|pair| pair[0] != pair[1]), "each once: {warnings:#?}");
    assert_eq!(night.kinds().await, "r-r-");
    // A backend that is not there, and a monitoring that does not answer.
    let nowhere = "http://127.0.0.1:1";
    let ended = night.ended(None, &["--url", nowhere, "--monitoring-url", nowhere]).await;
    let codes = ended["detail"]["findings"].as_array().map(Vec::len);
    assert_eq!((ended["exit"].as_i64(), codes), (Some(64), Some(2)), "{ended}");
    let said = ended["summary"].as_str().unwrap();
    assert!(said.matches("`dispatch serve`").count() == 1 && !said.contains("cargo run"), "{said}");
    // A backend that answers all of it, from a database of its own.
    let elsewhere = System::new(BINARY).await;
    let stranger = elsewhere.serve().await;
    let ended = night.ended(None, &["--url", stranger.base()]).await;
    assert_eq!(ended["exit"], 64, "{ended}");
    assert!(ended["summary"].as_str().unwrap().contains("serves from another database"), "{ended}");
    assert_eq!(night.kinds().await, "r-r-");
    elsewhere.finish().await;
    night.end().await;
}

/// `script` gives it a terminal; what is typed beforehand waits there.
#[tokio::test]
async fn on_a_terminal_it_asks_for_everything_and_no_means_no() {
    let night = Night::begin().await;
    let typed = async |answers: &str| {
        let command = [vec![BINARY.to_owned()], night.words()].concat().join(" ");
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("DATABASE_URL", night.system.database.url().expose());
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(answers.as_bytes()).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        drop(stdin);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let monitoring = format!("{}/livez", night.server.base());
    let (code, said) = typed(&format!("snapshot 8\nthe on-call\n{monitoring}\nyes\nno\n")).await;
    assert!(code == Some(1) && said.contains("stopped before `switch`"), "{code:?}: {said}");
    assert_eq!(night.kinds().await, "rvrv");
    // What was answered is not asked again.
    let (code, said) = typed("yes\nyes\nyes\n").await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((night.kinds().await.as_str(), night.flag().await.as_str()), ("-r-r", "dispatch"));
    let (report, markdown) = night.report();
    assert_eq!(report["answers"]["told"]["text"], "the on-call");
    // At night few call: the report says how little the guard had to judge by.
    assert!(markdown.contains("all was well; the guard:") && markdown.contains("too few to judge"), "{markdown}");
    night.end().await;
}
