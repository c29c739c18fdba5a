//! The server under measurement: the release binary with its default limits and all checks on. Must not know what is sent.

use crate::prepared::Prepared;
use crate::{load, sql::Database};
use anyhow::{Context as _, Result, bail};
use secrecy::SecretString;
use serde::Serialize;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const JWT_SECRET: &str = "a-secret-for-benchmarks-of-at-least-32-bytes";

/// A running server.
pub struct Server {
    child: Child,
    pub address: String,
    /// From its start to its first 200 for a message.
    pub start_up: Duration,
}

/// Memory in MiB.
#[derive(Serialize, Clone, Copy, Debug, Default)]
pub struct Memory {
    pub now: f64,
    pub most: f64,
}

/// Prepares the database for this build.
pub fn migrate(binary: &Path, database: &Database) -> Result<()> {
    migrate_at(binary, database.url())
}

/// The same for another database.
pub fn migrate_at(binary: &Path, url: &str) -> Result<()> {
    let status = Command::new(binary).arg("migrate").env("DATABASE_URL", url).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {}; build it first", binary.display()))?;
    anyhow::ensure!(status.success(), "`dispatch migrate` failed");
    Ok(())
}

/// How a server is started.
pub struct Launch {
    pub worker: bool,
    /// The number of the message that it is woken with.
    pub first: u64,
    pub environment: Vec<(String, String)>,
}

fn spawn(command: &mut Command, database: &Database, folder: &Path, environment: &[(String, String)]) -> Result<Child> {
    command.env_clear().env("DATABASE_URL", database.url());
    command.env("SLACK_SIGNING_SECRET", SECRET).env("SUPABASE_JWT_SECRET", JWT_SECRET);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let log = File::create(folder.join("server.log"))?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
    child.with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// A worker without HTTP.
pub fn worker(binary: &Path, database: &Database, folder: &Path, environment: &[(String, String)]) -> Result<Server> {
    let child = spawn(Command::new(binary).arg("worker"), database, folder, environment)?;
    Ok(Server { child, address: String::new(), start_up: Duration::ZERO })
}

impl Server {
    /// Starts it and sends it messages until one is answered with 200. `first` numbers them.
    pub fn start(binary: &Path, database: &Database, folder: &Path, worker: bool, first: u64) -> Result<Self> {
        Self::launch(binary, database, folder, &Launch { worker, first, environment: Vec::new() })
    }

    /// The same with more settings.
    pub fn launch(binary: &Path, database: &Database, folder: &Path, how: &Launch) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let knock = Prepared::new(&SecretString::from(SECRET), how.first, 1);
        let mut command = Command::new(binary);
        command.arg("serve").args((!how.worker).then_some("--no-worker"));
        let mut environment = how.environment.clone();
        environment.push(("DISPATCH_ADDR".to_owned(), address.clone()));
        let begun = Instant::now();
        let child = spawn(&mut command, database, folder, &environment)?;
        let mut server = Self { child, address, start_up: Duration::ZERO };
        while !server.answers(knock.get(0).unwrap_or_default()) {
            if begun.elapsed() > Duration::from_secs(20) || server.child.try_wait()?.is_some() {
                bail!("the server does not start; see {}", folder.join("server.log").display());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        server.start_up = begun.elapsed();
        Ok(server)
    }

    fn answers(&self, request: &[u8]) -> bool {
        let mut answer = [0; 12];
        let asked = TcpStream::connect(&self.address).and_then(|mut stream| {
            stream.write_all(request)?;
            stream.read_exact(&mut answer)
        });
        asked.is_ok() && answer.ends_with(b"200")
    }

    /// Starts the load generator against it.
    pub fn under_load(
        &self,
        clients: usize,
        seconds: f64,
        rate: u64,
        first: u64,
        refs: Option<PathBuf>,
    ) -> Result<Load> {
        let mut command = self.generator()?;
        for (flag, value) in [
            ("--connections", clients.to_string()),
            ("--seconds", seconds.to_string()),
            ("--rate", rate.to_string()),
            ("--first", first.to_string()),
        ] {
            command.args([flag, &value]);
        }
        if let Some(refs) = refs {
            command.arg("--acknowledged").arg(refs);
        }
        Ok(Load(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?))
    }

    /// Starts one that sends while its gate is open, by so many people.
    pub fn gated_load(&self, clients: usize, seconds: f64, people: u64) -> Result<(Load, load::Gate)> {
        let mut command = self.generator()?;
        for (flag, value) in [
            ("--connections", clients.to_string()),
            ("--seconds", seconds.to_string()),
            ("--people", people.to_string()),
            ("--first", "1".to_owned()),
        ] {
            command.args([flag, &value]);
        }
        let mut child = command.arg("--gated").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let gate = load::Gate::new(child.stdin.take().context("the load generator has no input")?);
        Ok((Load(child), gate))
    }

    fn generator(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["load", "--address", &self.address]).env("SLACK_SIGNING_SECRET", SECRET);
        Ok(command)
    }

    /// What it holds, and what it held at most, where the system tells.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let mebibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            line.and_then(|kibibytes| kibibytes.parse::<f64>().ok()).map_or(0.0, |kibibytes| kibibytes / 1024.0)
        };
        Memory { now: mebibytes("VmRSS:"), most: mebibytes("VmHWM:") }
    }

    /// SIGTERM, and waits.
    pub fn stop(mut self) -> Result<()> {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        anyhow::ensure!(status.success() && self.child.wait()?.success(), "the server did not end well");
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A load generator at work.
pub struct Load(Child);

impl Load {
    /// SIGKILL: every one of its connections breaks in the middle of something.
    pub fn hang_up(mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Waits for its end.
    pub fn outcome(self) -> Result<load::Outcome> {
        let output = self.0.wait_with_output()?;
        anyhow::ensure!(output.status.success(), "the load generator failed");
        serde_json::from_slice(&output.stdout).context("the load generator's words")
    }
}
