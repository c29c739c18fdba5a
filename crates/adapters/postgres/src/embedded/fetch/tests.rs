//! Fetching from a local archive server that speaks Maven's layout.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use sha2::{Digest, Sha512};
use tempfile::TempDir;

use super::*;

/// Serves these paths and nothing else, for as long as the test runs.
fn serve(files: HashMap<String, Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let files = Arc::new(files);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let files = Arc::clone(&files);
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
                let _headers = lines.take_while(|line| !line.is_empty()).count();
                let (status, body) = files.get(&path).map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _client_may_have_gone =
                    (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(body));
            });
        }
    });
    format!("http://{address}/maven")
}

/// An archive like zonkyio's: a zip that holds one `.txz` with `bin/` in it.
fn archive(version: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for program in ["postgres", "initdb"] {
        fs::write(bin.join(program), format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let tar = Command::new("tar").arg("-C").arg(folder.path()).args(["-cJf", "-", "bin"]).output().unwrap();
    assert!(tar.status.success(), "tar with xz is needed: {}", String::from_utf8_lossy(&tar.stderr));
    stored_zip("postgres-test.txz", &tar.stdout)
}

/// A zip with one file that is not compressed.
fn stored_zip(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let name_size = u16::try_from(name.len()).unwrap().to_le_bytes();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    common.extend(crc32(content).to_le_bytes());
    common.extend(size.iter().chain(&size).chain(&name_size).chain(&[0, 0]));
    let mut zip = [b"PK\x03\x04", &common[..], name.as_bytes(), content].concat();
    let directory = u32::try_from(zip.len()).unwrap();
    zip.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 14], name.as_bytes()].concat());
    let directory_size = u32::try_from(zip.len()).unwrap() - directory;
    zip.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    zip.extend(directory_size.to_le_bytes().iter().chain(&directory.to_le_bytes()).chain(&[0, 0]));
    zip
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// A mirror with these versions, and a way to spoil it.
fn mirror(versions: &[&str], spoil: impl Fn(&mut HashMap<String, Vec<u8>>, &str)) -> String {
    let artifact = artifact();
    let listed: String = versions.iter().map(|version| format!("<version>{version}</version>")).collect();
    let metadata = format!(
        "<metadata><groupId>io.zonky.test.postgres</groupId><artifactId>{artifact}</artifactId><versioning>\
         <latest>{0}</latest><release>{0}</release><versions>{listed}</versions><lastUpdated>20260101000000</lastUpdated>\
         </versioning></metadata>",
        versions[0]
    );
    let mut files = HashMap::from([(format!("/maven/{artifact}/maven-metadata.xml"), metadata.into_bytes())]);
    for version in versions {
        let jar = archive(version);
        let path = format!("/maven/{artifact}/{version}/{artifact}-{version}.jar");
        let sum: String = Sha512::digest(&jar).iter().map(|byte| format!("{byte:02x}")).collect();
        files.insert(format!("{path}.sha512"), sum.into_bytes());
        files.insert(path.clone(), jar);
        spoil(&mut files, &path);
    }
    serve(files)
}

/// Where a fetched PostgreSQL goes; as root another account must be able to run it.
fn programs() -> (TempDir, Account) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    (folder, Account::for_the_server().unwrap())
}

#[tokio::test]
async fn the_newest_release_of_the_wanted_version_is_fetched_and_found_again() {
    let url = mirror(&["16.9.0", "17.2.0", "17.10.0", "18.1.0"], |_, _| {});
    let (folder, account) = programs();
    let found = fetch(Some(&url), None, folder.path(), &account).await.unwrap();
    assert_eq!((found.major, found.version.as_str()), (PREFERRED_MAJOR, "17.10.0"));
    assert_eq!(found.folder, folder.path().canonicalize().unwrap().join("17.10.0/bin"));
    let older = fetch(Some(&format!("{url}/")), Some(16), folder.path(), &account).await.unwrap();
    assert_eq!(older.version, "16.9.0");
    let again = super::super::binaries::find(None, folder.path(), Some(16), &account).unwrap();
    assert_eq!(again, older, "the next start finds what this one fetched");
}

#[tokio::test]
async fn what_does_not_match_its_checksum_is_not_unpacked() {
    let url = mirror(&["17.2.0"], |files, path| files.get_mut(path).unwrap().push(0));
    let (folder, account) = programs();
    let error = fetch(Some(&url), None, folder.path(), &account).await.unwrap_err();
    assert!(matches!(&error, EmbeddedError::Fetch { source: Error::ArchiveHashMismatch { .. }, .. }), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn without_a_checksum_or_a_version_nothing_is_fetched() {
    let (folder, account) = programs();
    let unsigned = mirror(&["17.2.0"], |files, path| {
        files.remove(&format!("{path}.sha512"));
    });
    assert!(matches!(fetch(Some(&unsigned), None, folder.path(), &account).await, Err(EmbeddedError::Fetch { .. })));
    let old = mirror(&["14.2.0"], |_, _| {});
    let error = fetch(Some(&old), None, folder.path(), &account).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Fetch { source: Error::VersionNotFound(_), .. }), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
