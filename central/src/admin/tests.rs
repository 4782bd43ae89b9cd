//! The commands as they are typed, on a real database.

use clap::Parser;
use serde_json::Value;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

async fn run(folder: &tempfile::TempDir, line: &str) -> Result<String, Error> {
    let words = shell_words(line);
    let command = Line::try_parse_from(["admin".to_owned()].into_iter().chain(words)).unwrap().command;
    let mut out = Vec::new();
    command.run_into(&folder.path().join("metadata.sqlite"), &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

/// Words between blanks, where `_` stands for a blank within one.
fn shell_words(line: &str) -> impl Iterator<Item = String> {
    line.split(' ').map(|word| word.replace('_', " ")).collect::<Vec<_>>().into_iter()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn what_was_added_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let line = "website add --name The_shop --domain Shop.example --also-domain localhost --also-domain 127.0.0.1 --tracking-id FF-SHOP \
                --timezone Europe/Berlin --ip-anonymization false --bot-filtering false --sampling-rate 0.5 --owner Ada@example.com --json";
    let added = json(&run(&folder, line).await.unwrap());
    assert_eq!(added["created"], true);
    assert_eq!(added["tracking_id"], "FF-SHOP");
    assert_eq!(added["domain"], "shop.example");
    assert_eq!(added["extra_domains"], serde_json::json!(["localhost", "127.0.0.1"]));
    assert_eq!(
        (&added["ip_anonymization_enabled"], &added["bot_filtering_enabled"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
    assert_eq!(
        (added["sampling_rate"].as_f64(), &added["owner"]),
        (Some(0.5), &Value::from("ada@example.com"))
    );

    let listed = json(&run(&folder, "website list --json").await.unwrap());
    assert_eq!(listed["websites"][0]["website_id"], added["website_id"]);
    assert_eq!(run(&folder, "website list").await.unwrap(), "FF-SHOP  shop.example  The shop\n");
}

#[tokio::test]
async fn addresses_are_cut_unless_somebody_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let added = json(&run(&folder, "website add --name Shop --domain shop.example --json").await.unwrap());
    assert_eq!(added["ip_anonymization_enabled"], true);
    assert_eq!(added["bot_filtering_enabled"], true);
    assert!(added["tracking_id"].as_str().unwrap().starts_with("FF-"));
}

#[tokio::test]
async fn a_tracking_id_is_given_once_and_if_missing_does_not_mind() {
    let folder = tempfile::tempdir().unwrap();
    let line = "website add --name Shop --domain shop.example --tracking-id FF-SHOP";
    assert_eq!(run(&folder, line).await.unwrap(), "FF-SHOP  shop.example  Shop (added)\n");
    let error = run(&folder, line).await.unwrap_err();
    assert_eq!(
        (error.exit_code(), error.to_string()),
        (1, "tracking id FF-SHOP is already in use".to_owned())
    );
    let again = run(&folder, &format!("{line} --if-missing --json")).await.unwrap();
    assert_eq!(json(&again)["created"], false);
    assert_eq!(
        json(&run(&folder, "website list --json").await.unwrap())["websites"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn what_is_typed_wrong_is_said_before_a_database_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for (line, sentence) in [
        ("website add --name Shop --domain https://shop.example", "\"https://shop.example\" is not a domain"),
        ("website add --name Shop --domain a.example --also-domain a/b", "\"a/b\" is not a domain"),
        ("website add --name Shop --domain a.example --tracking-id <b>", "\"<b>\" is not a tracking id"),
        ("website add --name Shop --domain a.example --timezone +2", "\"+2\" is not a time zone"),
        ("website add --name Shop --domain a.example --sampling-rate 2", "\"2\" is not a sampling rate"),
        ("website add --name Shop --domain a.example --owner me", "\"me\" is not an email"),
        ("website add --name _ --domain a.example", "a website's name has"),
    ] {
        let error = run(&folder, line).await.unwrap_err();
        assert_eq!(error.exit_code(), 64, "{line}");
        assert!(error.to_string().starts_with(sentence), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("metadata.sqlite")).unwrap();
    let error = run(&folder, "website list").await.unwrap_err();
    assert_eq!(error.exit_code(), 74);
    assert!(error.to_string().contains("metadata.sqlite"), "{error}");
}
