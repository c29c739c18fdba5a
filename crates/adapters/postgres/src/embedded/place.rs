//! Where the server's data, socket, programs and log are, and why there.
//!
//! It must not start anything.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Account, Binaries, EmbeddedError, Location, NAME};

/// Where data goes that the server's account cannot reach in the project.
const SHARED_STATE: &str = "/var/lib/dispatch";

/// The longest path of a unix socket that every system takes (macOS: 104 bytes with the closing zero; Linux: 108).
const LONGEST_SOCKET: usize = 103;

/// The name that PostgreSQL gives its socket.
const SOCKET_FILE: &str = ".s.PGSQL.5432";

/// The folders of one embedded server.
#[derive(Clone, Debug)]
pub(super) struct Place {
    base: PathBuf,
    socket: PathBuf,
    reason: String,
    account: Option<String>,
}

impl Place {
    /// `<root>/postgres`, or a folder in `/var/lib/dispatch` when the server's account cannot get there.
    pub(super) fn choose(root: &Path, account: &Account) -> Result<Self, EmbeddedError> {
        let inside = root.join("postgres");
        fs::create_dir_all(&inside).map_err(EmbeddedError::file("make the folder", &inside))?;
        let inside = inside.canonicalize().map_err(EmbeddedError::file("find", &inside))?;
        let (base, reason) = if account.reaches(&inside) {
            (inside, "where it was asked for".to_owned())
        } else {
            let base = Path::new(SHARED_STATE).join(short_hash(&inside));
            fs::create_dir_all(&base).map_err(EmbeddedError::file("make the folder", &base))?;
            let name = account.name().unwrap_or(NAME);
            let reason = format!("the server runs as {name}, which cannot reach {}", inside.display());
            (base, reason)
        };
        let socket = socket_folder(&base, account);
        Ok(Self { base, socket, reason, account: account.name().map(str::to_owned) })
    }

    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    pub(super) fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.base.join("server.log")
    }

    pub(super) fn programs(&self) -> PathBuf {
        self.base.join("programs")
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Makes the socket's folder: reachable by the server's account and by nobody else, and empty. The caller knows that no
    /// server runs; what a killed one has left would be taken for one when its process id means something else by now.
    pub(super) fn prepare(&self, account: &Account) -> Result<(), EmbeddedError> {
        let socket = &self.socket;
        match DirBuilder::new().mode(0o700).create(socket) {
            Ok(()) => account.give(socket)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(EmbeddedError::file("make the folder", socket)(error)),
        }
        // Of the link, not of what it points to: in /tmp anybody could have put one there.
        let found = fs::symlink_metadata(socket).map_err(EmbeddedError::file("look at", socket))?;
        if !found.is_dir() || found.uid() != account.uid() {
            return Err(EmbeddedError::NotPrivate { path: socket.clone() });
        }
        fs::set_permissions(socket, Permissions::from_mode(0o700)).map_err(EmbeddedError::file("close", socket))?;
        for left in fs::read_dir(socket).map_err(EmbeddedError::file("look into", socket))?.flatten() {
            let left = left.path();
            fs::remove_file(&left).map_err(EmbeddedError::file("remove", &left))?;
        }
        Ok(())
    }

    /// The form with an empty authority is the one that libpq, tokio-postgres and the URL standard all read.
    pub(super) fn url(&self, port: Option<&str>) -> String {
        let host = percent_encoded(self.socket.as_os_str().as_bytes());
        let port = port.map(|port| format!("&port={port}")).unwrap_or_default();
        format!("postgresql:///{NAME}?user={NAME}&host={host}{port}")
    }

    pub(super) fn location(&self, binaries: &Binaries) -> Location {
        Location {
            data: self.data(),
            reason: self.reason.clone(),
            socket: self.socket.clone(),
            log: self.log(),
            binaries: binaries.folder.clone(),
            version: binaries.version.clone(),
            account: self.account.clone(),
        }
    }
}

/// `<base>/socket`, or a short path elsewhere where that is too long for a socket's address.
fn socket_folder(base: &Path, account: &Account) -> PathBuf {
    let near = base.join("socket");
    if near.join(SOCKET_FILE).as_os_str().len() <= LONGEST_SOCKET {
        return near;
    }
    let name = format!("dispatch-{}-{}", account.uid(), short_hash(base));
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| {
        matches!(account, Account::Ourselves { .. })
            && folder.is_dir()
            && folder.join(&name).join(SOCKET_FILE).as_os_str().len() <= LONGEST_SOCKET
    });
    runtime.unwrap_or_else(|| PathBuf::from("/tmp")).join(name)
}

/// Sixteen hexadecimal digits that stand for a path, today and after every upgrade.
fn short_hash(path: &Path) -> String {
    Sha256::digest(path.as_os_str().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ourselves() -> Account {
        Account::Ourselves { uid: geteuid() }
    }

    fn geteuid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn a_long_project_path_gets_a_short_socket() {
        let deep = PathBuf::from("/home/somebody").join("x".repeat(120));
        let socket = socket_folder(&deep, &ourselves());
        assert!(socket.join(SOCKET_FILE).as_os_str().len() <= LONGEST_SOCKET, "{}", socket.display());
        assert_ne!(socket, socket_folder(&deep.join("other"), &ourselves()));
        assert_eq!(socket_folder(Path::new("/p"), &ourselves()), Path::new("/p/socket"));
    }

    #[test]
    fn a_socket_folder_of_somebody_else_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let (real, link) = (base.path().join("real"), base.path().join("socket"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let place = Place { base: base.path().into(), socket: link, reason: String::new(), account: None };
        assert!(matches!(place.prepare(&ourselves()), Err(EmbeddedError::NotPrivate { .. })));
    }

    #[test]
    fn odd_folder_names_survive_the_url() {
        assert_eq!(percent_encoded("/tmp/a b&c=ü".as_bytes()), "/tmp/a%20b%26c%3D%C3%BC");
    }
}
