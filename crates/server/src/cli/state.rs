//! What `dispatch dev` keeps on this machine besides its database: the webhook secrets that `send` signs with.
//! Must not know what is signed.

use anyhow::{Context, Result};
use secrecy::SecretString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where `dispatch dev` keeps everything.
pub const DEFAULT_FOLDER: &str = ".dispatch";

/// The file of the webhook secret.
#[must_use]
pub fn secret_file(folder: &Path) -> PathBuf {
    folder.join("slack_signing_secret")
}

/// The file of the auth token of the invented Twilio account.
#[must_use]
pub fn twilio_token_file(folder: &Path) -> PathBuf {
    folder.join("twilio_auth_token")
}

fn twilio_account_file(folder: &Path) -> PathBuf {
    folder.join("twilio_account_sid")
}

/// The webhook secret of this machine, made on first use, readable by its owner only.
///
/// # Errors
/// When the file can be neither read nor made.
pub fn webhook_secret(folder: &Path) -> Result<SecretString> {
    kept(&secret_file(folder), random_hex::<32>)
}

/// SID and auth token of this machine's invented Twilio account, made on first use, readable by their owner only.
///
/// # Errors
/// When a file can be neither read nor made.
pub fn twilio_credentials(folder: &Path) -> Result<(SecretString, SecretString)> {
    let account = kept(&twilio_account_file(folder), || Ok(format!("AC{}", random_hex::<16>()?)))?;
    Ok((account, kept(&twilio_token_file(folder), random_hex::<16>)?))
}

/// The webhook secret that `dispatch dev` made here.
///
/// # Errors
/// When there is none.
pub fn stored_secret(folder: &Path) -> Result<SecretString> {
    stored(&secret_file(folder))
}

/// SID and auth token of the Twilio account that `dispatch dev` invented here.
///
/// # Errors
/// When there is none.
pub fn stored_twilio_credentials(folder: &Path) -> Result<(SecretString, SecretString)> {
    Ok((stored(&twilio_account_file(folder))?, stored(&twilio_token_file(folder))?))
}

/// What the file holds, made on first use.
fn kept(path: &Path, make: impl Fn() -> Result<String>) -> Result<SecretString> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let secret = make()?;
            writeln!(file, "{secret}").with_context(|| format!("cannot write {}", path.display()))?;
            Ok(secret.into())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Whoever copied the folder may have widened it.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
            stored(path)
        }
        Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
}

fn stored(path: &Path) -> Result<SecretString> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let secret = text.trim();
    anyhow::ensure!(!secret.is_empty(), "{} is empty; delete it and start `dispatch dev` again", path.display());
    Ok(secret.into())
}

fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0u8; BYTES];
    let mut source = fs::File::open("/dev/urandom").context("this machine has no /dev/urandom")?;
    source.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn the_secret_is_made_once_and_is_nobody_elses() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("state");
        assert!(stored_secret(&folder).is_err());
        let made = webhook_secret(&folder).expect("made");
        assert_eq!(made.expose_secret().len(), 64);
        fs::set_permissions(secret_file(&folder), fs::Permissions::from_mode(0o644)).expect("widened");
        assert_eq!(webhook_secret(&folder).expect("found").expose_secret(), made.expose_secret());
        let mode = fs::metadata(secret_file(&folder)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(stored_twilio_credentials(&folder).is_err());
        let (account, token) = twilio_credentials(&folder).expect("invented");
        assert!(account.expose_secret().starts_with("AC") && account.expose_secret().len() == 34);
        let again = stored_twilio_credentials(&folder).expect("found");
        assert_eq!(again.0.expose_secret(), account.expose_secret());
        assert_eq!(again.1.expose_secret(), token.expose_secret());
        fs::write(secret_file(&folder), "\n").expect("emptied");
        assert!(webhook_secret(&folder).is_err());
    }
}
