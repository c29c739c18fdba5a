//! The data directory: made once, completely or not at all.
//!
//! `initdb` works in a folder of another name that is renamed when the database and the role stand in it, so a kill at any
//! moment leaves either nothing or a whole one. It must not start the server.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::{Account, Binaries, Durability, EmbeddedError, NAME, place::Place};

/// What `initdb` works in, before the rename.
const UNFINISHED: &str = "unfinished-";

/// How long an orphaned `initdb` is waited for.
const SWEEP_LIMIT: Duration = Duration::from_secs(5);

/// The major version that made this data directory, when there is one.
pub(super) fn major_of(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Makes the data directory unless it is there.
pub(super) fn ensure(
    place: &Place,
    binaries: &Binaries,
    account: &Account,
    durability: Durability,
) -> Result<(), EmbeddedError> {
    let data = place.data();
    sweep(place.base())?;
    if major_of(&data).is_some() {
        return Ok(());
    }
    let nonce = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    let draft = place.base().join(format!("{UNFINISHED}{}-{nonce}", std::process::id()));
    fs::create_dir(&draft).map_err(EmbeddedError::file("make the folder", &draft))?;
    account.give(&draft)?;
    init(&draft, binaries, account, durability)?;
    create_database(&draft, binaries, account)?;
    fs::rename(&draft, &data).map_err(EmbeddedError::file("put in place", &data))?;
    sync(place.base())
}

fn init(draft: &Path, binaries: &Binaries, account: &Account, durability: Durability) -> Result<(), EmbeddedError> {
    let mut initdb = account.command(&binaries.program("initdb"), draft);
    initdb.arg("--pgdata").arg(draft).args(["--username", NAME, "--encoding=UTF8", "--locale=C", "--auth=trust"]);
    if durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }
    let output = initdb.output().map_err(EmbeddedError::file("run initdb for", draft))?;
    checked(&output, draft)
}

/// The role is the one that `initdb` made. Its search path is set as hosted databases have it: with a schema of the
/// role's own name in the default `"$user", public`, unqualified names would mean something else here than there.
fn create_database(draft: &Path, binaries: &Binaries, account: &Account) -> Result<(), EmbeddedError> {
    let sql = format!("CREATE DATABASE {NAME};\nALTER ROLE {NAME} SET search_path = public;\n");
    let mut single: Command = account.command(&binaries.program("postgres"), draft);
    single.args(["--single", "-D"]).arg(draft).args(["-c", "exit_on_error=on", "postgres"]);
    let output = single
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(sql.as_bytes())?;
            }
            child.wait_with_output()
        })
        .map_err(EmbeddedError::file("make the database in", draft))?;
    checked(&output, draft)
}

fn checked(output: &Output, path: &Path) -> Result<(), EmbeddedError> {
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = text.lines().rev().take(8).collect();
    let output = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(EmbeddedError::Init { path: path.to_owned(), output })
}

/// Removes what killed owners have left. An `initdb` of theirs may still be writing; it is waited for, and what cannot be
/// removed even then is left for the next start.
fn sweep(base: &Path) -> Result<(), EmbeddedError> {
    let entries = fs::read_dir(base).map_err(EmbeddedError::file("look into", base))?;
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let path = entry.path();
        tracing::info!(path = %path.display(), "removing what an interrupted initdb left");
        let deadline = Instant::now() + SWEEP_LIMIT;
        while fs::remove_dir_all(&path).is_err() && path.exists() && Instant::now() < deadline {
            sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> Result<(), EmbeddedError> {
    fs::File::open(folder).and_then(|file| file.sync_all()).map_err(EmbeddedError::file("write", folder))
}
