//! `central admin` as a script meets it: the code, the sentence, and the object in the place of a result.

use std::process::Output;

use serde_json::Value;

use crate::support::central::Place;

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_command_that_fails_says_so_in_its_code_a_sentence_and_an_object() {
    let place = Place::new();
    let add =
        ["admin", "website", "add", "--name", "Shop", "--domain", "shop.example", "--tracking-id", "FF-SHOP"];
    assert!(place.ask(&add).status.success());
    for (code, arguments, part) in [
        (64, &["website", "add", "--name", "Shop"][..], "--domain"),
        (64, &["website", "add", "--name", "Shop", "--domain", "a b"], "is not a domain"),
        (64, &["website", "show", "FF-SHOP"], "FF-SHOP"),
        (64, &["website", "show", "--website", "a/b"], "--website"),
        (64, &["website", "show", "--website", "FF-NOBODY"], "there is no website FF-NOBODY"),
        (64, &["website", "paint"], "paint"),
        (64, &["user", "add", "--name", "Ada", "--email", "ada"], "is not an email"),
        (
            64,
            &["user", "set-password", "--email", "ada@example.com", "--password-file", "/no/such/file"],
            "/no/such/file",
        ),
        (1, &["website", "add", "--name", "Other", "--domain", "shop.example"], "FF-SHOP"),
        (
            1,
            &["website", "add", "--name", "Other", "--domain", "x.example", "--tracking-id", "FF-SHOP"],
            "FF-SHOP",
        ),
    ] {
        let arguments = [&["admin"], arguments].concat();
        let plain = place.ask(&arguments);
        let (printed, sentence) = texts(&plain);
        assert_eq!((plain.status.code(), printed.as_str()), (Some(code), ""), "{arguments:?}: {sentence}");
        assert!(sentence.contains(part) && sentence.lines().count() == 1, "{arguments:?}: {sentence}");

        let told = place.ask(&[&arguments[..], &["--json"]].concat());
        let (printed, again) = texts(&told);
        assert_eq!((told.status.code(), &again), (Some(code), &sentence), "{arguments:?}");
        let object: Value = serde_json::from_str(&printed).expect("one object");
        assert_eq!(
            format!("central: {}\n", object["error"].as_str().expect("a sentence")),
            sentence,
            "{arguments:?}"
        );
        assert_eq!(object.as_object().map(serde_json::Map::len), Some(1), "{object}");
    }
    std::fs::remove_file(&place.config).expect("it is there");
    let unreadable = place.ask(&["admin", "website", "list", "--json"]);
    let (printed, _) = texts(&unreadable);
    let object: Value = serde_json::from_str(&printed).expect("one object");
    assert_eq!(unreadable.status.code(), Some(64));
    assert!(object["error"].as_str().is_some_and(|sentence| sentence.contains("central.toml")), "{object}");
}
