//! One runner at a time, and one walk through all stages: advisory locks of a session. It must not know what is run.

use crate::report::Stop;
use crate::session::{DbError, Session};
use rustix::process::{Pid, test_kill_process};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// What only one may do at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Run a stage.
    Stage,
    /// Walk from stage to stage, with what is done between them.
    Walk,
}

impl Lock {
    /// "cutover!" and "cutwalk!" in ASCII.
    fn key(self) -> i64 {
        match self {
            Self::Stage => 0x6375_746f_7665_7221,
            Self::Walk => 0x6375_7477_616c_6b21,
        }
    }
}

const WORD: &str = "dispatch cutover";

/// How long the lock of a runner that is certainly dead is waited for.
const DEAD: Duration = Duration::from_secs(5);
/// How long it is waited for where nobody can say who holds it.
const UNKNOWN: Duration = Duration::from_millis(1_500);

/// Who holds the lock.
#[derive(Debug, Deserialize)]
pub(crate) struct Holder {
    pid: i32,
    app: Option<String>,
    user: Option<String>,
}

/// What a session calls itself, so that the next runner can tell whether this one still lives.
pub(crate) fn application_name(stage: &str) -> String {
    format!("{WORD} {stage} {}:{}", machine_mark(), std::process::id())
}

/// This machine and this view of its processes, in a word short enough for PostgreSQL not to cut it off.
fn machine_mark() -> String {
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digest = Sha256::digest(format!("{} {}", host(), processes.display()));
    hex::encode(&digest[..6])
}

/// The name of this machine.
#[must_use]
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Takes the lock or says who has it, at once. Only a dead runner's is waited for: its session ends within moments; so is
/// `lost`, our own session before this one.
pub(crate) async fn take(session: &Session, lock: Lock, lost: Option<i64>) -> Result<(), Stop> {
    let since = Instant::now();
    loop {
        let sql = format!("SELECT to_json(pg_try_advisory_lock({}))", lock.key());
        let taken: bool = session.json("taking the runner's lock", &sql).await?;
        if taken {
            return Ok(());
        }
        let Some(holder) = holder(session, lock).await? else { continue };
        let alive = if lost == Some(i64::from(holder.pid)) { Some(false) } else { holder.is_alive() };
        let patience = match alive {
            Some(true) => Duration::ZERO,
            Some(false) => DEAD,
            None => UNKNOWN,
        };
        if since.elapsed() >= patience {
            let cure = if lock == Lock::Walk { ": stop it there, or end that session, and say this again" } else { "" };
            return Err(Stop::AnotherRunner(format!("{}{cure}", holder.told())));
        }
        if alive == Some(false) {
            // Its process is gone; the server has only not noticed yet. Not allowed for everyone, and then time does it.
            let end = format!("SELECT to_json(pg_terminate_backend({}))", holder.pid);
            let _sooner = session.json::<bool>("ending a dead runner's session", &end).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Who holds it, if anybody.
pub(crate) async fn holder(session: &Session, lock: Lock) -> Result<Option<Holder>, DbError> {
    let sql = format!(
        "SELECT coalesce((SELECT jsonb_build_object('pid', l.pid, 'app', a.application_name, 'user', a.usename)
            FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                AND l.classid::bigint = {} AND l.objid::bigint = {}
                AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                AND l.pid <> pg_backend_pid() LIMIT 1), 'null')::text",
        lock.key() >> 32,
        lock.key() & 0xffff_ffff,
    );
    session.json("asking who holds the runner's lock", &sql).await
}

/// Whether a process of this machine runs. One that was killed and not yet buried does not.
fn is_running(process: i32) -> bool {
    let there = Pid::from_raw(process).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = status.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    there && !matches!(state, Some('Z' | 'X'))
}

impl Holder {
    /// Whether its process lives, if that can be known from here.
    fn is_alive(&self) -> Option<bool> {
        let name = self.app.as_deref()?.strip_prefix(WORD)?;
        let (machine, process) = name.trim().rsplit(' ').next()?.rsplit_once(':')?;
        let process: i32 = process.parse().ok()?;
        (machine == machine_mark()).then(|| is_running(process))
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let user = self.user.as_deref().unwrap_or("another user");
        let app = self.app.as_deref().filter(|app| !app.is_empty()).unwrap_or("unnamed");
        format!("pid {} on the server, {user}, {app}", self.pid)
    }
}
