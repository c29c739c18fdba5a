//! The server's settings, given on its command line so that they are always those of this build.
//!
//! It must not know how the server is started.

use super::{Durability, EmbeddedOptions, place::Place};

/// Everything after the program's name.
pub(super) fn arguments(place: &Place, options: &EmbeddedOptions) -> Vec<String> {
    let mut arguments = vec!["-D".to_owned(), place.data().display().to_string()];
    let mut set = |key: &str, value: &str| arguments.extend(["-c".to_owned(), format!("{key}={value}")]);
    // No TCP: only who may enter the socket's folder gets in.
    set("listen_addresses", "");
    set("unix_socket_directories", &quoted(&place.socket().display().to_string()));
    set("unix_socket_permissions", "0700");
    set("port", "5432");
    set("max_connections", &options.max_connections.to_string());
    set("shared_buffers", "128MB");
    set("max_wal_size", "1GB");
    set("logging_collector", "off");
    set("log_destination", "stderr");
    set("log_line_prefix", "%m [%p] ");
    set("log_timezone", "UTC");
    set("timezone", "UTC");
    set("jit", "off");
    // Also without fsync a commit is handed to the system before it is answered: a killed server loses nothing then either.
    set("synchronous_commit", "on");
    match options.durability {
        Durability::Durable => {
            set("fsync", "on");
            set("full_page_writes", "on");
        }
        Durability::Throwaway => {
            set("fsync", "off");
            set("full_page_writes", "off");
            set("autovacuum", "off");
            set("checkpoint_timeout", "1h");
        }
    }
    for (key, value) in &options.settings {
        set(key, value);
    }
    arguments
}

/// `unix_socket_directories` is a list; quotes keep a path with a comma or blank in one piece.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('"', "\"\""))
}
