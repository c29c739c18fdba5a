//! One `dispatch` process: started on port 0, killed with SIGKILL, or asked to end.

use crate::harness::event::SECRET;
use crate::harness::token::JWT_SECRET;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server process.
pub struct Server {
    child: Child,
    base: String,
    log: Arc<Mutex<String>>,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    folder: Option<PathBuf>,
}

impl Launch {
    /// `serve` on a free port over `database_url`, with the harness' secrets and short pauses.
    #[must_use]
    pub fn serve(binary: &str, database_url: &str) -> Self {
        let environment = [
            ("DATABASE_URL", database_url),
            ("DISPATCH_ADDR", "127.0.0.1:0"),
            ("SLACK_SIGNING_SECRET", SECRET),
            ("SUPABASE_JWT_SECRET", JWT_SECRET),
            ("BURST_QUIET_MS", "300"),
            ("DISPATCH_LEASE_MS", "1500"),
            ("LOG_FORMAT", "json"),
            ("RUST_LOG", "info"),
        ];
        Self {
            binary: binary.to_owned(),
            arguments: vec!["serve".into()],
            environment: environment.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            folder: None,
        }
    }

    /// These arguments and an empty environment.
    #[must_use]
    pub fn bare(binary: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { binary: binary.to_owned(), arguments, environment: BTreeMap::new(), folder: None }
    }

    /// The same, started in this folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// The same with one more setting.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with one more argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Another command of the same binary, in the same environment; waits until it ends. Answers success and output.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn run(mut self, command: &[&str]) -> (bool, String) {
        self.arguments = command.iter().map(ToString::to_string).collect();
        let output = self.command().output().await.expect("the binary starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(&self.arguments).env_clear().envs(&self.environment).stdin(Stdio::null());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        for inherited in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(inherited) {
                command.env(inherited, value);
            }
        }
        command
    }

    /// Starts it and waits until it says where it listens.
    ///
    /// # Panics
    /// When it ends first, or takes longer than [`PATIENCE`].
    pub async fn start(&self) -> Server {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (say, mut heard) = mpsc::unbounded_channel();
        collect(child.stdout.take().expect("piped"), log.clone(), say.clone());
        collect(child.stderr.take().expect("piped"), log.clone(), say);
        let base = tokio::time::timeout(PATIENCE, heard.recv()).await.ok().flatten();
        let Some(base) = base else {
            panic!("the server did not say where it listens:\n{}", log.lock().expect("readable"));
        };
        Server { child, base, log }
    }
}

/// Keeps every line, and passes on the first address that is named.
fn collect(
    stream: impl AsyncRead + Unpin + Send + 'static,
    log: Arc<Mutex<String>>,
    say: mpsc::UnboundedSender<String>,
) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(address) = listening_address(&line) {
                let _ = say.send(address);
            }
            let mut log = log.lock().expect("no holder panics");
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// `http://127.0.0.1:43121` out of a line that says so.
fn listening_address(line: &str) -> Option<String> {
    let at = line.find("http://127.0.0.1:")?;
    let port: String = line[at + "http://127.0.0.1:".len()..].chars().take_while(char::is_ascii_digit).collect();
    (!port.is_empty() && port != "0").then(|| format!("http://127.0.0.1:{port}"))
}

impl Server {
    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Everything it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("no holder panics").clone()
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }

    /// Waits until it ends by itself, as at a failpoint.
    ///
    /// # Panics
    /// When it goes on longer than [`PATIENCE`].
    pub async fn ended(&mut self) -> std::process::ExitStatus {
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("the server goes on:\n{}", self.log()),
        }
    }

    /// SIGTERM, and waits for an orderly end. Answers the exit status and how long it took.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn terminate(mut self) -> (std::process::ExitStatus, Duration) {
        let begun = Instant::now();
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill is everywhere");
        assert!(sent.success());
        (self.ended().await, begun.elapsed())
    }
}
