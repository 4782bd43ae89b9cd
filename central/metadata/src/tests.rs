//! What only a file has to be: private, and shared by processes that start together. What both backends have to do is in
//! `central/tests/metadata.rs`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use footfall_daemon::fault::Classify as _;

use super::*;

fn site(domain: &str) -> NewWebsite {
    NewWebsite {
        name: format!("The site {domain}"),
        domain: domain.parse().unwrap(),
        extra_domains: Vec::new(),
        tracking_id: None,
        timezone: "UTC".to_owned(),
        ip_anonymization_enabled: true,
        bot_filtering_enabled: true,
        sampling_rate: 1.0,
        owner: "owner@localhost".parse().unwrap(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn opening_twice_keeps_what_is_there_and_the_files_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deeper/metadata.sqlite");
    let added = Metadata::open(&path).await.unwrap().add_website(site("example.com")).await.unwrap();
    let again = Metadata::open(&path).await.unwrap();
    assert_eq!(again.websites().await.unwrap(), [added]);
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_file_that_others_could_read_is_taken_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    Metadata::open(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    std::fs::write(&path, vec![b'x'; 4096]).unwrap();
    let sentence = Metadata::open(&path).await.unwrap_err().to_string();
    assert!(sentence.contains("metadata.sqlite") && sentence.contains("not a database"), "{sentence}");
}

#[tokio::test]
async fn nothing_is_answered_before_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let error = Metadata::at(folder.path().join("metadata.sqlite")).websites().await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("not been opened"), "{error}");
}
