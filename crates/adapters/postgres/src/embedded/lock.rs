//! One owner per server: a file lock that the system takes back when its owner dies, however it dies.
//!
//! It must not know what is owned.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::EmbeddedError;

/// How long an owner that is about to end is waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// The lock, held until dropped. The file says who holds it, and the URL once there is one.
#[derive(Debug)]
pub(super) struct OwnerLock {
    file: File,
    path: PathBuf,
}

impl OwnerLock {
    /// Takes the lock of this folder or says whose it is.
    pub(super) fn take(base: &Path) -> Result<Self, EmbeddedError> {
        let path = base.join("owner.lock");
        let file = open(&path)?;
        let deadline = Instant::now() + PATIENCE;
        let mut attempt = file.try_lock();
        while matches!(attempt, Err(TryLockError::WouldBlock)) && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
            attempt = file.try_lock();
        }
        match attempt {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = first_line(&file, &path)?.unwrap_or_else(|| "(unknown)".to_owned());
                return Err(EmbeddedError::AlreadyRunning { pid, base: base.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(EmbeddedError::file("lock", &path)(source)),
        }
        let lock = Self { file, path };
        lock.write(&format!("{}\n", std::process::id()))?;
        Ok(lock)
    }

    /// Writes down where the server can be reached.
    pub(super) fn announce(&self, url: &str) -> Result<(), EmbeddedError> {
        self.write(&format!("{}\n{url}\n", std::process::id()))
    }

    /// The URL that a living owner has written down.
    pub(super) fn announced(base: &Path) -> Result<Option<String>, EmbeddedError> {
        let path = base.join("owner.lock");
        if !path.exists() {
            return Ok(None);
        }
        let file = open(&path)?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(content(&file, &path)?.lines().nth(1).map(str::to_owned)),
            Ok(()) => Ok(None),
            Err(TryLockError::Error(source)) => Err(EmbeddedError::file("lock", &path)(source)),
        }
    }

    fn write(&self, text: &str) -> Result<(), EmbeddedError> {
        let mut file = &self.file;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(EmbeddedError::file("write", &self.path))
    }
}

impl Drop for OwnerLock {
    /// A child that is being started in this moment may hold the lock a little longer than we do; the URL is gone at once.
    fn drop(&mut self) {
        let _then_the_lock_alone_says_it = self.file.set_len(0);
    }
}

fn open(path: &Path) -> Result<File, EmbeddedError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(EmbeddedError::file("open", path))
}

fn content(mut file: &File, path: &Path) -> Result<String, EmbeddedError> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).map_err(EmbeddedError::file("read", path))?;
    Ok(text)
}

fn first_line(file: &File, path: &Path) -> Result<Option<String>, EmbeddedError> {
    Ok(content(file, path)?.lines().next().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let base = tempfile::tempdir().unwrap();
        let first = OwnerLock::take(base.path()).unwrap();
        let me = std::process::id().to_string();
        match OwnerLock::take(base.path()).unwrap_err() {
            EmbeddedError::AlreadyRunning { pid, .. } => assert_eq!(pid, me),
            other => panic!("{other}"),
        }
        assert_eq!(OwnerLock::announced(base.path()).unwrap(), None);
        first.announce("postgresql:///x").unwrap();
        assert_eq!(OwnerLock::announced(base.path()).unwrap().as_deref(), Some("postgresql:///x"));
        drop(first);
        assert_eq!(OwnerLock::announced(base.path()).unwrap(), None);
        OwnerLock::take(base.path()).unwrap();
    }
}
