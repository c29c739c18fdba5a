//! The server process: launched, recognised, ended.
//!
//! It must not know SQL, nor why the server is wanted.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{EmbeddedError, setup::Setup};

/// How long a fast shutdown may take; a checkpoint on a slow disk is the longest part of it.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A log longer than this is begun anew at the next start.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;

/// A process id that no system hands out (Linux ends at 2^22, the BSDs earlier).
const NOBODY: &str = "2147483646";

/// Our server process.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    /// How it ended, once it has.
    end: Option<String>,
    told_to_end: bool,
    /// Where in the log this launch begins.
    log_start: u64,
}

impl Postmaster {
    /// Starts the server in a process group of its own, so that Ctrl-C in the terminal ends `dispatch` and not this.
    pub(super) fn launch(setup: &Setup) -> Result<Self, EmbeddedError> {
        let Setup { account, place, binaries, arguments, .. } = setup;
        let path = place.log();
        let log =
            OpenOptions::new().create(true).append(true).open(&path).map_err(EmbeddedError::file("open", &path))?;
        let mut log_start = log.metadata().map_or(0, |found| found.len());
        if log_start > LOG_LIMIT {
            log.set_len(0).map_err(EmbeddedError::file("empty", &path))?;
            log_start = 0;
        }
        let again = log.try_clone().map_err(EmbeddedError::file("open", &path))?;
        let child = account
            .command(&binaries.program("postgres"), &place.data())
            .args(arguments)
            .stdout(log)
            .stderr(again)
            .process_group(0)
            .spawn()
            .map_err(EmbeddedError::file("start the server on", &place.data()))?;
        Ok(Self { child, end: None, told_to_end: false, log_start })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is the one that has this data now.
    pub(super) fn holds(&self, data: &Path) -> bool {
        mark_of(data).is_some_and(|(_, pid, _)| u32::try_from(pid) == Ok(self.pid()))
    }

    /// How it ended, when nobody told it to.
    pub(super) fn failure(&mut self) -> Option<&str> {
        if self.told_to_end { None } else { self.end() }
    }

    /// Where in the log it began, once it has ended.
    pub(super) fn ended_after(&mut self) -> Option<u64> {
        self.has_ended().then_some(self.log_start)
    }

    fn end(&mut self) -> Option<&str> {
        if self.end.is_none() {
            self.end = match self.child.try_wait() {
                Ok(status) => status.map(|status| status.to_string()),
                Err(error) => Some(error.to_string()),
            };
        }
        self.end.as_deref()
    }

    fn has_ended(&mut self) -> bool {
        self.end().is_some()
    }

    /// Fast shutdown: connections are closed, a checkpoint is written.
    pub(super) fn stop(&mut self) -> Result<(), EmbeddedError> {
        let pid = self.pid();
        self.told_to_end = true;
        self.signal(Signal::SIGINT);
        let ended = within(STOP_LIMIT, || self.has_ended());
        if !ended {
            self.signal(Signal::SIGQUIT);
            if !within(Duration::from_secs(5), || self.has_ended()) {
                return Err(EmbeddedError::Stop { pid, seconds: STOP_LIMIT.as_secs() });
            }
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) {
        // Not ended and not yet waited for, so the number is still that process's own.
        if !self.has_ended()
            && let Ok(pid) = i32::try_from(self.pid())
        {
            let _already_gone = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Ends a server that a killed owner has left running on this data, and clears away the mark of one that is gone.
    ///
    /// The caller holds the owner's lock, so no living owner is robbed of it. It is restarted rather than kept: so it is
    /// our child, with the settings and programs of this build.
    pub(super) fn end_leftover(data: &Path) -> Result<(), EmbeddedError> {
        let Some((mark, pid, text)) = mark_of(data) else { return Ok(()) };
        if !is_alive(pid) {
            return Ok(());
        }
        if !serves(pid, data) {
            return disown(&mark, &text);
        }
        tracing::info!(pid, data = %data.display(), "ending the PostgreSQL that a killed process left running");
        for (signal, limit) in [(Signal::SIGINT, STOP_LIMIT), (Signal::SIGQUIT, Duration::from_secs(5))] {
            let _already_gone = kill(Pid::from_raw(pid), signal);
            if within(limit, || !serves(pid, data)) {
                return Ok(());
            }
        }
        Err(EmbeddedError::Stop { pid: pid.unsigned_abs(), seconds: STOP_LIMIT.as_secs() })
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.signal(Signal::SIGINT);
    }
}

/// The file that a server keeps in its data directory, the process id in it, and all of it.
fn mark_of(data: &Path) -> Option<(PathBuf, i32, String)> {
    let mark = data.join("postmaster.pid");
    let text = fs::read_to_string(&mark).ok()?;
    let pid = text.lines().next()?.trim().parse().ok()?;
    Some((mark, pid, text))
}

/// The process id in the mark belongs to something else by now (usual after a restart of a container). PostgreSQL would
/// refuse to start; without the mark it would not look for orphaned backends. So only the number is taken out.
fn disown(mark: &Path, text: &str) -> Result<(), EmbeddedError> {
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    fs::write(mark, format!("{NOBODY}\n{rest}")).map_err(EmbeddedError::file("write", mark))
}

fn is_alive(pid: i32) -> bool {
    pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}

/// Whether this process is a server on this data: it was started with `-D <data>`. A zombie has no arguments.
fn serves(pid: i32, data: &Path) -> bool {
    let wanted = data.display().to_string();
    if cfg!(target_os = "linux") {
        let line = fs::read(PathBuf::from(format!("/proc/{pid}/cmdline"))).unwrap_or_default();
        return line.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes());
    }
    let output = Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&format!("-D {wanted} ")))
}

fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
}
