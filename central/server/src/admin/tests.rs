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
    run_with(folder, line, "").await
}

async fn run_with(folder: &tempfile::TempDir, line: &str, input: &str) -> Result<String, Error> {
    let words = shell_words(line);
    let command = Line::try_parse_from(["admin".to_owned()].into_iter().chain(words)).unwrap().command;
    let mut out = Vec::new();
    command.run_into(folder.path().join("metadata.sqlite").into(), &mut input.as_bytes(), &mut out).await?;
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

#[tokio::test]
async fn a_website_is_shown_changed_paused_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, "website add --name Shop --domain shop.example --tracking-id FF-SHOP").await.unwrap();
    let set =
        "website set FF-SHOP --name Books --also-domain localhost --currency EUR --industry Books --json";
    let set = json(&run(&folder, set).await.unwrap());
    assert_eq!(
        (&set["name"], &set["currency"], &set["domain"]),
        (&"Books".into(), &"EUR".into(), &"shop.example".into())
    );
    let cleared = run(&folder, "website set FF-SHOP --no-also-domain --json").await.unwrap();
    assert_eq!(json(&cleared)["extra_domains"], serde_json::json!([]));
    let shown = run(&folder, "website show FF-SHOP").await.unwrap();
    assert!(shown.contains("currency                  EUR\n"), "{shown}");
    assert_eq!(
        run(&folder, "website pause FF-SHOP").await.unwrap(),
        "FF-SHOP  shop.example  Books (paused)\n"
    );
    assert_eq!(run(&folder, "website list").await.unwrap(), "FF-SHOP  shop.example  Books (paused)\n");
    assert_eq!(json(&run(&folder, "website resume FF-SHOP --json").await.unwrap())["status"], "active");
    run(&folder, "website delete FF-SHOP").await.unwrap();
    let error = run(&folder, "website show FF-SHOP").await.unwrap_err();
    assert_eq!((error.exit_code(), error.to_string()), (1, "there is no website FF-SHOP".to_owned()));
}

#[tokio::test]
async fn a_password_comes_from_a_file_or_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse battery\nits second line\n").unwrap();
    let add =
        format!("user add --email Ada@example.com --name Ada --password-file {} --json", file.display());
    let added = json(&run(&folder, &add).await.unwrap());
    assert_eq!((&added["email"], &added["has_password"]), (&"ada@example.com".into(), &true.into()));
    assert!(added.get("password_hash").is_none());
    let metadata = Metadata::open(folder.path().join("metadata.sqlite")).await.unwrap();
    let ada = "ada@example.com".parse().unwrap();
    assert!(metadata.sign_in(&ada, "correct horse battery".to_owned()).await.unwrap().is_some());

    run_with(&folder, "user set-password --email ada@example.com", "another horse battery\n").await.unwrap();
    assert!(metadata.sign_in(&ada, "another horse battery".to_owned()).await.unwrap().is_some());
    let short = run_with(&folder, "user set-password --email ada@example.com", "short\n").await.unwrap_err();
    assert_eq!((short.exit_code(), short.to_string().contains("at least 12")), (64, true));
    let nobody =
        run_with(&folder, "user set-password --email bob@example.com", "another horse battery").await;
    assert_eq!(nobody.unwrap_err().to_string(), "there is no user bob@example.com");
    let missing =
        run(&folder, "user set-password --email ada@example.com --password-file /no/such/file").await;
    assert_eq!(missing.unwrap_err().exit_code(), 74);
    assert_eq!(
        run(&folder, "user status --email ada@example.com suspended").await.unwrap(),
        "ada@example.com  suspended\n"
    );
    assert_eq!(json(&run(&folder, "user list --json").await.unwrap())["users"][0]["status"], "suspended");
}

#[tokio::test]
async fn what_belongs_to_a_website_is_said_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, "website add --name Shop --domain shop.example --tracking-id FF-SHOP").await.unwrap();
    run(&folder, "user add --email ada@example.com --name Ada").await.unwrap();
    let steps = r#"[{"name":"Cart","type":"page","match_type":"equals","value":"/cart"},
                    {"name":"Paid","type":"event","match_type":"regex","value":"^paid"}]"#;
    for (line, input, printed) in [
        (
            "permission grant --website FF-SHOP --email ada@example.com --role editor",
            "",
            "ada@example.com is editor of FF-SHOP\n",
        ),
        (
            "permission revoke --website FF-SHOP --email ada@example.com",
            "",
            "ada@example.com is nothing of FF-SHOP\n",
        ),
        ("property set --website FF-SHOP colour blue", "", "FF-SHOP  colour = blue\n"),
        ("property list --website FF-SHOP", "", "colour  blue\n"),
        ("property unset --website FF-SHOP colour", "", "FF-SHOP  colour is not set\n"),
        ("dimension set --website FF-SHOP --index 3 --name Author --scope hit", "", "3  Author  hit\n"),
        ("dimension retire --website FF-SHOP --index 3", "", "3  Author  hit  (retired)\n"),
        ("metric set --website FF-SHOP --index 20 --name Words --type integer", "", "20  Words  integer\n"),
        ("metric list --website FF-SHOP", "", "20  Words  integer\n"),
    ] {
        assert_eq!(run_with(&folder, line, input).await.unwrap(), printed, "{line}");
    }
    let goal =
        "goal add --website FF-SHOP --name Order --type destination --match regex --value ^/thanks --json";
    assert_eq!(json(&run(&folder, goal).await.unwrap())["type"], "destination");
    assert!(
        run(&folder, "goal list --website FF-SHOP")
            .await
            .unwrap()
            .ends_with("Order  destination  regex ^/thanks\n")
    );
    assert!(
        run(&folder, "goal retire --website FF-SHOP Order").await.unwrap().ends_with("Order (retired)\n")
    );
    run_with(&folder, "funnel add --website FF-SHOP --name Checkout", steps).await.unwrap();
    assert!(
        run(&folder, "funnel list --website FF-SHOP").await.unwrap().ends_with("Checkout  Cart > Paid\n")
    );
    let shown = json(&run(&folder, "funnel show --website FF-SHOP Checkout --json").await.unwrap());
    assert_eq!(shown["steps"][1]["match_type"], "regex", "{shown}");
    run(&folder, "funnel remove --website FF-SHOP Checkout").await.unwrap();

    for (line, sentence) in [
        (
            "goal add --website FF-SHOP --name G --type destination --match regex --value (",
            "the pattern cannot be used",
        ),
        ("goal add --website FF-SHOP --name G --type duration --value 3", "a goal of type destination"),
        ("goal add --website FF-SHOP --name G --type luck --number 3", "\"luck\" is not a goal's type"),
        ("funnel add --website FF-SHOP --name F", "these are not a funnel's steps"),
        ("permission grant --website FF-SHOP --email ada@example.com --role king", "\"king\" is not a role"),
        ("property set --website FF-SHOP Colour blue", "\"Colour\" is not a property"),
        ("dimension set --website FF-SHOP --index 21 --name D --scope hit", "\"21\" is not an index"),
        ("website set FF-SHOP --currency euro", "\"euro\" is not a currency"),
    ] {
        let error = run(&folder, line).await.unwrap_err();
        assert_eq!(error.exit_code(), 64, "{line}");
        assert!(error.to_string().starts_with(sentence), "{error}");
    }
    let unknown = run(&folder, "goal list --website FF-NOBODY").await.unwrap_err();
    assert_eq!((unknown.exit_code(), unknown.to_string()), (1, "there is no website FF-NOBODY".to_owned()));
}
