//! The throwaway cluster: the one whose URL the environment names, or else one that all test processes share.
//!
//! Every cluster lives in a folder of its own below the temporary directory, with a keeper beside it that ends it when its
//! last user has gone. What a killed keeper has left is swept at the next start; a live one is never touched.
//! It must not know what is in the databases.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use tokio::sync::OnceCell;

use super::{keeper, template};
use crate::connect::{self, DatabaseUrl};
use crate::embedded::{self, EmbeddedOptions, EmbeddedPostgres};

/// The variable in which `cargo xtask test` passes the URL of the run's cluster.
pub const URL_VARIABLE: &str = "DISPATCH_TEST_POSTGRES";

/// How long the shared cluster waits for the next test process.
const SHARED_LINGER: Duration = Duration::from_secs(10);

/// The name of the cluster that processes without [`URL_VARIABLE`] share.
const SHARED: &str = "shared";

/// The file in a cluster's folder that holds its URL.
const READY: &str = "url";

/// A cluster of one's own, for a test run. [`stop`](Self::stop) ends it; so does the death of this process, however it dies.
#[derive(Debug)]
pub struct TestCluster {
    server: EmbeddedPostgres,
    folder: PathBuf,
}

impl TestCluster {
    /// Starts a cluster and makes the migrated template in it.
    pub async fn start() -> Self {
        let base = base();
        let lock = locked(&base).await;
        sweep(&base).await;
        let folder = base.join(format!("run-{}", process::id()));
        let server = launch(&folder, Duration::from_secs(1)).await;
        drop(lock);
        template::ensure(&admin_of(server.url())).await;
        Self { server, folder }
    }

    /// The URL for [`URL_VARIABLE`].
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Ends the cluster and removes it.
    pub async fn stop(self) {
        let _going_anyhow = self.server.stop().await;
        discard(&self.folder).await;
    }
}

/// The administrative database of the cluster that this process is to use.
pub(super) async fn admin_url() -> DatabaseUrl {
    static URL: OnceCell<DatabaseUrl> = OnceCell::const_new();
    let find = || async {
        match env::var(URL_VARIABLE) {
            Ok(url) => admin_of(&url),
            Err(_) => admin_of(&shared().await),
        }
    };
    URL.get_or_init(find).await.clone()
}

fn admin_of(url: &str) -> DatabaseUrl {
    url.parse::<DatabaseUrl>().and_then(|url| url.on_database("postgres")).unwrap_or_else(|error| panic!("{error}"))
}

/// Joins the shared cluster or starts it. The lock makes this one process at a time.
async fn shared() -> String {
    let base = base();
    let _lock = locked(&base).await;
    let folder = base.join(SHARED);
    if let Some(url) = join(&folder).await {
        return url;
    }
    discard(&folder).await;
    sweep(&base).await;
    let server = launch(&folder, SHARED_LINGER).await;
    let url = server.url().to_owned();
    // It outlives this process: from here on its keeper answers for it.
    std::mem::forget(server);
    url
}

/// The URL of a cluster that is alive and will stay so, for we are now one of its users.
async fn join(folder: &Path) -> Option<String> {
    let url = fs::read_to_string(folder.join(READY)).ok()?;
    keeper::register(folder).ok()?;
    // Registered first and looked second: either we see that the keeper is ending it, or the keeper sees us.
    if keeper::is_ending(folder) {
        return None;
    }
    connect::one(&admin_of(&url)).await.ok()?;
    keeper::ensure(folder, SHARED_LINGER);
    Some(url)
}

async fn launch(folder: &Path, linger: Duration) -> EmbeddedPostgres {
    fs::create_dir_all(folder).unwrap_or_else(|error| panic!("no folder {}: {error}", folder.display()));
    keeper::register(folder).unwrap_or_else(|error| panic!("no folder {}: {error}", folder.display()));
    keeper::ensure(folder, linger);
    let options = EmbeddedOptions::new(folder).throwaway();
    let server = EmbeddedPostgres::start(options).await.unwrap_or_else(|error| panic!("{error}"));
    fs::write(folder.join(READY), server.url())
        .unwrap_or_else(|error| panic!("no URL in {}: {error}", folder.display()));
    server
}

/// Ends and removes clusters whose owner and keeper have both been killed.
async fn sweep(base: &Path) {
    let folders = fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders.filter(|path| path.is_dir() && path.file_name().is_some_and(|name| name != SHARED)) {
        if !keeper::is_kept(&folder) && !keeper::has_users(&folder) {
            discard(&folder).await;
        }
    }
}

async fn discard(folder: &Path) {
    if folder.exists() {
        let gone = embedded::remove(folder).await;
        if let Err(error) = gone {
            tracing::warn!(%error, folder = %folder.display(), "a throwaway cluster could not be removed");
        }
        let _left_for_the_next_sweep = fs::remove_dir_all(folder);
    }
}

/// The folder of all clusters of this user. Others may pass through it (as root the server runs as somebody else).
fn base() -> PathBuf {
    let me = geteuid().as_raw();
    let base = env::temp_dir().join(format!("dispatch-test-{me}"));
    let _there_already = DirBuilder::new().mode(0o711).create(&base);
    let found = fs::symlink_metadata(&base).unwrap_or_else(|error| panic!("no folder {}: {error}", base.display()));
    assert!(
        found.is_dir() && found.uid() == me,
        "{} belongs to somebody else; remove it or set TMPDIR",
        base.display()
    );
    fs::set_permissions(&base, fs::Permissions::from_mode(0o711)).unwrap_or_else(|error| panic!("{error}"));
    base
}

/// One process at a time. Waits for as long as another may need to start a cluster.
async fn locked(base: &Path) -> File {
    let path = base.join("lock");
    let file = File::create(&path).unwrap_or_else(|error| panic!("no file {}: {error}", path.display()));
    let deadline = Instant::now() + Duration::from_secs(120);
    while file.try_lock().is_err() {
        assert!(Instant::now() < deadline, "another process has held {} for two minutes", path.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    file
}
