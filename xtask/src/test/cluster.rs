//! The run's one throwaway PostgreSQL cluster: a child that prints its URL and lives as long as we hold its stdin.
//!
//! The kernel closes that pipe however this process ends, SIGKILL included, so the child cannot outlive the run unseen.
//! Must not know how PostgreSQL is found or started.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A clean machine may have to fetch PostgreSQL first.
const UNTIL_READY: Duration = Duration::from_mins(10);
const UNTIL_ENDED: Duration = Duration::from_secs(20);

pub struct Cluster {
    child: Child,
    /// Closing it is the request to stop.
    stdin: Option<ChildStdin>,
    url: String,
}

impl Cluster {
    pub fn start(program: &Path) -> Result<Self> {
        Self::spawn(&mut Command::new(program))
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C reaches us and the tests, and the cluster ends after them, by the pipe.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stdin = child.stdin.take();
        let url = child.stdout.take().map(first_url).context("the cluster has no stdout")?;
        // From here on Drop ends the child.
        let mut cluster = Self { child, stdin, url: String::new() };
        match url.recv_timeout(UNTIL_READY) {
            Ok(url) => cluster.url = url,
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("the cluster printed no URL within {UNTIL_READY:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("the cluster ended before it printed its URL; it said why above")
            }
        }
        Ok(cluster)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            // No answer about a child means there is none to wait for.
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if self.ends_within(UNTIL_ENDED) {
            return;
        }
        eprintln!("the test cluster did not stop when its stdin closed; sending SIGTERM to {}", self.child.id());
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        if !self.ends_within(UNTIL_ENDED) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The first line with a URL. The rest is read too, so that the child never blocks on a full pipe.
fn first_url(stdout: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok).filter(|line| line.contains("://")) {
            // Nobody listens after the first.
            let _ = sender.send(line.trim().to_owned());
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Cluster> {
        Cluster::spawn(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn it_gives_its_url_and_ends_when_dropped() {
        let folder = std::env::temp_dir().join(format!("xtask-cluster-{}", std::process::id()));
        let script = format!("echo starting; echo postgres://here; read -r _; echo ended > {}", folder.display());
        let cluster = shell(&script).unwrap();
        assert_eq!(cluster.url(), "postgres://here");
        assert!(!folder.exists(), "it lives while we do");
        drop(cluster);
        assert_eq!(std::fs::read_to_string(&folder).unwrap().trim(), "ended");
        std::fs::remove_file(folder).unwrap();
    }

    #[test]
    fn a_cluster_that_dies_early_is_an_error() {
        let error = shell("echo no postgres here >&2; exit 1").err().unwrap().to_string();
        assert!(error.contains("before it printed its URL"), "{error}");
    }
}
