//! The commands as they are typed, on a real database.

use clap::Parser;
use serde_json::Value;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

async fn run(folder: &tempfile::TempDir, line: &str) -> Result<String, Error> {
    run_with(folder, line, "").await
}

async fn run_with(folder: &tempfile::TempDir, line: &str, input: &str) -> Result<String, Error> {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    run_to(folder, line, input, &mut out, &mut notes).await?;
    assert_eq!(String::from_utf8(notes).unwrap(), "", "{line}");
    Ok(String::from_utf8(out).unwrap())
}

async fn run_to(
    folder: &tempfile::TempDir,
    line: &str,
    input: &str,
    out: &mut Vec<u8>,
    notes: &mut Vec<u8>,
) -> Result<(), Error> {
    let command = parsed(line).unwrap_or_else(|error| panic!("{line}: {error}")).command;
    command.run_into(folder.path().join("metadata.sqlite").into(), &mut input.as_bytes(), out, notes).await
}

fn parsed(line: &str) -> Result<Line, clap::Error> {
    Line::try_parse_from(["admin".to_owned()].into_iter().chain(shell_words(line)))
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
    let set = "website set --website FF-SHOP --name Books --also-domain localhost --currency EUR --industry Books --json";
    let set = json(&run(&folder, set).await.unwrap());
    assert_eq!(
        (&set["name"], &set["currency"], &set["domain"]),
        (&"Books".into(), &"EUR".into(), &"shop.example".into())
    );
    let cleared = run(&folder, "website set --website FF-SHOP --no-also-domain --json").await.unwrap();
    assert_eq!(json(&cleared)["extra_domains"], serde_json::json!([]));
    let shown = run(&folder, "website show --website FF-SHOP").await.unwrap();
    assert!(shown.contains("currency                  EUR\n"), "{shown}");
    assert_eq!(
        run(&folder, "website pause --website FF-SHOP").await.unwrap(),
        "FF-SHOP  shop.example  Books (paused)\n"
    );
    assert_eq!(run(&folder, "website list").await.unwrap(), "FF-SHOP  shop.example  Books (paused)\n");
    assert_eq!(
        json(&run(&folder, "website resume --website FF-SHOP --json").await.unwrap())["status"],
        "active"
    );
    run(&folder, "website delete --website FF-SHOP").await.unwrap();
    let error = run(&folder, "website show --website FF-SHOP").await.unwrap_err();
    assert_eq!((error.exit_code(), error.to_string()), (64, "there is no website FF-SHOP".to_owned()));
}

#[tokio::test]
async fn a_password_comes_from_a_file_or_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse battery\nits second line\n").unwrap();
    let add =
        format!("user add --email Ada@example.com --name Ada --password-file {} --json", file.display());
    let allow = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(&file, allow(0o644)).unwrap();
    assert_eq!(run(&folder, &add).await.unwrap_err().exit_code(), 64, "others can read it");
    std::fs::set_permissions(&file, allow(0o600)).unwrap();
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
    assert_eq!(missing.unwrap_err().exit_code(), 64);
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
        ("website set --website FF-SHOP --currency euro", "\"euro\" is not a currency"),
    ] {
        let error = run(&folder, line).await.unwrap_err();
        assert_eq!(error.exit_code(), 64, "{line}");
        assert!(error.to_string().starts_with(sentence), "{error}");
    }
    let unknown = run(&folder, "goal list --website FF-NOBODY").await.unwrap_err();
    assert_eq!((unknown.exit_code(), unknown.to_string()), (64, "there is no website FF-NOBODY".to_owned()));
}

/// Every command that is about a website, whole but for the website.
const ABOUT_A_WEBSITE: [&str; 20] = [
    "website show",
    "website set --name Books",
    "website pause",
    "website resume",
    "website delete",
    "permission grant --email ada@example.com --role editor",
    "permission revoke --email ada@example.com",
    "permission list",
    "property set colour blue",
    "property list",
    "property unset colour",
    "goal add --name G --type duration --number 3",
    "goal list",
    "goal retire G",
    "funnel list",
    "funnel show F",
    "funnel remove F",
    "dimension list",
    "metric set --index 1 --name M --type integer",
    "metric retire --index 1",
];

#[tokio::test]
async fn every_command_names_a_website_in_the_one_way() {
    let folder = tempfile::tempdir().unwrap();
    let added = "website add --name Shop --domain shop.example --tracking-id FF-SHOP --json";
    let website_id = json(&run(&folder, added).await.unwrap())["website_id"].as_str().unwrap().to_owned();
    for command in ABOUT_A_WEBSITE {
        let unknown = run(&folder, &format!("{command} --website FF-NOBODY")).await.unwrap_err();
        assert_eq!(
            (unknown.exit_code(), unknown.to_string()),
            (64, "there is no website FF-NOBODY".to_owned()),
            "{command}"
        );
        for mistaken in ["", "a/b", "shop.example", "\u{fc}", &"x".repeat(51)] {
            let refused = parsed(&format!("{command} --website {mistaken}")).unwrap_err().to_string();
            assert!(refused.contains("--website <ID>"), "{command}: {refused}");
        }
        assert!(parsed(command).is_err(), "{command} without a website");
    }
    for id in ["FF-SHOP", website_id.as_str(), &website_id.to_uppercase(), &website_id.replace('-', "")] {
        let shown = run(&folder, &format!("website show --website {id} --json")).await.unwrap();
        assert_eq!(json(&shown)["website_id"], website_id.as_str(), "{id}");
        run(&folder, &format!("property list --website {id}")).await.unwrap();
        run(&folder, &format!("website set --website {id} --name Books")).await.unwrap();
        run(&folder, &format!("website pause --website {id}")).await.unwrap();
    }
}

#[tokio::test]
async fn a_domain_of_another_website_is_taken_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    for added in [
        "website add --name Shop --domain shop.example --also-domain shop.test --also-domain localhost --tracking-id FF-SHOP",
        "website add --name Blog --domain blog.shop.example --also-domain localhost --tracking-id FF-BLOG",
        "website add --name Local --domain 127.0.0.1 --tracking-id FF-1",
        "website add --name Other --domain 127.0.0.1 --also-domain [::1] --also-domain app.localhost --tracking-id FF-2",
    ] {
        run(&folder, added).await.unwrap();
    }
    let before = run(&folder, "website list").await.unwrap();
    for (line, whose) in [
        ("website add --name X --domain SHOP.example", "FF-SHOP (Shop)"),
        ("website add --name X --domain shop.test.", "FF-SHOP (Shop)"),
        ("website add --name X --domain x.example --also-domain shop.example", "FF-SHOP (Shop)"),
        ("website add --name X --domain shop.example --tracking-id FF-X --if-missing", "FF-SHOP (Shop)"),
        ("website add --name X --domain shop.test --if-missing", "FF-SHOP (Shop)"),
        ("website set --website FF-BLOG --domain shop.example", "FF-SHOP (Shop)"),
        ("website set --website FF-BLOG --also-domain shop.test", "FF-SHOP (Shop)"),
        ("website set --website FF-SHOP --also-domain blog.shop.example", "FF-BLOG (Blog)"),
    ] {
        let refused = run(&folder, line).await.unwrap_err();
        assert_eq!(refused.exit_code(), 1, "{line}");
        let sentence = refused.to_string();
        assert!(sentence.contains(whose) && sentence.contains("--force"), "{line}: {sentence}");
    }
    assert_eq!(run(&folder, "website list").await.unwrap(), before, "a refusal changes nothing");

    let own = "website set --website FF-SHOP --domain shop.example --also-domain shop.test --also-domain www.shop.example";
    run(&folder, own).await.unwrap();
    let again = "website add --name X --domain shop.example --if-missing --json";
    assert_eq!(json(&run(&folder, again).await.unwrap())["created"], false);
    for forced in [
        "website add --name X --domain shop.example --tracking-id FF-X --force",
        "website set --website FF-BLOG --domain shop.example --force",
    ] {
        run(&folder, forced).await.unwrap();
    }
    for website in ["FF-SHOP", "FF-X", "FF-BLOG"] {
        run(&folder, &format!("website delete --website {website}")).await.unwrap();
    }
    run(&folder, "website add --name Next --domain shop.example")
        .await
        .expect("what was deleted has no domain");
}

#[tokio::test]
async fn what_nothing_acts_on_is_said_where_it_is_asked_for_and_where_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, "website add --name Shop --domain shop.example --tracking-id FF-SHOP").await.unwrap();
    for json_too in ["", " --json"] {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let line = format!("website set --website FF-SHOP --data-retention-days 90{json_too}");
        run_to(&folder, &line, "", &mut out, &mut notes).await.unwrap();
        let (out, notes) = (String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap());
        assert!(notes.contains("nothing acts on it yet") && notes.lines().count() == 1, "{notes}");
        assert!(out.contains("data_retention_days") && !out.contains("nothing acts"), "{out}");
        assert!(json_too.is_empty() || json(&out)["data_retention_days"] == 90, "{out}");
    }
    let help = parsed("website set --help").err().unwrap().to_string();
    assert!(
        help.split_whitespace().collect::<Vec<_>>().join(" ").contains("Nothing acts on it yet"),
        "{help}"
    );
    let help = parsed("--help").err().unwrap().to_string();
    for promised in ["--website", "64", "{\"error\": \"sentence\"}"] {
        assert!(help.contains(promised), "{promised} is not in {help}");
    }
}

#[tokio::test]
async fn the_name_of_what_is_not_there_is_typed_wrong() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, "website add --name Shop --domain shop.example --tracking-id FF-SHOP").await.unwrap();
    for (line, sentence) in [
        ("goal retire --website FF-SHOP Order", "there is no goal"),
        ("funnel show --website FF-SHOP Checkout", "there is no funnel"),
        ("dimension retire --website FF-SHOP --index 3", "there is no dimension"),
        ("permission grant --website FF-SHOP --email bob@example.com --role editor", "there is no user"),
        ("permission list --email bob@example.com", "there is no user"),
        ("user status --email bob@example.com active", "there is no user"),
        ("funnel add --website FF-SHOP --name F --steps /no/such/file", "/no/such/file cannot be read"),
        ("funnel add --website FF-SHOP --name F --steps /", "/ cannot be read"),
    ] {
        let error = run(&folder, line).await.unwrap_err();
        assert_eq!(error.exit_code(), 64, "{line}: {error}");
        assert!(error.to_string().starts_with(sentence), "{line}: {error}");
    }
}
