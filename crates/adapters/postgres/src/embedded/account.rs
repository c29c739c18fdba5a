//! Who the server runs as: ourselves, or an unprivileged account when we are root, for PostgreSQL refuses root.
//!
//! It must not know which program is run.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{User, geteuid};

use super::EmbeddedError;

/// The accounts that may run the server when we are root, in order of preference.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// Who runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The user that runs this process.
    Ourselves { uid: u32 },
    /// We are root, so another one.
    Other { name: String, uid: u32, gid: u32 },
}

impl Account {
    pub(super) fn for_the_server() -> Result<Self, EmbeddedError> {
        let me = geteuid();
        if !me.is_root() {
            return Ok(Self::Ourselves { uid: me.as_raw() });
        }
        UNPRIVILEGED
            .iter()
            .filter_map(|name| User::from_name(name).ok().flatten())
            .find(|user| !user.uid.is_root())
            .map(|user| Self::Other { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })
            .ok_or(EmbeddedError::NoAccount)
    }

    /// The account's name, when it is not our own.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Ourselves { .. } => None,
            Self::Other { name, .. } => Some(name),
        }
    }

    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Ourselves { uid } | Self::Other { uid, .. } => *uid,
        }
    }

    /// A command that runs as this account, in a folder that it can reach, without our surroundings' `PG…` settings.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        if let Self::Other { uid, gid, .. } = self {
            // The standard library drops the supplementary groups too when it changes the uid as root.
            command.uid(*uid).gid(*gid);
        }
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("PG")) {
            command.env_remove(key);
        }
        command.current_dir(folder).stdin(Stdio::null());
        command
    }

    /// Whether this account can enter the folder, asked of the system itself by going there.
    pub(super) fn reaches(&self, folder: &Path) -> bool {
        match self {
            Self::Ourselves { .. } => true,
            Self::Other { .. } => self.command(Path::new("true"), folder).status().is_ok_and(|status| status.success()),
        }
    }

    /// Gives the account what we made for it.
    pub(super) fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        match self {
            Self::Ourselves { .. } => Ok(()),
            Self::Other { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(EmbeddedError::file("give away", path))
            }
        }
    }
}
