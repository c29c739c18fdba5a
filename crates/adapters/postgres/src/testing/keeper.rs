//! The keeper: a small shell that ends a throwaway cluster when the last of its users has gone, however it went.
//!
//! A shell, because any test binary must be able to start one and none can count on another being built. It must not
//! know PostgreSQL beyond the process id in `postmaster.pid`.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::embedded;

/// What it runs. `users/<pid>` are those who use the cluster, `keeper` is its own process id, `ending` says that it is too late.
const SCRIPT: &str = r#"
folder=$1 data=$2 linger=$3 idle=0
while sleep 1 && [ -d "$folder/users" ]; do
    [ "$(cat "$folder/keeper" 2>/dev/null)" = "$$" ] || exit 0
    alive=
    for user in "$folder"/users/*; do
        [ -e "$user" ] || continue
        if kill -0 "${user##*/}" 2>/dev/null; then alive=yes; else rm -f "$user"; fi
    done
    if [ -n "$alive" ]; then
        idle=0
        rm -f "$folder/ending"
        continue
    fi
    idle=$((idle + 1))
    if [ "$idle" -eq "$linger" ]; then : >"$folder/ending"; fi
    if [ "$idle" -gt "$linger" ]; then
        read -r server <"$data/data/postmaster.pid" && kill -QUIT "$server"
        sleep 1
        rm -rf "$data" "$folder"
        exit 0
    fi
done 2>/dev/null
"#;

/// Makes this process one of the cluster's users for as long as it lives.
pub(super) fn register(folder: &Path) -> io::Result<()> {
    let users = folder.join("users");
    fs::create_dir_all(&users)?;
    fs::write(users.join(process::id().to_string()), "")
}

/// Whether the keeper has begun to end the cluster.
pub(super) fn is_ending(folder: &Path) -> bool {
    folder.join("ending").exists()
}

/// Whether a keeper watches over the cluster.
pub(super) fn is_kept(folder: &Path) -> bool {
    fs::read_to_string(folder.join("keeper")).is_ok_and(|pid| is_alive(pid.trim()))
}

/// Whether one of its users lives.
pub(super) fn has_users(folder: &Path) -> bool {
    let users = fs::read_dir(folder.join("users")).into_iter().flatten().flatten();
    users.map(|entry| entry.file_name()).any(|pid| pid.to_str().is_some_and(is_alive))
}

/// Sees to it that a keeper watches over the cluster.
pub(super) fn ensure(folder: &Path, linger: Duration) {
    if is_kept(folder) {
        return;
    }
    let data = embedded::base(folder).unwrap_or_else(|error| panic!("{error}"));
    let mut keeper = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "dispatch-test-keeper"])
        .arg(folder)
        .arg(data)
        .arg(linger.as_secs().to_string())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("no shell to keep the test cluster: {error}"));
    // Within the keeper's first second, in which it only sleeps.
    fs::write(folder.join("keeper"), keeper.id().to_string()).unwrap_or_else(|error| panic!("{error}"));
    // Taken note of when it ends, for until then a dead child looks alive.
    thread::spawn(move || keeper.wait());
}

fn is_alive(pid: &str) -> bool {
    let Ok(pid) = pid.parse::<i32>() else { return false };
    pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}
